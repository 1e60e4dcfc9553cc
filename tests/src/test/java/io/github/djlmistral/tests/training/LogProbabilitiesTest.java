/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.internal.kernels.ReferenceKernels;
import io.github.djlmistral.engine.internal.kernels.TorchKernels;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.tests.model.Fixture;
import java.util.Random;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Log-probabilities in float64, and their numerical derivatives, are what the kernels compute. */
class LogProbabilitiesTest extends Fixture {

    private static final int ROWS = 4;
    private static final int VOCABULARY = 11;
    private static final long[] LABELS = {0, 10, 3, 7};

    private Kernels kernels(String name) {
        return name.equals("reference")
                ? new ReferenceKernels()
                : new TorchKernels(manager, Dtype.FLOAT32).training();
    }

    private static double normalizer(double[] logits, int row) {
        double sum = 0;
        for (int v = 0; v < VOCABULARY; ++v) {
            sum += Math.exp(logits[row * VOCABULARY + v]);
        }
        return Math.log(sum);
    }

    private static double logProbability(double[] logits, int row) {
        return logits[row * VOCABULARY + (int) LABELS[row]] - normalizer(logits, row);
    }

    private static double mean(double[] logits, int row) {
        double sum = 0;
        for (int v = 0; v < VOCABULARY; ++v) {
            sum += logits[row * VOCABULARY + v];
        }
        return sum / VOCABULARY - normalizer(logits, row);
    }

    private static double loss(double[] logits, float[] gradients, float[] meanGradients) {
        double loss = 0;
        for (int row = 0; row < ROWS; ++row) {
            loss += gradients[row] * logProbability(logits, row);
            loss += meanGradients[row] * mean(logits, row);
        }
        return loss;
    }

    @ParameterizedTest
    @CsvSource({"torch, false", "torch, true", "reference, false", "reference, true"})
    void valuesAndGradients(String name, boolean means) {
        Kernels kernels = kernels(name);
        Random random = new Random(5);
        float[] values = new float[ROWS * VOCABULARY];
        double[] logits = new double[values.length];
        for (int i = 0; i < values.length; ++i) {
            values[i] = (float) (3 * random.nextGaussian());
            logits[i] = values[i];
        }
        float[] gradients = {0.5f, -1, 0.25f, -2};
        float[] meanGradients = means ? new float[] {-1, 0.5f, 0, 3} : new float[ROWS];
        NDArray array = manager.create(values, new Shape(ROWS, VOCABULARY));
        NDArray labels = manager.create(LABELS);

        NDList computed = kernels.logProbabilities(array, labels, means);
        NDArray gradient =
                kernels.logProbabilityGradients(
                        array,
                        labels,
                        manager.create(gradients),
                        means ? manager.create(meanGradients) : null);

        assertThat(computed).hasSize(means ? 2 : 1);
        for (int row = 0; row < ROWS; ++row) {
            assertThat((double) computed.get(0).getFloat(row))
                    .isCloseTo(logProbability(logits, row), within(2e-6));
            if (means) {
                assertThat((double) computed.get(1).getFloat(row))
                        .isCloseTo(mean(logits, row), within(2e-6));
            }
        }
        float[] actual = gradient.toFloatArray();
        double step = 1e-4; // an error of its square, and of 1e-16 divided by it
        for (int i = 0; i < actual.length; ++i) {
            double before = logits[i];
            logits[i] = before + step;
            double above = loss(logits, gradients, meanGradients);
            logits[i] = before - step;
            double below = loss(logits, gradients, meanGradients);
            logits[i] = before;
            assertThat((double) actual[i]).isCloseTo((above - below) / (2 * step), within(1e-6));
        }
        // the kernels leave their arguments as they are
        assertThat(array.toFloatArray()).isEqualTo(values);
    }
}
