/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.kernels;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.internal.cpu.InstructionSet;
import io.github.djlmistral.engine.internal.kernels.AttentionMask;
import io.github.djlmistral.engine.internal.kernels.NativeKernels;
import io.github.djlmistral.engine.internal.kernels.ReferenceKernels;
import io.github.djlmistral.engine.internal.kernels.TorchKernels;
import io.github.djlmistral.engine.kernels.AttentionInput;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.kernels.KeyValues;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.model.Fixture;
import io.github.djlmistral.tests.quantization.Matrices;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Native kernels equal the reference kernels, and give the same bits with every instruction set,
 * number of threads and number of tokens.
 */
class NativeKernelsTest extends Fixture {

    /** Unit roundoff of float32. */
    private static final double UNIT = Math.scalb(1.0, -24);

    private final Kernels reference = new ReferenceKernels();

    @BeforeEach
    void requireLibrary() {
        assumeAvailable("native");
    }

    private NativeKernels kernels(Dtype dtype) {
        return kernels(dtype, InstructionSet.available().get(0));
    }

    private NativeKernels kernels(Dtype dtype, InstructionSet set) {
        return new NativeKernels(new TorchKernels(manager, dtype), set);
    }

    /** Every instruction set, each with another number of threads. */
    private List<NativeKernels> variants(Dtype dtype) {
        List<NativeKernels> variants = new ArrayList<>();
        for (InstructionSet set : InstructionSet.available()) {
            for (int threads : new int[] {1, 2, 3, 5}) {
                variants.add(kernels(dtype, set).withThreads(threads));
            }
        }
        return variants;
    }

    private static NDArray row(NDArray x, int row) {
        return x.get(new NDIndex().addSliceDim(row, row + 1).addAllDim());
    }

    static Stream<Arguments> matrices() {
        int[][] shapes = {
            {1, 32}, {15, 64}, {16, 128}, {45, 640}, {130, 384}, {64, 1088}, {70, 768}
        };
        String[] kinds = {
            "int4 g32",
            "int4 g64 offsets",
            "int4 g128 f32",
            "int4 g32 f32 offsets",
            "int4 g32 order",
            "int4 g32 two offsets",
            "int6 g16",
            "int6 g32 offsets",
            "int6 g16 two",
            "int6 g32 two offsets",
            "int8 g16",
            "int8 g32 f32 offsets",
            "nf4 g64",
            "nf4 g32"
        };
        Stream.Builder<Arguments> cases = Stream.builder();
        for (String kind : kinds) {
            int group = Integer.parseInt(kind.replaceAll(".* g(\\d+).*", "$1"));
            for (int[] shape : shapes) {
                if (shape[1] % (kind.contains("two") ? 256 : group) == 0) {
                    cases.add(Arguments.of(kind, shape[0], shape[1]));
                }
            }
        }
        // blocks over the end of a row, rows that end within a byte
        cases.add(Arguments.of("nf4 g64", 45, 96));
        cases.add(Arguments.of("nf4 g64", 7, 13));
        cases.add(Arguments.of("nf4 g6", 9, 8));
        return cases.build();
    }

    /**
     * A sum of n products is off by n roundings at most, relative to the products' magnitudes;
     * inputs of int4 and int6 are those that are rounded to int8.
     */
    @ParameterizedTest
    @MethodSource("matrices")
    void quantizedLinear(String kind, int rows, int columns) {
        QuantizedWeight weight = Matrices.of(kind, rows, columns, 3);
        Kernels exact = kind.matches("int[46].*") ? EightBitInputs.kernels() : reference;
        NDArray x = random(1, 19, columns);
        NDArray expected = exact.quantized(manager, weight).forward(x);
        double largest = columns * x.abs().max().getFloat() * Matrices.largest(columns);
        double tolerance = (columns + 8) * UNIT * largest;
        NDArray first = null;
        for (NativeKernels kernels : variants(Dtype.FLOAT32)) {
            var layer = kernels.quantized(manager, weight);
            NDArray all = layer.forward(x);
            assertClose(all, expected, tolerance);
            first = first == null ? all : first;
            assertThat(all.toFloatArray()).as("%s", kernels).isEqualTo(first.toFloatArray());
            for (int count : new int[] {1, 2, 3, 4, 5, 7}) {
                NDArray some =
                        layer.forward(x.get(new NDIndex().addSliceDim(0, count).addAllDim()));
                assertThat(row(some, count - 1).toFloatArray())
                        .isEqualTo(row(all, count - 1).toFloatArray());
            }
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"FLOAT32", "FLOAT16", "BFLOAT16"})
    void linear(Dtype dtype) {
        int[][] shapes = {{1, 1}, {3, 7}, {17, 33}, {48, 256}, {50, 300}, {97, 1029}};
        for (int[] shape : shapes) {
            Tensor tensor = Matrices.numbers(dtype, -2, 2, new Random(5), shape[0], shape[1]);
            NDArray x = random(1, 53, shape[1]);
            NDArray expected = reference.linear(x, reference.load(manager, tensor));
            double largest = shape[1] * x.abs().max().getFloat() * 2;
            NDArray first = null;
            for (NativeKernels kernels : variants(dtype)) {
                NDArray weight = kernels.load(manager, tensor);
                NDArray all = kernels.linear(x, weight);
                assertClose(all, expected, (shape[1] + 1) * UNIT * largest);
                first = first == null ? all : first;
                assertThat(all.toFloatArray()).as("%s", kernels).isEqualTo(first.toFloatArray());
                for (int count : new int[] {1, 2, 3, 4, 48}) {
                    NDArray part = x.get(new NDIndex().addSliceDim(0, count).addAllDim());
                    assertThat(row(kernels.linear(part, weight), count - 1).toFloatArray())
                            .isEqualTo(row(all, count - 1).toFloatArray());
                }
            }
        }
    }

