/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.benchmarks;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.ParameterStore;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.tests.kernels.RandomNetwork;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A pass through two layers of Mistral 7B with a vocabulary of 512: what all 32 layers take is 16
 * times as much, and the kernels for few tokens, which compute whole networks, show here what each
 * kind of weights and the length of the cache cost. Two layers have 436 million weights, 245 MB of
 * {@code int4-g32}: more than a processor's caches hold.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(1)
public class LayerBenchmark {

    private static final int VOCABULARY = 512;
    private static final int CHUNK = 512;

    private static final MistralConfig CONFIG =
            MistralConfig.mistral7bV01().toBuilder()
                    .numHiddenLayers(2)
                    .vocabSize(VOCABULARY)
                    .slidingWindow(null)
                    .build();

    /** Storage format of the weights. */
    @Param({"int4-g32", "int4-g64", "int4-g128", "int4-g64-offsets", "nf4-g64"})
    public String weight;

    /** Tokens per forward pass. */
    @Param({"1", "8", "512"})
    public int tokens;

    /** Tokens in the KV cache before the pass. */
    @Param({"0", "4096"})
    public int depth;

    /** Kernel set. */
    @Param("auto")
    public String kernels;

    /** Data type of the activations and the KV cache. */
    @Param("bfloat16")
    public String dtype;

    private final Random random = new Random(1);
    private NDManager manager;
    private ParameterStore parameters;
    private MistralForCausalLM network;
    private KvCache cache;

    /** Creates the network and fills its KV cache. */
    @Setup
    public void setUp() throws MalformedModelException {
        manager = NDManager.newBaseManager("PyTorch");
        parameters = new ParameterStore(manager, false);
        Weights weights = RandomNetwork.weights(CONFIG, weight);
        network =
                MistralForCausalLM.of(
                        CONFIG, weights, "random", manager, new ComputeOptions(kernels, dtype));
        System.out.println("# " + network.kernelReason());
        cache = network.newCache(manager);
        for (int done = 0; done < depth; done += CHUNK) {
            pass(CHUNK);
        }
    }

    private float pass(int width) {
        try (NDManager step = manager.newSubManager()) {
            long[] ids = random.longs(width, 0, VOCABULARY).toArray();
            ForwardInput input =
                    ForwardInput.ofIds(step.create(ids, new Shape(1, width)))
                            .cache(cache)
                            .logitsToKeep(1);
            return network.forward(parameters, input, false).logits().toFloatArray()[0];
        }
    }

    /** One pass. */
    @Benchmark
    public float pass() {
        cache.crop(depth);
        return pass(tokens);
    }

    /** Frees everything. */
    @TearDown
    public void tearDown() {
        manager.close();
    }
}
