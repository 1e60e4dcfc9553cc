/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.training;

import io.github.djlmistral.engine.model.MistralForTokenClassification;
import io.github.djlmistral.engine.model.TrainingSequence;
import java.util.List;
import java.util.Map;
import java.util.stream.LongStream;

/**
 * The loss of a {@link MistralForTokenClassification}, {@code ForTokenClassification} of
 * transformers: the mean of the cross-entropy over all tokens of a step whose label is not {@link
 * TrainingSequence#IGNORED}. The metric {@code accuracy} is the share of these tokens whose class
 * has the largest logit.
 *
 * @param classes the number of classes
 */
public record TokenClassificationObjective(int classes) implements Objective<TrainingSequence> {

    /**
     * Returns the objective of a network.
     *
     * @param network the classifier
     * @return the objective
     */
    public static TokenClassificationObjective of(MistralForTokenClassification network) {
        return new TokenClassificationObjective(network.config().labels().size());
    }

    @Override
    public List<TrainingSequence> sequences(TrainingSequence example) {
        return List.of(example);
    }

    @Override
    public long items(List<TrainingSequence> sequences) {
        return labels(sequences).count();
    }

    private static LongStream labels(List<TrainingSequence> sequences) {
        return sequences.stream()
                .flatMapToLong(sequence -> LongStream.of(sequence.labels()))
                .filter(label -> label != TrainingSequence.IGNORED);
    }

    @Override
    public boolean needsLogits() {
        return true;
    }

    @Override
    public Evaluation evaluate(List<TrainingSequence> examples, MicroBatch batch, long items) {
        float[] logits = batch.outputs();
        float[] gradients = new float[logits.length];
        double loss = 0;
        long right = 0;
        int begin = 0;
        for (long label : labels(batch.sequences()).toArray()) {
            loss +=
                    CrossEntropy.softmax(
                            logits, begin, classes, (int) label, 1.0 / items, gradients);
            right += CrossEntropy.argmax(logits, begin, classes) == label ? 1 : 0;
            begin += classes;
        }
        return new Evaluation(
                loss / items, gradients, null, Map.of("accuracy", (double) right / items));
    }
}
