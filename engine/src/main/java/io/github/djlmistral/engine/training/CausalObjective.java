/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.training;

import io.github.djlmistral.engine.model.TrainingSequence;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The loss of causal language models and of supervised fine-tuning: the mean over all tokens that
 * count of −log p(token | tokens before it), as transformers computes it with {@code
 * num_items_in_batch}.
 *
 * <p>With label smoothing ε (Szegedy et al. 2016) the target is not one token but a distribution
 * with 1 − ε at this token and ε spread evenly over the vocabulary: {@code −(1 − ε) · log p − ε ·
 * mean of log p over the vocabulary}, as transformers' {@code LabelSmoother}.
 *
 * @param labelSmoothing ε, from 0 to below 1
 */
public record CausalObjective(double labelSmoothing) implements Objective<TrainingSequence> {

    /**
     * Creates the objective.
     *
     * @throws IllegalArgumentException if ε is out of its range
     */
    public CausalObjective {
        if (!(labelSmoothing >= 0 && labelSmoothing < 1)) {
            throw new IllegalArgumentException(
                    "label_smoothing_factor is " + labelSmoothing + ", must be from 0 to below 1");
        }
    }

    /** Creates the objective without label smoothing. */
    public CausalObjective() {
        this(0);
    }

    @Override
    public List<TrainingSequence> sequences(TrainingSequence example) {
        return List.of(example);
    }

    @Override
    public long items(List<TrainingSequence> sequences) {
        return sequences.stream().mapToLong(TrainingSequence::counted).sum();
    }

    @Override
    public boolean needsMeans() {
        return labelSmoothing > 0;
    }

    /** Returns the objective without smoothing, whose exponential is the perplexity. */
    @Override
    public CausalObjective forEvaluation() {
        return new CausalObjective();
    }

    @Override
    public Evaluation evaluate(List<TrainingSequence> examples, MicroBatch batch, long items) {
        float[] logProbabilities = batch.outputs();
        double loss = -(1 - labelSmoothing) / items * sum(logProbabilities);
        float[] gradients = new float[logProbabilities.length];
        Arrays.fill(gradients, (float) (-(1 - labelSmoothing) / items));
        float @Nullable [] means = batch.meanLogProbabilities();
        float[] meanGradients = null;
        if (needsMeans() && means != null) {
            loss -= labelSmoothing / items * sum(means);
            meanGradients = new float[means.length];
            Arrays.fill(meanGradients, (float) (-labelSmoothing / items));
        }
        return new Evaluation(loss, gradients, meanGradients, Map.of());
    }

    private static double sum(float[] values) {
        double sum = 0;
        for (float value : values) {
            sum += value;
        }
        return sum;
    }
}
