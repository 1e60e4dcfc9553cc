/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.kernels;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.internal.kernels.AttentionMask;
import io.github.djlmistral.engine.internal.kernels.ReferenceKernels;
import io.github.djlmistral.engine.internal.kernels.TorchKernels;
import io.github.djlmistral.engine.internal.kernels.UnfusedKernels;
import io.github.djlmistral.engine.internal.kernels.UnfusedKernels.CacheSlots;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.model.Fixture;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.List;
import java.util.Random;
import java.util.TreeSet;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Operations of the torch kernels against the reference kernels, and these against formulas. */
class KernelsTest extends Fixture {

    /** Unit roundoff of float32: half a unit in the last place, relative. */
    private static final double UNIT = Math.scalb(1.0, -24);

    private UnfusedKernels reference;
    private UnfusedKernels torch;

    @BeforeEach
    void kernels() {
        reference = new ReferenceKernels();
        torch = new TorchKernels(manager, Dtype.FLOAT32);
    }

    /** Queries, keys before them, heads, key/value heads, head dimension, batch size. */
    static Stream<Arguments> attentions() {
        int[][] heads = {{4, 4, 2}, {4, 2, 6}, {4, 1, 16}, {3, 3, 6}};
        Stream.Builder<Arguments> cases = Stream.builder();
        int at = 0;
        for (int queries : new int[] {1, 2, 7, 255, 256, 257, 300}) {
            for (int past : new int[] {0, 1, 13, 270}) {
                int[] h = heads[at % heads.length];
                cases.add(Arguments.of(queries, past, h[0], h[1], h[2], at % 3 == 0 ? 3 : 1));
                ++at;
            }
        }
        for (int[] h : heads) {
            for (int queries : new int[] {1, 5}) {
                cases.add(Arguments.of(queries, 4, h[0], h[1], h[2], 3));
            }
        }
        return cases.build();
    }

    /**
     * How far two ways of computing attention may be apart, u being a unit of {@link #UNIT}:
     *
     * <ul>
     *   <li>A score, a sum of D products scaled by 1/sqrt(D), is off by (D + 2) · u · S at most, S
     *       being the largest sum of the products' magnitudes. Its exponential is off by as much,
     *       relatively, and by the exponential's own error: 20 units in the last place are 40 u
     *       (PyTorch's {@code exp_u20}, AVX-512).
     *   <li>The sum over the K keys, by which each weight is divided, is off by as much and by K
     *       roundings more.
     *   <li>The sum of K weighted values of at most V adds K + 2 roundings.
     * </ul>
     */
    private static double attentionBound(NDArray q, NDArray k, NDArray v) {
        long size = q.getShape().get(3);
        long keys = k.getShape().get(2);
        NDArray key = k.abs().repeat(1, q.getShape().get(1) / k.getShape().get(1));
        double scores =
                q.abs().matMul(key.transpose(0, 1, 3, 2)).max().getFloat()
                        / Math.sqrt((double) size);
        double exponential = (size + 2) * scores + 40 + 1;
        double largest = v.abs().max().getFloat();
        return 2 * largest * UNIT * (2 * exponential + 2 * keys + 3);
    }

    @ParameterizedTest
    @MethodSource("attentions")
    void attention(int queries, int past, int heads, int groups, int size, int batch) {
        int keys = past + queries;
        NDArray q = random(1, batch, heads, queries, size);
        NDArray k = random(2, batch, groups, keys, size);
        NDArray v = random(3, batch, groups, keys, size);
        double tolerance = attentionBound(q, k, v);
        int[] all = IntStream.range(0, keys).toArray();
        for (int window : new TreeSet<>(List.of(0, 1, 3, keys))) {
            NDArray expected = reference.attend(q, k, v, null, window);
            assertThat(expected.getShape())
                    .isEqualTo(new Shape(batch, queries, (long) heads * size));
            assertClose(torch.attend(q, k, v, null, window), expected, tolerance);
            NDArray mask = AttentionMask.additive(manager, batch, past, queries, all, window, null);
            assertClose(reference.attend(q, k, v, mask, window), expected, tolerance);
            assertClose(torch.attend(q, k, v, mask, window), expected, tolerance);
        }
    }

