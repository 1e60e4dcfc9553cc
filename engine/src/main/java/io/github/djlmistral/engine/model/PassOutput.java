/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import org.jspecify.annotations.Nullable;

/** The last layer in a {@link TrainingPass}, and what it computes of the rows that count. */
sealed interface PassOutput permits TrainedHead, TrainedClassifier {

    /** Returns the numbers that a loss is a function of, which must not be changed. */
    float[] values();

    /**
     * Adds to the gradients of the layer's parameters.
     *
     * @param gradients the derivatives with respect to {@link #values}
     * @param meanGradients the derivatives with respect to the means of log-probabilities, or null
     * @return the gradient of the hidden states (n, E); null if it is not needed
     */
    @Nullable NDArray backward(float[] gradients, float @Nullable [] meanGradients);
}
