/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** The last layer in a {@link TrainingPass}, and what it computes of the rows that count. */
sealed interface PassOutput permits TrainedHead, TrainedClassifier {

    /**
     * Computes the output of a network.
     *
     * @param network the network
     * @param backbone computes the hidden states of the rows that count
     * @param counted the rows that count, and their labels
     * @param options the options of the pass
     * @param recorded whether there will be a backward pass
     */
    static PassOutput of(
            MistralPreTrainedModel network,
            TrainedBackbone backbone,
            CountedTokens counted,
            TrainingPass.Options options,
            boolean recorded) {
        MistralLinear layer = Objects.requireNonNull(network.head());
        NDArray hidden = backbone.forward();
        if (network instanceof MistralForCausalLM) {
            TrainedHead head =
                    new TrainedHead(
                            layer,
                            backbone.pass(),
                            counted.labels(),
                            hidden,
                            options,
                            recorded,
                            backbone.isTrained());
            head.forward();
            return head;
        }
        double dropout =
                network instanceof MistralForTokenClassification
                        ? network.config().classifierDropout()
                        : 0;
        return new TrainedClassifier(
                layer, backbone.pass(), hidden, dropout, recorded, backbone.isTrained());
    }

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