    /** Queries that attend to nothing have no defined result, but no NaN. */
    @ParameterizedTest
    @CsvSource({"1, 9, 0", "5, 4, 3", "12, 0, 0", "12, 0, 2"})
    void attentionUnderPadding(int queries, int past, int window) {
        int keys = past + queries;
        NDArray q = random(1, 2, 4, queries, 6);
        NDArray k = random(2, 2, 2, keys, 6);
        NDArray v = random(3, 2, 2, keys, 6);
        int[] padding = {0, 3};
        NDArray mask =
                AttentionMask.additive(
                        manager,
                        2,
                        past,
                        queries,
                        IntStream.range(0, keys).toArray(),
                        window,
                        (row, position) -> position < padding[row]);
        NDArray expected = reference.attend(q, k, v, mask, window);
        NDArray actual = torch.attend(q, k, v, mask, window);
        assertThat(expected.isNaN().any().getBoolean()).isFalse();
        assertThat(actual.isNaN().any().getBoolean()).isFalse();
        // queries of row 1 before position 3 are padding themselves
        NDArray counts = manager.ones(new Shape(2, queries, 1));
        for (int t = 0; t < queries && past + t < 3; ++t) {
            counts.set(new NDIndex(1, t, 0), 0f);
        }
        double tolerance = attentionBound(q, k, v);
        assertClose(actual.mul(counts), expected.mul(counts), tolerance);
    }

    /** Attention weights applied to the values equal the attention output. */
    @ParameterizedTest
    @CsvSource({"1, 8, 0", "6, 3, 0", "6, 3, 2"})
    void attentionWeights(int queries, int past, int window) {
        int keys = past + queries;
        NDArray q = random(1, 2, 4, queries, 6);
        NDArray k = random(2, 2, 4, keys, 6);
        NDArray v = random(3, 2, 4, keys, 6);
        int[] all = IntStream.range(0, keys).toArray();
        NDArray mask = AttentionMask.additive(manager, 2, past, queries, all, window, null);
        double tolerance = attentionBound(q, k, v);
        for (UnfusedKernels kernels : new UnfusedKernels[] {reference, torch}) {
            NDArray weights = kernels.attentionWeights(q, k, mask);
            // each weight has been rounded, and so has each sum on the way
            assertClose(
                    weights.sum(new int[] {-1}),
                    manager.ones(new Shape(2, 4, queries)),
                    (2 * keys + 2) * UNIT);
            NDArray context = weights.matMul(v).transpose(0, 2, 1, 3).reshape(2, queries, -1);
            assertClose(kernels.attend(q, k, v, null, window), context, tolerance);
            int seen = window == 0 ? keys : window;
            NDArray last = weights.get(":, :, -1, :").gt(0).sum(new int[] {-1});
            assertThat(last.toLongArray()).containsOnly(seen);
        }
    }

    /** The mean of E squares, a root and two products: at most E / 2 + 5 roundings. */
    @ParameterizedTest
    @CsvSource({"1, 1e-5", "6, 1e-6", "64, 1e-5", "300, 0.5"})
    void rmsNorm(int width, float eps) {
        NDArray x = random(1, 2, 3, width).mul(0.01f);
        NDArray weight = random(2, width);
        float[] in = x.toFloatArray();
        float[] w = weight.toFloatArray();
        float[] expected = new float[in.length];
        for (int row = 0; row < in.length; row += width) {
            double squares = 0;
            for (int i = 0; i < width; ++i) {
                squares += (double) in[row + i] * in[row + i];
            }
            for (int i = 0; i < width; ++i) {
                expected[row + i] = (float) (w[i] * in[row + i] / Math.sqrt(squares / width + eps));
            }
        }
        double largest = manager.create(expected).abs().max().getFloat();
        double tolerance = largest * UNIT * (width / 2.0 + 5);
        NDArray exact = manager.create(expected, x.getShape());
        assertClose(reference.rmsNorm(x, weight, eps), exact, tolerance);
        assertClose(torch.rmsNorm(x, weight, eps), exact, tolerance);
    }

    /** A sigmoid and two products: a few roundings of the result. */
    @Test
    void swiGlu() {
        NDArray gate = random(1, 2, 3, 37).mul(20);
        NDArray up = random(2, 2, 3, 37);
        float[] g = gate.toFloatArray();
        float[] u = up.toFloatArray();
        float[] expected = new float[g.length];
        for (int i = 0; i < g.length; ++i) {
            expected[i] = (float) (g[i] / (1 + Math.exp(-g[i])) * u[i]);
        }
        NDArray exact = manager.create(expected, gate.getShape());
        double tolerance = 8 * UNIT * exact.abs().max().getFloat();
        assertClose(reference.swiGlu(gate, up), exact, tolerance);
        assertClose(torch.swiGlu(gate, up), exact, tolerance);
    }

