/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assumptions.assumeThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.ParameterStore;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.internal.cpu.InstructionSet;
import io.github.djlmistral.engine.internal.kernels.ReferenceKernels;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.kernels.KernelChoice;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.tests.model.Fixture;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.IntUnaryOperator;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** A network with native kernels equals one with reference kernels, whatever the passes. */
class NativeNetworkTest {

    private final NDManager manager = NDManager.newBaseManager("PyTorch");

    @BeforeAll
    static void requireNativeKernels() {
        assumeThat(InstructionSet.missing()).isNull();
    }

    static List<String> kinds() {
        return RandomNetwork.KINDS;
    }

    /**
     * Single tokens, against the reference with the same 8-bit rounding of int4's inputs. What
     * differs is the order of float32 sums, 1e-5, unless that moves an input across a rounding
     * boundary: then it and later ones differ by a quantization step. One input in four thousand
     * does, and a token has a thousand: most tokens have none, whatever the processor.
     */
    @ParameterizedTest
    @MethodSource("kinds")
    void computesWhatItSays(String kind) throws Exception {
        Pair pair = new Pair(RandomNetwork.config(0), kind, EightBitInputs.kernels());
        double[] errors = new double[15];
        for (int i = 0; i < errors.length; ++i) {
            errors[i] = pair.errors(1, 1, i, step -> 1)[0];
        }
        Arrays.sort(errors);
        assertThat(errors[errors.length / 3]).isLessThan(1e-5);
        assertThat(errors[errors.length - 1]).isLessThan(4.5e-2);
    }

    /**
     * Error of 8-bit inputs: a step is 1/127 of the largest magnitude of a group, so the RMS error
     * of an input is at most 1/127/sqrt(12) = 0.23 % of that, about 0.6 % of the input's own RMS
     * where the largest is 2.5 times that; through 14 products 0.6 % · sqrt(14) = 2.2 %. The bound
     * is twice that.
     */
    @ParameterizedTest
    @MethodSource("kinds")
    void logitsAreNearTheReference(String kind) throws Exception {
        Pair pair = new Pair(RandomNetwork.config(0), kind, new ReferenceKernels());
        pair.compare(1, 12, i -> 1 + i % 3, kind.startsWith("int4") ? 4.5e-2 : 1e-5);
    }

    static Stream<Integer> windows() {
        return Stream.of(5, 16, 33, 100);
    }

    @ParameterizedTest
    @MethodSource("windows")
    void rollsWithTheWindow(int window) throws Exception {
        Pair pair = new Pair(RandomNetwork.config(window), "bfloat16", new ReferenceKernels());
        pair.compare(2, 90, i -> 1, 1e-5);
    }

    @Test
    void computesRowsOfABatch() throws Exception {
        Pair pair = new Pair(RandomNetwork.config(0), "int4 g64 offsets", new ReferenceKernels());
        pair.compare(8, 6, i -> 1, 4.5e-2);
        pair.compare(2, 6, i -> 4, 4.5e-2);
    }

    /**
     * The logits of a token do not depend on how many tokens a pass has, nor on other rows of the
     * batch: every bit is the same.
     */
    @ParameterizedTest
    @CsvSource({
        "float32, 0, auto",
        "bfloat16, 7, auto",
        "float16, 40, auto",
        "int4 g32, 0, auto",
        "int4 g64 offsets, 20, auto",
        "int4 g32 order, 0, auto",
        "int8 g16, 7, auto",
        "nf4 g64, 40, auto",
        "int4 g32, 0, int8",
        "float32, 7, int8"
    })
    void passesDoNotChangeABit(String kind, int window, String caches) throws Exception {
        MistralConfig config = RandomNetwork.config(window);
        MistralForCausalLM network =
                RandomNetwork.load(
                        config,
                        kind,
                        manager,
                        new ComputeOptions("native", "auto", "auto", caches));
        Random random = new Random(8);
        int length = 60;
        long[] text = random.longs(length, 0, 77).toArray();
        List<float[]> expected = logits(network, List.of(text), i -> length).get(0);
        for (int run = 0; run < 6; ++run) {
            List<long[]> batch = new ArrayList<>();
            for (int row = 0; row < 1 + run % 3; ++row) {
                batch.add(row == run % 3 ? text : random.longs(length, 0, 77).toArray());
            }
            int longest = run == 0 ? 1 : 1 + 9 * run;
            List<float[]> actual =
                    logits(network, batch, i -> 1 + random.nextInt(longest)).get(run % 3);
            for (int i = 0; i < length; ++i) {
                assertThat(actual.get(i)).as("token %d, run %d", i, run).isEqualTo(expected.get(i));
            }
        }
    }

    /** Returns the logits of every token of each row, in passes of these lengths. */
    private List<List<float[]>> logits(
            MistralForCausalLM network, List<long[]> rows, IntUnaryOperator tokens) {
        int batch = rows.size();
        int length = rows.get(0).length;
        List<List<float[]>> result = new ArrayList<>();
        rows.forEach(row -> result.add(new ArrayList<>()));
        try (NDManager owner = manager.newSubManager()) {
            List<KvCache> caches = Fixture.caches(network, owner, batch);
            for (int from = 0; from < length; ) {
                int to = Math.min(length, from + tokens.applyAsInt(from));
                long[] ids = new long[batch * (to - from)];
                for (int b = 0; b < batch; ++b) {
                    System.arraycopy(rows.get(b), from, ids, b * (to - from), to - from);
                }
                try (NDManager scope = manager.newSubManager()) {
                    NDArray input = scope.create(ids, new Shape(batch, to - from));
                    float[] all = logits(network, scope, ForwardInput.ofIds(input).caches(caches));
                    int vocabulary = all.length / ids.length;
                    for (int i = 0; i < ids.length; ++i) {
                        result.get(i / (to - from))
                                .add(Arrays.copyOfRange(all, i * vocabulary, (i + 1) * vocabulary));
                    }
                }
                from = to;
            }
        }
        return result;
    }

