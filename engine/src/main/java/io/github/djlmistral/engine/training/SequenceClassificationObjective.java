/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.training;

import io.github.djlmistral.engine.model.LabelConfig;
import io.github.djlmistral.engine.model.LabelConfig.ProblemType;
import io.github.djlmistral.engine.model.MistralForSequenceClassification;
import io.github.djlmistral.engine.model.TrainingSequence;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/**
 * The loss of a {@link MistralForSequenceClassification}, {@code ForSequenceClassificationLoss} of
 * transformers, as a mean over the sequences of a step: cross-entropy of classes that exclude each
 * other; the mean over the classes of binary cross-entropy, where they do not; of a regression the
 * mean over the outputs of the squared error.
 *
 * <p>The metric {@code accuracy} is the share of sequences whose class, or whose set of classes
 * with a positive logit, is the given one. A regression has none.
 *
 * @param type what the outputs of the classifier mean
 * @param classes the number of its outputs
 */
public record SequenceClassificationObjective(ProblemType type, int classes)
        implements Objective<LabeledSequence> {

    /**
     * Returns the objective of a network, see {@link LabelConfig#problemTypeOrDefault}.
     *
     * @param network the classifier
     * @return the objective
     */
    public static SequenceClassificationObjective of(MistralForSequenceClassification network) {
        LabelConfig labels = network.config().labels();
        return new SequenceClassificationObjective(labels.problemTypeOrDefault(), labels.size());
    }

    @Override
    public List<TrainingSequence> sequences(LabeledSequence example) {
        if (example.targets().length != classes) {
            throw new IllegalArgumentException(
                    example.targets().length
                            + " targets are given for a classifier with "
                            + classes
                            + " outputs: give one for each");
        }
        if (type == ProblemType.SINGLE_LABEL_CLASSIFICATION && label(example.targets()) < 0) {
            throw new IllegalArgumentException(
                    "the targets are "
                            + Arrays.toString(example.targets())
                            + ", must be 1 for one class and 0 for the others, which it excludes");
        }
        long[] labels = new long[example.ids().length];
        Arrays.fill(labels, TrainingSequence.IGNORED);
        return List.of(new TrainingSequence(example.ids(), labels));
    }

    /** Returns the only class that applies; -1 if it is not so. */
    private static int label(float[] targets) {
        int label = -1;
        for (int i = 0; i < targets.length; i++) {
            if (targets[i] == 1 && label < 0) {
                label = i;
            } else if (targets[i] != 0) {
                return -1;
            }
        }
        return label;
    }

    @Override
    public long items(List<TrainingSequence> sequences) {
        return sequences.size();
    }

    @Override
    public boolean needsLogits() {
        return true;
    }

    @Override
    public Evaluation evaluate(List<LabeledSequence> examples, MicroBatch batch, long items) {
        float[] logits = batch.outputs();
        float[] gradients = new float[logits.length];
        double loss = 0;
        long right = 0;
        for (int row = 0; row < examples.size(); row++) {
            float[] targets = examples.get(row).targets();
            int begin = row * classes;
            switch (type) {
                case SINGLE_LABEL_CLASSIFICATION -> {
                    int label = label(targets);
                    loss +=
                            CrossEntropy.softmax(
                                    logits, begin, classes, label, 1.0 / items, gradients);
                    right += CrossEntropy.argmax(logits, begin, classes) == label ? 1 : 0;
                }
                case MULTI_LABEL_CLASSIFICATION -> {
                    boolean all = true;
                    for (int i = 0; i < classes; i++) {
                        double x = logits[begin + i];
                        loss += (CrossEntropy.softplus(x) - x * targets[i]) / classes;
                        gradients[begin + i] =
                                (float) ((CrossEntropy.sigmoid(x) - targets[i]) / classes / items);
                        all &= (x > 0) == (targets[i] > 0.5);
                    }
                    right += all ? 1 : 0;
                }
                case REGRESSION -> {
                    for (int i = 0; i < classes; i++) {
                        double error = logits[begin + i] - targets[i];
                        loss += error * error / classes;
                        gradients[begin + i] = (float) (2 * error / classes / items);
                    }
                }
            }
        }
        return new Evaluation(
                loss / items,
                gradients,
                null,
                type == ProblemType.REGRESSION
                        ? Map.of()
                        : Map.of("accuracy", (double) right / items));
    }
}