    /** Tokens of a head, key/value heads that share it, head size, window, earlier tokens. */
    static Stream<Arguments> attentions() {
        return Stream.of(
                Arguments.of(1, 1, 2, 0, 0),
                Arguments.of(5, 4, 6, 0, 0),
                Arguments.of(5, 4, 6, 3, 9),
                Arguments.of(1, 3, 16, 0, 700),
                Arguments.of(1, 4, 32, 100, 700),
                Arguments.of(40, 2, 32, 0, 500),
                Arguments.of(40, 2, 32, 530, 1200),
                Arguments.of(700, 1, 8, 20, 0),
                Arguments.of(1100, 1, 8, 20, 300));
    }

    private static final int GROUPS = 2;

    private AttentionInput input(
            List<KeyValues> caches, int past, int count, int size, int window, NDArray mask) {
        int batch = caches.size();
        int[] begins = IntStream.rangeClosed(0, batch).map(b -> b * count).toArray();
        long[] positions =
                IntStream.range(0, batch * count).mapToLong(i -> past + i % count).toArray();
        float[] frequencies = new float[size / 2];
        for (int i = 0; i < frequencies.length; ++i) {
            frequencies[i] = (float) Math.pow(10000, -2.0 * i / size);
        }
        return new AttentionInput(
                begins, caches, positions, frequencies, window, mask, mask != null);
    }

    /** Runs two passes with a cache: the earlier tokens, then the others. */
    private NDList attention(
            Kernels kernels, int count, int share, int size, int window, int past, boolean masked) {
        int batch = 2;
        List<KeyValues> caches =
                Stream.generate(() -> kernels.newKeyValues(manager, 1, GROUPS, size, window))
                        .limit(batch)
                        .toList();
        NDList result = new NDList();
        for (int i = past == 0 ? 1 : 0; i < 2; ++i) {
            int tokens = i == 0 ? past : count;
            int before = i == 0 ? 0 : past;
            int end = before + tokens;
            int seen = window > 0 ? Math.min(end, window - 1 + tokens) : end;
            NDArray mask =
                    masked && i == 1
                            ? AttentionMask.additive(
                                    manager,
                                    batch,
                                    before,
                                    tokens,
                                    IntStream.range(end - seen, end).toArray(),
                                    window,
                                    (row, position) -> row == 1 && position == end - 2)
                            : null;
            NDArray rows = mask == null ? null : mask.reshape((long) batch * tokens, -1);
            long n = (long) batch * tokens;
            caches.forEach(cache -> cache.reserve(tokens));
            result =
                    kernels.attention(manager, input(caches, before, tokens, size, window, rows))
                            .forward(
                                    0,
                                    random(10 + i, n, (long) GROUPS * share * size),
                                    random(20 + i, n, (long) GROUPS * size),
                                    random(30 + i, n, (long) GROUPS * size));
            caches.forEach(cache -> cache.advance(tokens));
        }
        return result;
    }

