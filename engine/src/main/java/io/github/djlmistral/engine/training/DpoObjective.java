/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.training;

import io.github.djlmistral.engine.model.TrainingSequence;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Direct preference optimization (Rafailov et al. 2023): training on pairs of a preferred and a
 * rejected answer, without a reward model. The loss is a mean over pairs.
 *
 * <p>Let π(y) be the sum of the log-probabilities of the tokens of an answer y, ρ(y) the same under
 * the reference network, and
 *
 * <pre>
 * h = (π(chosen) − ρ(chosen)) − (π(rejected) − ρ(rejected))
 * </pre>
 *
 * Losses are named as in trl. Its metrics are {@code rewards/chosen} = β (π − ρ) of the chosen
 * answers, {@code rewards/rejected}, {@code rewards/accuracies}, the share of pairs whose chosen
 * answer has the higher reward, {@code rewards/margins}, {@code logps/chosen} and {@code
 * logps/rejected}.
 *
 * @param loss the loss of a pair
 * @param beta β, positive: the larger, the closer the network stays to the reference
 * @param labelSmoothing the probability ε that a preference is wrong, from 0 to below 0.5 (Mitchell
 *     2023, "cDPO"); of the sigmoid loss only
 */
public record DpoObjective(Loss loss, double beta, double labelSmoothing)
        implements Objective<PreferencePair> {

    /** The loss of a pair. */
    public enum Loss {
        /** {@code −(1 − ε) log σ(β h) − ε log σ(−β h)}. */
        SIGMOID,

        /** {@code max(0, 1 − β h)} (Zhao et al. 2023, SLiC). */
        HINGE,

        /**
         * {@code (h − 1 / (2 β))²} (Azar et al. 2023), in whose h π and ρ are means over the tokens
         * of an answer in place of sums.
         */
        IPO
    }

    /**
     * Creates the objective.
     *
     * @throws IllegalArgumentException if β or ε is out of its range, or the loss has no smoothing
     */
    public DpoObjective {
        if (!(beta > 0 && beta < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("beta is " + beta + ", must be a positive number");
        }
        if (!(labelSmoothing >= 0 && labelSmoothing < 0.5)) {
            throw new IllegalArgumentException(
                    "label_smoothing is " + labelSmoothing + ", must be from 0 to below 0.5");
        }
        if (labelSmoothing > 0 && loss != Loss.SIGMOID) {
            throw new IllegalArgumentException(
                    "label_smoothing belongs to the loss sigmoid, not to "
                            + loss
                            + ": leave it out, or choose the loss sigmoid");
        }
    }

    /** Creates the objective of the sigmoid loss without label smoothing. */
    public DpoObjective(double beta) {
        this(Loss.SIGMOID, beta, 0);
    }

    /** Returns the prompt with the chosen answer and with the rejected one; only answers count. */
    @Override
    public List<TrainingSequence> sequences(PreferencePair example) {
        return List.of(
                answer(example.prompt(), example.chosen()),
                answer(example.prompt(), example.rejected()));
    }

    private static TrainingSequence answer(long[] prompt, long[] answer) {
        long[] ids = Arrays.copyOf(prompt, prompt.length + answer.length);
        System.arraycopy(answer, 0, ids, prompt.length, answer.length);
        long[] labels = ids.clone();
        Arrays.fill(labels, 0, prompt.length, TrainingSequence.IGNORED);
        return new TrainingSequence(ids, labels);
    }

    @Override
    public long items(List<TrainingSequence> sequences) {
        return sequences.size() / 2;
    }

    @Override
    public boolean needsReference() {
        return true;
    }

    /** Returns false: as in trl, dropout would disturb the comparison with the reference. */
    @Override
    public boolean isRegularized() {
        return false;
    }

    @Override
    public Evaluation evaluate(List<PreferencePair> examples, MicroBatch batch, long items) {
        List<TrainingSequence> sequences = batch.sequences();
        double[] reference = Objects.requireNonNull(batch.reference());
        float[] logProbabilities = batch.outputs();
        float[] gradients = new float[logProbabilities.length];
        Sums sums = new Sums();
        double lossSum = 0;
        int begin = 0;
        for (int i = 0; i < sequences.size(); i += 2) {
            int chosenTokens = sequences.get(i).counted();
            int rejectedTokens = sequences.get(i + 1).counted();
            int middle = begin + chosenTokens;
            int end = middle + rejectedTokens;
            double chosenScale = loss == Loss.IPO ? 1.0 / Math.max(1, chosenTokens) : 1;
            double rejectedScale = loss == Loss.IPO ? 1.0 / Math.max(1, rejectedTokens) : 1;
            double chosen = sum(logProbabilities, begin, middle);
            double rejected = sum(logProbabilities, middle, end);
            double chosenRatio = chosen - reference[i];
            double rejectedRatio = rejected - reference[i + 1];
            double h = chosenScale * chosenRatio - rejectedScale * rejectedRatio;
            lossSum += value(h);
            double slope = derivative(h) / items;
            Arrays.fill(gradients, begin, middle, (float) (slope * chosenScale));
            Arrays.fill(gradients, middle, end, (float) (-slope * rejectedScale));
            sums.add(beta * chosenRatio, beta * rejectedRatio, chosen, rejected);
            begin = end;
        }
        return new Evaluation(lossSum / items, gradients, null, sums.shares(items));
    }

    private double value(double h) {
        return switch (loss) {
            case SIGMOID ->
                    (1 - labelSmoothing) * CrossEntropy.softplus(-beta * h)
                            + labelSmoothing * CrossEntropy.softplus(beta * h);
            case HINGE -> Math.max(0, 1 - beta * h);
            case IPO -> (h - 1 / (2 * beta)) * (h - 1 / (2 * beta));
        };
    }

    /** The derivative of {@link #value}: d CrossEntropy.softplus(x) / dx = σ(x). */
    private double derivative(double h) {
        return switch (loss) {
            case SIGMOID ->
                    beta
                            * (labelSmoothing * CrossEntropy.sigmoid(beta * h)
                                    - (1 - labelSmoothing) * CrossEntropy.sigmoid(-beta * h));
            case HINGE -> beta * h < 1 ? -beta : 0;
            case IPO -> 2 * (h - 1 / (2 * beta));
        };
    }

    private static double sum(float[] values, int begin, int end) {
        double sum = 0;
        for (int i = begin; i < end; i++) {
            sum += values[i];
        }
        return sum;
    }

    /** Sums of the metrics over pairs. */
    private static final class Sums {

        private double chosenRewards;
        private double rejectedRewards;
        private double accurate;
        private double chosenLogps;
        private double rejectedLogps;

        void add(double chosenReward, double rejectedReward, double chosen, double rejected) {
            chosenRewards += chosenReward;
            rejectedRewards += rejectedReward;
            accurate += chosenReward > rejectedReward ? 1 : 0;
            chosenLogps += chosen;
            rejectedLogps += rejected;
        }

        Map<String, Double> shares(long items) {
            Map<String, Double> shares = new LinkedHashMap<>();
            shares.put("rewards/chosen", chosenRewards / items);
            shares.put("rewards/rejected", rejectedRewards / items);
            shares.put("rewards/accuracies", accurate / items);
            shares.put("rewards/margins", (chosenRewards - rejectedRewards) / items);
            shares.put("logps/chosen", chosenLogps / items);
            shares.put("logps/rejected", rejectedLogps / items);
            return shares;
        }
    }
}