    /** Many keys: several blocks, and partial results that threads combine. */
    @Test
    void seesManyKeys() throws Exception {
        Pair pair = new Pair(RandomNetwork.config(0), "float32", new ReferenceKernels());
        pair.compare(1, 50, i -> 8, 1e-5);
    }

    @Test
    void keepsPaddingOut() throws Exception {
        Pair pair = new Pair(RandomNetwork.config(0), "float32", new ReferenceKernels());
        long[] ids = new Random(3).longs(2L * 4, 0, 77).toArray();
        long[] mask = {0, 0, 1, 1, 1, 1, 1, 1};
        long[] positions = {0, 0, 0, 1, 0, 1, 2, 3};
        try (NDManager scope = manager.newSubManager()) {
            List<KvCache> a = Fixture.caches(pair.network, scope, 2);
            List<KvCache> b = Fixture.caches(pair.reference, scope, 2);
            Shape shape = new Shape(2, 4);
            float[][] both = new float[2][];
            for (int i = 0; i < 2; ++i) {
                ForwardInput input =
                        ForwardInput.ofIds(scope.create(ids, shape))
                                .attentionMask(scope.create(mask, shape))
                                .positionIds(scope.create(positions, shape))
                                .logitsToKeep(1)
                                .caches(i == 0 ? a : b);
                both[i] = logits(i == 0 ? pair.network : pair.reference, scope, input);
            }
            assertThat(error(both[0], both[1])).isLessThan(1e-5);
        }
    }

    /** Concurrent forward passes of one model do not mix their results. */
    @Test
    void servesManyThreads() throws Exception {
        MistralForCausalLM network =
                new Pair(RandomNetwork.config(0), "float32", new ReferenceKernels()).network;
        Callable<float[]> run =
                () -> {
                    float[] last = {};
                    try (NDManager scope = manager.newSubManager();
                            KvCache cache = network.newCache(scope)) {
                        for (int i = 0; i < 20; ++i) {
                            NDArray ids = scope.create(new long[] {i}, new Shape(1, 1));
                            last = logits(network, scope, ForwardInput.ofIds(ids).cache(cache));
                        }
                    }
                    return last;
                };
        float[] alone = run.call();
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            for (var result : threads.invokeAll(List.of(run, run, run, run))) {
                assertThat(result.get()).isEqualTo(alone);
            }
        } finally {
            threads.shutdown();
        }
    }

    private static float[] logits(MistralForCausalLM network, NDManager scope, ForwardInput input) {
        return network.forward(new ParameterStore(scope, false), input, false)
                .logits()
                .toFloatArray();
    }

    /** Relative L2 error. */
    private static double error(float[] actual, float[] expected) {
        assertThat(actual).hasSameSizeAs(expected);
        double difference = 0;
        double size = 0;
        for (int i = 0; i < expected.length; ++i) {
            difference += Math.pow((double) actual[i] - expected[i], 2);
            size += Math.pow(expected[i], 2);
        }
        return Math.sqrt(difference / size);
    }

    /** The same weights with native and with reference kernels. */
    private final class Pair {

        final MistralForCausalLM network;
        final MistralForCausalLM reference;

        Pair(MistralConfig config, String kind, Kernels kernels) throws Exception {
            Weights weights = RandomNetwork.weights(config, kind);
            network =
                    MistralForCausalLM.of(
                            config,
                            weights,
                            "test",
                            manager,
                            new ComputeOptions("native", "float32"));
            assertThat(network.kernelReason()).startsWith("native on ");
            KernelChoice choice = new KernelChoice(kernels, "a test");
            reference = MistralForCausalLM.of(config, weights, "test", manager, choice);
        }

        void compare(int batch, int steps, IntUnaryOperator tokens, double bound) {
            for (double error : errors(batch, steps, 1, tokens)) {
                assertThat(error).isLessThan(bound);
            }
        }

        double[] errors(int batch, int steps, long seed, IntUnaryOperator tokens) {
            Random random = new Random(seed);
            double[] errors = new double[steps];
            try (NDManager owner = manager.newSubManager()) {
                List<KvCache> a = Fixture.caches(network, owner, batch);
                List<KvCache> b = Fixture.caches(reference, owner, batch);
                for (int step = 0; step < steps; ++step) {
                    int count = tokens.applyAsInt(step);
                    long[] ids = random.longs((long) batch * count, 0, 77).toArray();
                    try (NDManager scope = manager.newSubManager()) {
                        Shape shape = new Shape(batch, count);
                        ForwardInput one = ForwardInput.ofIds(scope.create(ids, shape)).caches(a);
                        ForwardInput two = ForwardInput.ofIds(scope.create(ids, shape)).caches(b);
                        errors[step] =
                                error(logits(network, scope, one), logits(reference, scope, two));
                    }
                }
            }
            return errors;
        }
    }

    @AfterEach
    void close() {
        manager.close();
    }
}
