/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.training;

import io.github.djlmistral.engine.model.TrainingSequence;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * What training minimizes: a function of the log-probabilities of the tokens that count, or of the
 * logits of a classification head.
 *
 * <p>A step sees several micro-batches, one forward and backward pass each. The loss of a step is a
 * mean over the items of all of them, tokens or pairs of answers; each micro-batch contributes its
 * share, so that the gradients are those of one large batch.
 *
 * @param <E> the type of an example
 */
public interface Objective<E> {

    /**
     * Returns the sequences of an example, which one forward pass computes.
     *
     * @param example the example
     * @return its sequences, in an order that {@link #evaluate} knows
     */
    List<TrainingSequence> sequences(E example);

    /**
     * Returns how many items of the mean an example has.
     *
     * @param sequences its sequences
     * @return the number, not negative; an example with 0 items does not change the loss
     */
    long items(List<TrainingSequence> sequences);

    /** Returns whether the mean of the log-probabilities over the vocabulary is needed. */
    default boolean needsMeans() {
        return false;
    }

    /** Returns whether inputs of adapters are dropped and embeddings get noise. */
    default boolean isRegularized() {
        return true;
    }

    /**
     * Returns the objective whose value on held-out examples is reported.
     *
     * @return this objective, or one that is more meaningful there
     */
    default Objective<E> forEvaluation() {
        return this;
    }

    /** Returns whether the log-probabilities of a reference network are needed. */
    default boolean needsReference() {
        return false;
    }

    /**
     * Returns whether the loss is a function of the logits of a classification head, so that the
     * network is a classifier and not a causal language model.
     */
    default boolean needsLogits() {
        return false;
    }

    /**
     * Computes the loss of a micro-batch.
     *
     * @param examples its examples
     * @param batch what the networks compute of their sequences
     * @param items the items of all micro-batches of the step, positive
     * @return the share of the micro-batch in the loss and the metrics of the step
     */
    Evaluation evaluate(List<E> examples, MicroBatch batch, long items);

    /**
     * The sequences of one or more examples, in order, and what the networks compute of them. A
     * token counts if its label is not {@link TrainingSequence#IGNORED}, and it is not the first of
     * its sequence.
     *
     * @param sequences the sequences
     * @param outputs the natural logarithm of the probability of each token that counts, in order;
     *     with {@link #needsLogits} the logits, one row after the other, see {@link
     *     io.github.djlmistral.engine.model.TrainingPass#logits}
     * @param meanLogProbabilities the mean of the log-probabilities of all tokens of the vocabulary
     *     at the same places; null unless {@link #needsMeans}
     * @param reference for each sequence the sum of the log-probabilities of its tokens that count
     *     under the reference network; null unless {@link #needsReference}
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record MicroBatch(
            List<TrainingSequence> sequences,
            float[] outputs,
            float @Nullable [] meanLogProbabilities,
            double @Nullable [] reference) {}

    /**
     * The share of a micro-batch in a step. The sum of the shares of all micro-batches is the loss
     * of the step, and so it is with each metric.
     *
     * @param loss the share in the loss
     * @param gradients the derivative of the loss with respect to each output
     * @param meanGradients the derivative with respect to each mean of log-probabilities; null
     *     unless {@link #needsMeans}
     * @param metrics shares by the names of the metrics, in the order in which to show them
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Evaluation(
            double loss,
            float[] gradients,
            float @Nullable [] meanGradients,
            Map<String, Double> metrics) {}
}
