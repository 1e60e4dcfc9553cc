/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.adapter;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.GradientCollector;
import io.github.djlmistral.engine.internal.cpu.InstructionSet;
import io.github.djlmistral.engine.internal.kernels.NativeKernels;
import io.github.djlmistral.engine.internal.kernels.ReferenceKernels;
import io.github.djlmistral.engine.internal.kernels.TorchKernels;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.model.Fixture;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The operations of adapters against their formulas in double precision. */
class LoraKernelsTest extends Fixture {

    private Kernels kernels(String name, Dtype dtype) {
        assumeAvailable(name);
        return switch (name) {
            case "reference" -> new ReferenceKernels();
            case "torch" -> new TorchKernels(manager, dtype);
            default ->
                    new NativeKernels(
                                    new TorchKernels(manager, dtype), InstructionSet.choose("auto"))
                            .withThreads(2);
        };
    }

    private static float[] random(long seed, int count) {
        Random random = new Random(seed);
        float[] values = new float[count];
        for (int i = 0; i < count; ++i) {
            values[i] = (float) random.nextGaussian();
        }
        return values;
    }

    private NDArray array(float[] values, long... shape) {
        return manager.create(values, new Shape(shape));
    }

    /** Ranks and sizes that do not fill a register, and more tokens than a block of the panels. */
    @ParameterizedTest
    @CsvSource({
        "reference, 3, 40, 24, 5",
        "torch, 3, 40, 24, 5",
        "torch, 1, 7, 5, 1",
        "native, 3, 40, 24, 5",
        "native, 1, 7, 5, 1",
        "native, 1, 300, 5, 16",
        "native, 2, 33, 100, 8",
        "native, 60, 50, 70, 17",
        "native, 0, 8, 8, 4"
    })
    void lora(String name, int tokens, int in, int out, int rank) {
        Kernels kernels = kernels(name, Dtype.FLOAT32);
        float[] y = random(1, tokens * out);
        float[] x = random(2, tokens * in);
        float[] a = random(3, rank * in);
        float[] b = random(4, out * rank);
        float[] actual =
                kernels.lora(
                                array(y, tokens, out),
                                array(x, tokens, in),
                                array(a, rank, in),
                                array(b, out, rank),
                                0.3f)
                        .toFloatArray();
        assertThat(actual).hasSize(tokens * out);
        for (int t = 0; t < tokens; ++t) {
            for (int o = 0; o < out; ++o) {
                double sum = 0;
                double size = 0;
                for (int r = 0; r < rank; ++r) {
                    for (int i = 0; i < in; ++i) {
                        double product = (double) x[t * in + i] * a[r * in + i] * b[o * rank + r];
                        sum += product;
                        size += Math.abs(product);
                    }
                }
                double expected = y[t * out + o] + 0.3f * sum;
                // a unit roundoff for each of the operations on the way of a product
                double bound = (in + rank + 4) * 0x1p-24 * (0.3 * size + Math.abs(expected));
                assertThat(Math.abs(actual[t * out + o] - expected)).isLessThanOrEqualTo(bound);
            }
        }
    }

    /** The same bits whatever the number of threads and of tokens. */
    @Test
    void nativeBits() {
        Kernels two = kernels("native", Dtype.FLOAT32);
        Kernels three = ((NativeKernels) two).withThreads(3);
        NDArray a = array(random(1, 6 * 90), 6, 90);
        NDArray b = array(random(2, 130 * 6), 130, 6);
        NDArray x = array(random(3, 50 * 90), 50, 90);
        NDArray y = array(random(4, 50 * 130), 50, 130);
        float[] all = two.lora(y, x, a, b, 0.7f).toFloatArray();
        assertThat(three.lora(y, x, a, b, 0.7f).toFloatArray()).isEqualTo(all);
        for (int i : new int[] {0, 20, 49}) {
            float[] one =
                    two.lora(y.get(i).reshape(1, 130), x.get(i).reshape(1, 90), a, b, 0.7f)
                            .toFloatArray();
            for (int o = 0; o < 130; ++o) {
                assertThat(one[o]).isEqualTo(all[i * 130 + o]);
            }
        }
    }