    /**
     * Scores, sums of D products of up to 4.5 · 4.5 scaled by 1/sqrt(D), are off by D + 6 roundings
     * at most, with those of the rotary embedding; so, relatively, are the weights.
     */
    @ParameterizedTest
    @MethodSource("attentions")
    void attention(int count, int share, int size, int window, int past) {
        double tolerance = 4.5 * UNIT * 2 * (size + 8) * 20 * Math.sqrt(size);
        for (boolean masked : new boolean[] {false, true}) {
            NDList expected = attention(reference, count, share, size, window, past, masked);
            float[] first = null;
            for (NativeKernels kernels : variants(Dtype.FLOAT32)) {
                NDList actual = attention(kernels, count, share, size, window, past, masked);
                assertThat(actual).hasSameSizeAs(expected);
                for (int i = 0; i < actual.size(); ++i) {
                    assertClose(actual.get(i), expected.get(i), tolerance);
                }
                float[] context = actual.get(0).toFloatArray();
                first = first == null ? context : first;
                assertThat(context).as("%s", kernels).isEqualTo(first);
            }
        }
    }

    /**
     * Keys and values are rounded by at most 1/254 of the largest number of a head, about 1 percent
     * of a usual one; half of that on average, and less where it averages out.
     */
    @ParameterizedTest
    @MethodSource("attentions")
    void attentionWithEightBitCaches(int count, int share, int size, int window, int past) {
        for (boolean masked : new boolean[] {false, true}) {
            NDArray expected =
                    attention(reference, count, share, size, window, past, masked).get(0);
            float[] first = null;
            for (InstructionSet set : InstructionSet.available()) {
                for (int threads : new int[] {1, 3}) {
                    NativeKernels kernels =
                            new NativeKernels(
                                            new TorchKernels(manager, Dtype.FLOAT32),
                                            set,
                                            Dtype.INT8)
                                    .withThreads(threads);
                    NDArray actual =
                            attention(kernels, count, share, size, window, past, masked).get(0);
                    NDArray error = actual.sub(expected);
                    double relative =
                            Math.sqrt(error.square().sum().getFloat())
                                    / Math.sqrt(expected.square().sum().getFloat());
                    assertThat(relative).isBetween(1e-5, 0.02);
                    float[] context = actual.toFloatArray();
                    first = first == null ? context : first;
                    assertThat(context).as("%s", kernels).isEqualTo(first);
                }
            }
        }
    }

    /** Sequences of different lengths, packed, have the bits that each has alone. */
    @ParameterizedTest
    @EnumSource(names = {"FLOAT32", "FLOAT16", "BFLOAT16"})
    void raggedSequences(Dtype dtype) {
        int size = 16;
        int[] past = {600, 0, 3, 17};
        int[] count = {1, 40, 1, 5};
        int[] begins = {0, 1, 41, 42, 47};
        float[] frequencies = input(List.of(), 0, 1, size, 0, null).inverseFrequencies();
        for (NativeKernels kernels : variants(dtype)) {
            List<KeyValues> caches = new ArrayList<>();
            long[] positions = new long[47];
            NDArray q = random(1, 47, 64);
            NDArray k = random(2, 47, 32);
            NDArray v = random(3, 47, 32);
            float[][] alone = new float[4][];
            for (int b = 0; b < 4; ++b) {
                for (int t = 0; t < count[b]; ++t) {
                    positions[begins[b] + t] = (long) past[b] + t;
                }
                KeyValues cache = kernels.newKeyValues(manager, 1, GROUPS, size, 0);
                if (past[b] > 0) {
                    cache.reserve(past[b]);
                    kernels.attention(manager, input(List.of(cache), 0, past[b], size, 0, null))
                            .forward(
                                    0,
                                    random(4 + b, past[b], 64),
                                    random(5 + b, past[b], 32),
                                    random(6 + b, past[b], 32));
                    cache.advance(past[b]);
                }
                // what is written to the fork is not seen by the other cache
                KeyValues own = cache.fork(manager);
                own.reserve(count[b]);
                cache.reserve(count[b]);
                caches.add(cache);
                NDIndex rows = new NDIndex().addSliceDim(begins[b], begins[b + 1]).addAllDim();
                alone[b] =
                        kernels.attention(
                                        manager,
                                        input(List.of(own), past[b], count[b], size, 0, null))
                                .forward(
                                        0,
                                        q.get(rows).duplicate(),
                                        k.get(rows).duplicate(),
                                        v.get(rows).duplicate())
                                .get(0)
                                .toFloatArray();
            }
            AttentionInput packed =
                    new AttentionInput(begins, caches, positions, frequencies, 0, null, false);
            float[] all =
                    kernels.attention(manager, packed).forward(0, q, k, v).get(0).toFloatArray();
            for (int b = 0; b < 4; ++b) {
                assertThat(Arrays.copyOfRange(all, begins[b] * 64, begins[b + 1] * 64))
                        .as("sequence %d with %s", b, kernels)
                        .isEqualTo(alone[b]);
            }
        }
    }

