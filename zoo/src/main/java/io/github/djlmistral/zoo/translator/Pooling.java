/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import java.util.Arrays;

/** How the hidden states of a text's tokens become one vector; as sentence-transformers pools. */
enum Pooling {
    /** That of the last token, the only one that sees the whole text if attention is causal. */
    LAST {
        @Override
        float[] pool(float[] states, int width) {
            return Arrays.copyOfRange(states, states.length - width, states.length);
        }
    },
    /** The mean over all tokens. */
    MEAN {
        @Override
        float[] pool(float[] states, int width) {
            double[] sums = new double[width];
            for (int i = 0; i < states.length; ++i) {
                sums[i % width] += states[i];
            }
            float[] mean = new float[width];
            for (int i = 0; i < width; ++i) {
                mean[i] = (float) (sums[i] * width / states.length);
            }
            return mean;
        }
    },
    /** That of the first token. */
    CLS {
        @Override
        float[] pool(float[] states, int width) {
            return Arrays.copyOf(states, width);
        }
    };

    /**
     * Pools a text.
     *
     * @param states the last hidden state (T, E) of its T tokens, row-major
     * @param width E
     * @return E values
     */
    abstract float[] pool(float[] states, int width);

    /** Scales a vector to the length 1; one of zeros stays as it is. */
    static void normalize(float[] vector) {
        double squares = 0;
        for (float x : vector) {
            squares += (double) x * x;
        }
        double length = Math.max(Math.sqrt(squares), 1e-12); // the eps of torch.nn.functional
        for (int i = 0; i < vector.length; ++i) {
            vector[i] = (float) (vector[i] / length);
        }
    }
}