    /** A lookup is exact. */
    @Test
    void embedding() {
        NDArray table = random(1, 11, 6);
        NDArray ids = manager.create(new long[] {10, 0, 3, 3, 7, 1}, new Shape(2, 3));
        float[] rows = table.toFloatArray();
        for (UnfusedKernels kernels : new UnfusedKernels[] {reference, torch}) {
            NDArray found = kernels.embedding(ids, table);
            assertThat(found.getShape()).isEqualTo(new Shape(2, 3, 6));
            long[] flat = ids.toLongArray();
            for (int i = 0; i < flat.length; ++i) {
                for (int e = 0; e < 6; ++e) {
                    assertThat(found.toFloatArray()[i * 6 + e])
                            .isEqualTo(rows[(int) flat[i] * 6 + e]);
                }
            }
        }
    }

    /** Two sums of 37 products: each is off by 38 roundings at most, relative to magnitudes. */
    @Test
    void linear() {
        NDArray x = random(1, 2, 3, 37);
        NDArray weight = random(2, 5, 37);
        NDArray expected = x.mul(1).reshape(6, 37).matMul(weight.transpose()).reshape(2, 3, 5);
        double largest = x.abs().reshape(6, 37).matMul(weight.abs().transpose()).max().getFloat();
        double tolerance = 2 * 38 * UNIT * largest;
        assertClose(reference.linear(x, weight), expected, tolerance);
        assertClose(torch.linear(x, weight), expected, tolerance);
    }

    /**
     * The half-split layout against complex numbers: element i and i + D/2 of a head are the real
     * and imaginary part of one, which is multiplied with exp(i·p·f). The angle is rounded to
     * float32, so at position p it may be off by p units.
     */
    @ParameterizedTest
    @CsvSource({"1, 2, 0", "2, 6, 5", "4, 16, 1000"})
    void rotaryIsAMultiplicationOfComplexNumbers(int heads, int size, int first) {
        int batch = 2;
        int tokens = 3;
        long[] positions = {first, first + 1L, first + 2L, 0, 7, first};
        float[] frequencies = new float[size / 2];
        for (int i = 0; i < frequencies.length; ++i) {
            frequencies[i] = (float) Math.pow(10000, -2.0 * i / size);
        }
        NDArray q = random(1, batch, tokens, (long) heads * size);
        NDArray k = random(2, batch, tokens, size);
        NDArray v = random(3, batch, tokens, size);
        float[] in = q.toFloatArray();
        float[] expected = new float[in.length];
        for (int b = 0; b < batch; ++b) {
            for (int t = 0; t < tokens; ++t) {
                for (int h = 0; h < heads; ++h) {
                    int from = ((b * tokens + t) * heads + h) * size;
                    int to = ((b * heads + h) * tokens + t) * size;
                    for (int i = 0; i < size / 2; ++i) {
                        double angle = (double) positions[b * tokens + t] * frequencies[i];
                        double re = in[from + i];
                        double im = in[from + i + size / 2];
                        expected[to + i] = (float) (re * Math.cos(angle) - im * Math.sin(angle));
                        expected[to + i + size / 2] =
                                (float) (re * Math.sin(angle) + im * Math.cos(angle));
                    }
                }
            }
        }
        NDArray exact = manager.create(expected, new Shape(batch, heads, tokens, size));
        double tolerance = 5 * UNIT * (2 * (first + 7) + 4);
        NDArray at = manager.create(positions, new Shape(batch, tokens));
        for (UnfusedKernels kernels : new UnfusedKernels[] {reference, torch}) {
            NDList tables = kernels.rotaryTables(at, manager.create(frequencies));
            assertThat(tables.get(0).getShape()).isEqualTo(new Shape(batch, 1, tokens, size));
            NDList rotated = kernels.rotary(q, k, v, tables, null);
            assertClose(rotated.get(0), exact, tolerance);
            // one key head: the same function of other numbers; values only change places
            NDList keyAsQuery = kernels.rotary(k, k, v, tables, null);
            assertClose(rotated.get(1), keyAsQuery.get(0), rotaryBound(k));
            assertClose(rotated.get(2), v.expandDims(1), 0);
        }
    }

    /** Twice two products and their sum, each rounded: whether by fused instructions or not. */
    private static double rotaryBound(NDArray x) {
        return 2 * 3 * UNIT * 2 * x.abs().max().getFloat();
    }