    /** The mean of E squares, a root and two products: at most E / 2 + 5 roundings. */
    @ParameterizedTest
    @CsvSource({"1, 1e-5", "6, 1e-6", "64, 1e-5", "300, 0.5"})
    void rmsNorm(int width, float eps) {
        NDArray x = random(1, 7, width).mul(0.01f);
        Tensor stored = Matrices.numbers(Dtype.BFLOAT16, -2, 2, new Random(2), width);
        NDArray expected = reference.rmsNorm(x, reference.load(manager, stored), eps);
        double tolerance = expected.abs().max().getFloat() * UNIT * (width + 10);
        for (NativeKernels kernels : variants(Dtype.BFLOAT16)) {
            NDArray weight = kernels.load(manager, stored);
            assertClose(kernels.rmsNorm(x, weight, eps), expected, tolerance);
        }
    }

    @Test
    void swiGluAndAdd() {
        NDArray gate = random(1, 5, 37).mul(20);
        NDArray up = random(2, 5, 37);
        NDArray expected = reference.swiGlu(gate, up);
        double tolerance = 16 * UNIT * expected.abs().max().getFloat();
        for (NativeKernels kernels : variants(Dtype.FLOAT32)) {
            assertClose(kernels.swiGlu(gate, up), expected, tolerance);
            assertThat(kernels.add(gate, up)).isEqualTo(gate.add(up));
        }
    }

    @ParameterizedTest
    @EnumSource(names = {"FLOAT32", "FLOAT16", "BFLOAT16"})
    void embedding(Dtype dtype) {
        Tensor table = Matrices.numbers(dtype, -2, 2, new Random(2), 11, 6);
        NDArray ids = manager.create(new long[] {10, 0, 3, 3});
        NDArray expected = reference.embedding(ids, reference.load(manager, table));
        NativeKernels kernels = kernels(dtype);
        NDArray weight = kernels.load(manager, table);
        assertThat(kernels.embedding(ids, weight)).isEqualTo(expected);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.embedding(manager.create(new long[] {11}), weight))
                .withMessageContaining("0 to 10");
    }

    /** A failure on another thread is thrown on the caller's, and the kernels stay usable. */
    @Test
    void failuresOfThreadsAreThrown() {
        NativeKernels kernels = kernels(Dtype.FLOAT32).withThreads(3);
        QuantizedWeight table = Matrices.of("int4 g32", 32, 64, 1);
        long[] ids = new Random(1).longs(40, 0, 32).toArray();
        NDArray good = manager.create(ids);
        NDArray expected = reference.embedding(good, table);
        ids[39] = 1 << 20;
        NDArray bad = manager.create(ids);
        for (int i = 0; i < 50; ++i) {
            assertThatIllegalStateException()
                    .isThrownBy(() -> kernels.embedding(bad, table))
                    .withCauseInstanceOf(IndexOutOfBoundsException.class)
                    .satisfies(e -> assertThat(e.getCause().getSuppressed()).isEmpty());
            assertThat(kernels.embedding(good, table)).isEqualTo(expected);
        }
    }

    /** Arrays of another size or type than the shapes say never reach the C code. */
    @Test
    void arraysAreChecked() {
        NativeKernels kernels = kernels(Dtype.FLOAT32);
        NDArray weight = random(1, 8, 16);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.linear(random(2, 3, 15), weight));
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () ->
                                kernels.linear(
                                        random(2, 3, 16).toType(DataType.FLOAT64, false), weight));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> kernels.add(random(2, 3, 16), random(2, 3, 8)));
    }

    /**
     * An output layer of 2 GiB and 1 MiB in float32, as a vocabulary of 131,072 and a hidden size
     * beyond 4,096 make it; never written to but for two rows, so it takes no memory.
     */
    @Test
    void readsMatricesBeyondTwoGibibytes() {
        int hidden = 1 << 14;
        int rows = (1 << 15) + 16;
        NDArray head = manager.create(new Shape(rows, hidden), DataType.FLOAT32);
        head.set(new NDIndex(0), 0f);
        head.set(new NDIndex(rows - 1), 1f);
        float[] logits =
                kernels(Dtype.FLOAT32)
                        .linear(manager.ones(new Shape(1, hidden)), head)
                        .toFloatArray();
        assertThat(logits).hasSize(rows);
        assertThat(logits[0]).isZero();
        assertThat(logits[rows - 1]).isEqualTo(hidden);
    }
}
