/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.ParameterStore;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Many virtual threads, on few native ones, compute what one thread computes. */
class VirtualThreadsTest {

    private static final int THREADS = 40;

    /**
     * A prompt and single tokens after it, so that all kernels are in use. Threads may sum up in
     * another order. The bound is a part of the largest logit: float32 is off by 1e-5 at most, and
     * where bfloat16 rounds the other way, by 2^-8 for each of 15 matrix products in a row, 6e-2.
     */
    @ParameterizedTest
    @CsvSource({
        "auto, float32, float32, 1e-5",
        "torch, float32, float32, 1e-5",
        "auto, int8 g16, float32, 1e-5",
        "torch, int4 g64 offsets, bfloat16, 6e-2"
    })
    void virtualThreadsMayCallEverything(String kernels, String kind, String dtype, float bound)
            throws Exception {
        assumeTrue(Runtime.version().feature() >= 21, "virtual threads need Java 21");
        try (NDManager manager = NDManager.newBaseManager("PyTorch")) {
            MistralConfig config = RandomNetwork.config(0);
            MistralForCausalLM network =
                    RandomNetwork.load(config, kind, manager, new ComputeOptions(kernels, dtype));
            ExecutorService executor =
                    (ExecutorService)
                            Executors.class
                                    .getMethod("newVirtualThreadPerTaskExecutor")
                                    .invoke(null);
            try {
                List<Future<float[]>> results = new ArrayList<>();
                for (int i = 0; i < THREADS; ++i) {
                    results.add(executor.submit(() -> logits(network, manager)));
                }
                float[] wanted = logits(network, manager);
                float largest = 0;
                for (float logit : wanted) {
                    largest = Math.max(largest, Math.abs(logit));
                }
                for (Future<float[]> result : results) {
                    float[] given = result.get(2, TimeUnit.MINUTES);
                    for (int i = 0; i < wanted.length; ++i) {
                        assertThat(Math.abs(given[i] - wanted[i]))
                                .isLessThanOrEqualTo(bound * largest);
                    }
                }
            } finally {
                executor.shutdownNow();
            }
        }
    }

    private static float[] logits(MistralForCausalLM network, NDManager manager) {
        ParameterStore parameters = new ParameterStore(manager, false);
        long[] ids = new Random(1).longs(20, 0, 77).toArray();
        try (NDManager scope = manager.newSubManager();
                KvCache cache = network.newCache(scope)) {
            Shape shape = new Shape(1, ids.length);
            ForwardInput prompt = ForwardInput.ofIds(scope.create(ids, shape)).cache(cache);
            network.forward(parameters, prompt, false);
            float[] logits = {};
            for (long id = 0; id < 5; ++id) {
                ForwardInput token =
                        ForwardInput.ofIds(scope.create(new long[] {id}, new Shape(1, 1)))
                                .cache(cache);
                logits = network.forward(parameters, token, false).logits().toFloatArray();
            }
            return logits;
        }
    }
}
