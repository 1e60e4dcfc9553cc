/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.entry;
import static org.assertj.core.api.Assertions.within;

import io.github.djlmistral.engine.model.LabelConfig.ProblemType;
import io.github.djlmistral.engine.model.TrainingSequence;
import io.github.djlmistral.engine.training.CausalObjective;
import io.github.djlmistral.engine.training.DpoObjective;
import io.github.djlmistral.engine.training.LabeledSequence;
import io.github.djlmistral.engine.training.Objective;
import io.github.djlmistral.engine.training.Objective.Evaluation;
import io.github.djlmistral.engine.training.Objective.MicroBatch;
import io.github.djlmistral.engine.training.PreferencePair;
import io.github.djlmistral.engine.training.SequenceClassificationObjective;
import io.github.djlmistral.engine.training.TokenClassificationObjective;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Supplier;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Losses and their derivatives. */
class ObjectivesTest {

    private static final Random RANDOM = new Random(3);

    static Stream<Objective<?>> objectives() {
        return Stream.of(
                new CausalObjective(),
                new CausalObjective(0.1),
                new DpoObjective(0.1),
                new DpoObjective(DpoObjective.Loss.SIGMOID, 0.5, 0.2),
                new DpoObjective(DpoObjective.Loss.HINGE, 0.1, 0),
                new DpoObjective(DpoObjective.Loss.IPO, 0.1, 0));
    }

    private static MicroBatch batch(Objective<?> objective) {
        List<TrainingSequence> sequences = new ArrayList<>();
        DpoObjective pairs = new DpoObjective(0.1);
        for (int i = 2; i < 5; i++) {
            sequences.addAll(
                    pairs.sequences(
                            new PreferencePair(new long[i], new long[2 * i - 1], new long[i])));
        }
        int counted = sequences.stream().mapToInt(TrainingSequence::counted).sum();
        return new MicroBatch(
                sequences,
                random(counted),
                objective.needsMeans() ? random(counted) : null,
                RANDOM.doubles(sequences.size(), -20, 0).toArray());
    }

    /** Multiples of 2^-10, so that steps of 2^-10 are exact. */
    private static float[] random(int size) {
        float[] values = new float[size];
        for (int i = 0; i < size; i++) {
            values[i] = -RANDOM.nextInt(5 << 10) / 1024f;
        }
        return values;
    }

    /**
     * Central differences of a step 2^-10. Their error is about step² times a third derivative of
     * at most 1, and the loss is computed in float64.
     */
    @ParameterizedTest
    @MethodSource("objectives")
    void gradientsAreTheDifferencesOfTheLoss(Objective<?> objective) {
        MicroBatch batch = batch(objective);
        Supplier<Evaluation> evaluate = () -> objective.evaluate(List.of(), batch, 7);
        Evaluation evaluation = evaluate.get();
        assertDifferences(evaluate, batch.outputs(), evaluation.gradients());
        if (objective.needsMeans()) {
            assertDifferences(evaluate, batch.meanLogProbabilities(), evaluation.meanGradients());
        }
    }

    @ParameterizedTest
    @EnumSource
    void gradientsOfSequenceClassifiers(ProblemType type) {
        SequenceClassificationObjective objective = new SequenceClassificationObjective(type, 3);
        List<LabeledSequence> examples =
                List.of(
                        LabeledSequence.of(new long[] {4, 5}, 2, 3),
                        LabeledSequence.of(new long[] {6}, 0, 3));
        MicroBatch batch = logits(objective, examples, 6);
        Supplier<Evaluation> evaluate = () -> objective.evaluate(examples, batch, 7);
        assertDifferences(evaluate, batch.outputs(), evaluate.get().gradients());
    }

    @Test
    void gradientsOfTokenClassifiers() {
        TokenClassificationObjective objective = new TokenClassificationObjective(3);
        List<TrainingSequence> examples =
                List.of(
                        new TrainingSequence(new long[] {4, 5, 6}, new long[] {2, -100, 0}),
                        new TrainingSequence(new long[] {7}, new long[] {1}));
        MicroBatch batch = logits(objective, examples, 9);
        assertThat(objective.items(batch.sequences())).isEqualTo(3);
        Supplier<Evaluation> evaluate = () -> objective.evaluate(examples, batch, 7);
        assertDifferences(evaluate, batch.outputs(), evaluate.get().gradients());
    }

    private static <E> MicroBatch logits(Objective<E> objective, List<E> examples, int count) {
        List<TrainingSequence> sequences = new ArrayList<>();
        examples.forEach(example -> sequences.addAll(objective.sequences(example)));
        return new MicroBatch(sequences, random(count), null, null);
    }

    /** Two of three classes are right, and one of three sets of classes. */
    @Test
    void accuracy() {
        long[] ids = {5};
        List<LabeledSequence> examples =
                List.of(
                        new LabeledSequence(ids, new float[] {1, 0}),
                        new LabeledSequence(ids, new float[] {0, 1}),
                        new LabeledSequence(ids, new float[] {0, 1}));
        float[] logits = {2, 1, 0, 3, 1, -1};
        for (ProblemType type : ProblemType.values()) {
            Map<String, Double> metrics =
                    new SequenceClassificationObjective(type, 2)
                            .evaluate(examples, new MicroBatch(List.of(), logits, null, null), 3)
                            .metrics();
            switch (type) {
                case SINGLE_LABEL_CLASSIFICATION ->
                        assertThat(metrics).containsExactly(entry("accuracy", 2.0 / 3));
                case MULTI_LABEL_CLASSIFICATION ->
                        assertThat(metrics).containsExactly(entry("accuracy", 1.0 / 3));
                case REGRESSION -> assertThat(metrics).isEmpty();
            }
        }
    }