    /** Tokens are written to consecutive slots; other slots stay unchanged. */
    @ParameterizedTest
    @CsvSource({"1, 4", "1, 0", "3, 0", "3, 2", "5, 0"})
    void rotaryWritesToTheCache(int tokens, int first) {
        long[] slots = LongStream.range(first, first + tokens).toArray();
        NDArray q = random(1, 1, tokens, 4 * 6);
        NDArray k = random(2, 1, tokens, 2 * 6);
        NDArray v = random(3, 1, tokens, 2 * 6);
        NDArray positions = manager.arange(0, tokens, 1, DataType.INT64).expandDims(0);
        NDArray frequencies = manager.create(new float[] {1, 0.5f, 0.25f});
        for (UnfusedKernels kernels : new UnfusedKernels[] {reference, torch}) {
            NDList tables = kernels.rotaryTables(positions, frequencies);
            NDArray keys = kernels.zeros(manager, new Shape(1, 2, 5, 6));
            NDArray values = kernels.zeros(manager, new Shape(1, 2, 5, 6));
            NDList rotated =
                    kernels.rotary(
                            q, k, v, tables, new CacheSlots(keys, values, manager.create(slots)));
            NDList plain = kernels.rotary(q, k, v, tables, null);
            assertClose(rotated.get(0), plain.get(0), rotaryBound(q));
            assertClose(rotated.get(1), plain.get(1), rotaryBound(k));
            assertClose(rotated.get(2), plain.get(2), 0);
            for (int slot = 0; slot < 5; ++slot) {
                int index = slot - first;
                boolean written = index >= 0 && index < tokens;
                NDArray zeros = manager.zeros(new Shape(1, 2, 6));
                String here = ":, :, " + slot;
                String there = ":, :, " + index;
                // the cache holds the returned keys
                assertClose(keys.get(here), written ? rotated.get(1).get(there) : zeros, 0);
                assertClose(values.get(here), written ? rotated.get(2).get(there) : zeros, 0);
            }
        }
    }

    /** Every stored data type into every data type of the kernels, with values exact in all. */
    @ParameterizedTest
    @EnumSource(
            value = Dtype.class,
            names = {"FLOAT32", "FLOAT16", "BFLOAT16"})
    void loading(Dtype stored) {
        // exactly representable in all types
        float[] values = {0, 1, -1.5f, 0.0078125f, 96, -0.625f};
        ByteBuffer bytes =
                ByteBuffer.allocateDirect(values.length * stored.bytes())
                        .order(ByteOrder.LITTLE_ENDIAN);
        short[] halves = {0, 0x3C00, (short) 0xBE00, 0x2000, 0x5600, (short) 0xB900};
        for (int i = 0; i < values.length; ++i) {
            switch (stored) {
                case FLOAT32 -> bytes.putFloat(values[i]);
                case FLOAT16 -> bytes.putShort(halves[i]);
                default -> bytes.putShort((short) (Float.floatToIntBits(values[i]) >>> 16));
            }
        }
        Tensor tensor = new Tensor("t", stored, new long[] {2, 3}, bytes.flip());
        for (Dtype dtype : new Dtype[] {Dtype.FLOAT32, Dtype.FLOAT16, Dtype.BFLOAT16}) {
            UnfusedKernels kernels = new TorchKernels(manager, dtype);
            NDArray array = kernels.load(manager, tensor);
            assertThat(array.getShape()).isEqualTo(new Shape(2, 3));
            assertThat(kernels.toFloat32(array).toFloatArray()).isEqualTo(values);
            NDArray zeros = kernels.zeros(manager, new Shape(2, 2));
            assertThat(kernels.toFloat32(zeros).toFloatArray()).isEqualTo(new float[4]);
        }
        assertThat(reference.load(manager, tensor).toFloatArray()).isEqualTo(values);
    }

    /**
     * bfloat16 keeps 8 bits, float16 11. The inputs are eighths, so that they, their products and
     * the sums in float32 are exact in every order: only the result is rounded, to nearest.
     */
    @ParameterizedTest
    @CsvSource({"BFLOAT16, 8", "FLOAT16, 11"})
    void halfPrecisionErrorIsBounded(Dtype dtype, int bits) {
        UnfusedKernels half = new TorchKernels(manager, dtype);
        Random random = new Random(3);
        ByteBuffer bytes = ByteBuffer.allocateDirect(4 * 40).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < 40; ++i) {
            bytes.putFloat(random.nextInt(-7, 8) / 8f);
        }
        Tensor tensor = new Tensor("t", Dtype.FLOAT32, new long[] {1, 4, 10}, bytes.flip());
        Tensor weight = new Tensor("w", Dtype.FLOAT32, new long[] {4, 10}, tensor.data());
        NDArray exact =
                reference.linear(reference.load(manager, tensor), reference.load(manager, weight));
        NDArray rounded =
                half.toFloat32(half.linear(half.load(manager, tensor), half.load(manager, weight)));
        double tolerance = exact.abs().max().getFloat() * Math.scalb(1.0, -bits);
        assertClose(rounded, exact, tolerance);
    }
}