    /** Weights in float32 with kernels of bfloat16. */
    @ParameterizedTest
    @ValueSource(strings = {"torch", "native"})
    void wideWeights(String name) {
        Kernels kernels = kernels(name, Dtype.BFLOAT16);
        float[] values = random(5, 20 * 8);
        NDArray table = array(values, 20, 8);
        NDArray ids = manager.create(new long[] {3, 19, 3});
        float[] rows = kernels.toFloat32(kernels.embeddingFloat32(ids, table)).toFloatArray();
        float[] product = kernels.linearFloat32(array(rows, 3, 8), table).toFloatArray();
        for (int t = 0; t < 3; ++t) {
            int id = t == 1 ? 19 : 3;
            double sum = 0;
            for (int i = 0; i < 8; ++i) {
                float wanted = values[id * 8 + i];
                // native activations are float32
                double bound = name.equals("native") ? 0 : Math.abs(wanted) * 0x1p-8;
                assertThat((double) Math.abs(rows[t * 8 + i] - wanted)).isLessThanOrEqualTo(bound);
                sum += (double) rows[t * 8 + i] * values[7 * 8 + i];
            }
            assertThat(Math.abs(product[t * 20 + 7] - sum)).isLessThan(1e-5);
        }
    }

    /** Gradients in bfloat16 kernels: float32 for A and B, exactly those of the formula. */
    @ParameterizedTest
    @ValueSource(strings = {"torch", "reference"})
    void gradients(String name) {
        Kernels kernels = kernels(name, Dtype.FLOAT32).training();
        NDArray a = array(random(1, 2 * 9), 2, 9);
        NDArray b = array(random(2, 5 * 2), 5, 2);
        NDArray x = array(random(3, 4 * 9), 4, 9);
        NDArray y = array(random(4, 4 * 5), 4, 5);
        NDArray weights = array(random(5, 4 * 5), 4, 5);
        for (NDArray variable : new NDArray[] {a, b, x, y}) {
            variable.setRequiresGradient(true);
        }
        try (GradientCollector collector = manager.getEngine().newGradientCollector()) {
            collector.backward(kernels.lora(y, x, a, b, 2).mul(weights).sum());
        }
        NDArray g = weights.mul(array(new float[] {2}, 1));
        assertClose(y.getGradient(), weights, 0);
        assertClose(a.getGradient(), g.matMul(b).transpose().matMul(x), 1e-4);
        assertClose(b.getGradient(), g.transpose().matMul(x.matMul(a.transpose())), 1e-4);
        assertClose(x.getGradient(), g.matMul(b).matMul(a), 1e-4);
    }

    @Test
    void bfloat16Gradients() {
        Kernels kernels = kernels("torch", Dtype.BFLOAT16).training();
        Tensor tensor = Tensor.allocate("x", Dtype.BFLOAT16, 4, 9);
        for (int i = 0; i < 36; ++i) {
            tensor.data().asShortBuffer().put(i, (short) (0x3f80 + i)); // from 1 on
        }
        NDArray x = kernels.load(manager, tensor);
        NDArray y = kernels.load(manager, tensor);
        NDArray a = array(random(1, 2 * 9), 2, 9);
        NDArray b = array(random(2, 9 * 2), 9, 2);
        a.setRequiresGradient(true);
        b.setRequiresGradient(true);
        try (GradientCollector collector = manager.getEngine().newGradientCollector()) {
            collector.backward(kernels.toFloat32(kernels.lora(y, x, a, b, 1)).sum());
        }
        assertThat(a.getGradient().getDataType()).isEqualTo(DataType.FLOAT32);
        NDArray wide = kernels.toFloat32(x);
        NDArray ones = manager.ones(new Shape(4, 9));
        assertClose(a.getGradient(), ones.matMul(b).transpose().matMul(wide), 1e-4);
        assertClose(b.getGradient(), ones.transpose().matMul(wide.matMul(a.transpose())), 1e-4);
    }
}
