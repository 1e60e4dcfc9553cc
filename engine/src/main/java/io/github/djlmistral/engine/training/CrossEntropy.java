/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.training;

/** Losses of one row of logits, and their derivatives. */
final class CrossEntropy {

    private CrossEntropy() {}

    /**
     * Computes −log softmax(x)ᵢ of a row x.
     *
     * @param logits contains the row
     * @param begin its first index
     * @param size the number of classes
     * @param label the class i
     * @param scale a factor of the derivatives
     * @param gradients gets the derivatives scale · (softmax(x) − one-hot i) at the same indices
     * @return the loss, without the factor
     */
    static double softmax(
            float[] logits, int begin, int size, int label, double scale, float[] gradients) {
        double max = logits[begin + argmax(logits, begin, size)];
        double sum = 0;
        for (int i = 0; i < size; i++) {
            sum += Math.exp(logits[begin + i] - max);
        }
        for (int i = 0; i < size; i++) {
            double probability = Math.exp(logits[begin + i] - max) / sum;
            gradients[begin + i] = (float) (scale * (probability - (i == label ? 1 : 0)));
        }
        return max + Math.log(sum) - logits[begin + label];
    }

    /** Returns the class with the largest logit, the first of several. */
    static int argmax(float[] logits, int begin, int size) {
        int best = 0;
        for (int i = 1; i < size; i++) {
            if (logits[begin + i] > logits[begin + best]) {
                best = i;
            }
        }
        return best;
    }

    /** Returns −log σ(−x) = log(1 + eˣ), without overflow. */
    static double softplus(double x) {
        return Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x)));
    }

    /** Returns σ(x), the derivative of {@link #softplus}, without overflow. */
    static double sigmoid(double x) {
        return x >= 0 ? 1 / (1 + Math.exp(-x)) : Math.exp(x) / (1 + Math.exp(x));
    }
}