    @Test
    void targetsFitTheClasses() {
        SequenceClassificationObjective objective =
                new SequenceClassificationObjective(ProblemType.SINGLE_LABEL_CLASSIFICATION, 2);
        assertThatThrownBy(() -> LabeledSequence.of(new long[] {1}, 2, 2))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("the label is 2, must be from 0 to 1");
        assertThatThrownBy(
                        () ->
                                objective.sequences(
                                        new LabeledSequence(new long[] {1}, new float[3])))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("3 targets are given for a classifier with 2 outputs");
        for (float[] targets : new float[][] {{0, 0}, {1, 1}, {0.5f, 0.5f}}) {
            assertThatThrownBy(
                            () -> objective.sequences(new LabeledSequence(new long[] {1}, targets)))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("must be 1 for one class and 0 for the others");
        }
    }

    private static void assertDifferences(
            Supplier<Evaluation> evaluate, float[] values, float[] gradients) {
        float step = 1f / 1024;
        assertThat(gradients).hasSameSizeAs(values);
        for (int i = 0; i < values.length; i++) {
            float value = values[i];
            values[i] = value + step;
            double above = evaluate.get().loss();
            values[i] = value - step;
            double below = evaluate.get().loss();
            values[i] = value;
            assertThat((double) gradients[i]).isCloseTo((above - below) / (2 * step), within(2e-6));
        }
    }

    /** A single token with log p = -2 and a mean of -5 over the vocabulary. */
    @Test
    void crossEntropyIsSmoothed() {
        MicroBatch batch =
                new MicroBatch(
                        List.of(new TrainingSequence(new long[] {1, 2}, new long[] {1, 2})),
                        new float[] {-2},
                        new float[] {-5},
                        null);
        assertThat(new CausalObjective().evaluate(List.of(), batch, 1).loss()).isEqualTo(2);
        assertThat(new CausalObjective(0.1).evaluate(List.of(), batch, 1).loss())
                .isCloseTo(0.9 * 2 + 0.1 * 5, within(1e-12));
        CausalObjective evaluated = new CausalObjective(0.1).forEvaluation();
        assertThat(evaluated.evaluate(List.of(), batch, 1).loss()).isEqualTo(2);
    }

    /** Shares of micro-batches add up to the loss of the whole. */
    @ParameterizedTest
    @MethodSource("objectives")
    void sharesAddUp(Objective<?> objective) {
        MicroBatch whole = batch(objective);
        double sum = 0;
        int token = 0;
        for (int i = 0; i < whole.sequences().size(); i += 2) {
            List<TrainingSequence> pair = whole.sequences().subList(i, i + 2);
            int counted = pair.get(0).counted() + pair.get(1).counted();
            MicroBatch part =
                    new MicroBatch(
                            pair,
                            range(whole.outputs(), token, counted),
                            objective.needsMeans()
                                    ? range(whole.meanLogProbabilities(), token, counted)
                                    : null,
                            new double[] {whole.reference()[i], whole.reference()[i + 1]});
            sum += objective.evaluate(List.of(), part, 11).loss();
            token += counted;
        }
        assertThat(sum).isCloseTo(objective.evaluate(List.of(), whole, 11).loss(), within(1e-9));
    }

    private static float[] range(float[] values, int begin, int size) {
        return java.util.Arrays.copyOfRange(values, begin, begin + size);
    }

    @Test
    void onlyAnswersCount() {
        PreferencePair pair =
                new PreferencePair(new long[] {1, 5, 6}, new long[] {7, 2}, new long[] {8, 9, 2});
        List<TrainingSequence> sequences = new DpoObjective(0.1).sequences(pair);
        assertThat(sequences.get(0).ids()).containsExactly(1, 5, 6, 7, 2);
        assertThat(sequences.get(0).labels()).containsExactly(-100, -100, -100, 7, 2);
        assertThat(sequences.get(1).ids()).containsExactly(1, 5, 6, 8, 9, 2);
        assertThat(sequences.get(1).labels()).containsExactly(-100, -100, -100, 8, 9, 2);
    }

    /** Probabilities far from those of the reference do not overflow. */
    @Test
    void extremeMarginsAreFinite() {
        DpoObjective objective = new DpoObjective(0.1);
        List<TrainingSequence> sequences =
                objective.sequences(
                        new PreferencePair(new long[] {1}, new long[] {2}, new long[] {3}));
        for (float[] logs : new float[][] {{-1e6f, 0}, {0, -1e6f}}) {
            Evaluation evaluation =
                    objective.evaluate(
                            List.of(),
                            new MicroBatch(sequences, logs, null, new double[] {-1, -1}),
                            1);
            assertThat(evaluation.loss()).isFinite();
            assertThat(evaluation.gradients()[0]).isFinite();
        }
    }

    @Test
    void badOptionsAreNamed() {
        assertThatThrownBy(() -> new DpoObjective(0))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("beta is 0.0");
        assertThatThrownBy(() -> new DpoObjective(DpoObjective.Loss.IPO, 0.1, 0.1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("label_smoothing belongs to the loss sigmoid");
        assertThatThrownBy(() -> new CausalObjective(1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("label_smoothing_factor is 1.0");
    }
}
