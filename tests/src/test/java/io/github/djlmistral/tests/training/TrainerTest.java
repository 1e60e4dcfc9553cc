/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.training.CausalObjective;
import io.github.djlmistral.engine.training.DpoObjective;
import io.github.djlmistral.engine.training.EvaluationReport;
import io.github.djlmistral.engine.training.MistralTrainer;
import io.github.djlmistral.engine.training.PreferencePair;
import io.github.djlmistral.engine.training.StepReport;
import io.github.djlmistral.engine.training.TrainerResult;
import io.github.djlmistral.engine.training.TrainingArguments.Interval;
import io.github.djlmistral.engine.training.TrainingData;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Trainings on a tiny network: steps, epochs, evaluation, early stop and bad input. */
class TrainerTest extends TrainerFixture {

    /** An epoch of 10 examples has steps of 4, 4 and 2; each epoch has another order. */
    @Test
    void eachEpochSeesAllExamplesInAnotherOrder() throws Exception {
        Data data = data();
        Events events = train(adapted(), arguments().maxSteps(-1).numTrainEpochs(2), data);
        assertThat(events.reports).hasSize(6);
        assertThat(events.reports.stream().map(StepReport::epoch).toList())
                .containsExactly(0.4, 0.8, 1.0, 1.4, 1.8, 2.0);
        List<Integer> all = IntStream.range(0, 10).boxed().toList();
        List<Integer> first = data.read.subList(0, 10);
        List<Integer> second = data.read.subList(10, 20);
        assertThat(first).containsExactlyInAnyOrderElementsOf(all).isNotEqualTo(all);
        assertThat(second).containsExactlyInAnyOrderElementsOf(all).isNotEqualTo(first);

        Data again = data();
        train(adapted(), arguments().maxSteps(5), again);
        assertThat(again.read).isEqualTo(data.read.subList(0, 18));
        Data other = data();
        train(adapted(), arguments().maxSteps(1).seed(43), other);
        assertThat(other.read).isNotEqualTo(data.read.subList(0, 4));
        Data ordered = data();
        train(adapted(), arguments().maxSteps(3).shuffle(false), ordered);
        assertThat(ordered.read).isEqualTo(all);
    }

    /** Half an epoch of 3 steps is 2 steps. */
    @Test
    void fractionsOfAnEpochAreRoundedUp() throws Exception {
        assertThat(train(adapted(), arguments().maxSteps(-1).numTrainEpochs(0.5), data()).reports)
                .hasSize(2);
    }

    /** Micro-batches have different numbers of tokens. */
    @ParameterizedTest
    @CsvSource({"1, 4, false", "2, 2, true"})
    void accumulatedIsOneLargeBatch(int batch, int accumulation, boolean checkpointing)
            throws Exception {
        MistralForCausalLM large = full();
        MistralForCausalLM small = full();
        Events expected =
                train(
                        large,
                        arguments().perDeviceTrainBatchSize(4).gradientAccumulationSteps(1),
                        data());
        Events actual =
                train(
                        small,
                        arguments()
                                .perDeviceTrainBatchSize(batch)
                                .gradientAccumulationSteps(accumulation)
                                .gradientCheckpointing(checkpointing),
                        data());
        for (int i = 0; i < 7; i++) {
            StepReport one = expected.reports.get(i);
            StepReport other = actual.reports.get(i);
            assertThat(other.loss()).isCloseTo(one.loss(), within(2e-5 * one.loss()));
            assertThat(other.gradNorm()).isCloseTo(one.gradNorm(), within(2e-5 * one.gradNorm()));
        }
    }

    /** A report is the mean of its steps; the last one may have fewer. */
    @Test
    void reportsAreMeansOverSteps() throws Exception {
        List<Double> single = train(adapted(), arguments(), data()).losses();
        Events events = train(adapted(), arguments().loggingSteps(3), data());
        assertThat(events.reports.stream().map(StepReport::step).toList()).containsExactly(3, 6, 7);
        assertThat(events.reports.get(1).loss())
                .isEqualTo((single.get(3) + single.get(4) + single.get(5)) / 3);
        assertThat(events.reports.get(2).loss()).isEqualTo(single.get(6));
    }

    /**
     * A rate of 100 makes the held-out loss rise: the best weights are those of the first steps.
     */
    @Test
    void trainingStopsEarlyWithTheBestWeights() throws Exception {
        MistralForCausalLM network = full();
        Data heldOut = new Data(9, 8, 9, 10);
        Events events = new Events();
        TrainerResult result =
                train(
                        network,
                        arguments()
                                .outputDir(output)
                                .learningRate(100)
                                .warmupSteps(5)
                                .maxSteps(50)
                                .evalStrategy(Interval.STEPS)
                                .evalSteps(1)
                                .loadBestModelAtEnd(true)
                                .earlyStoppingPatience(2),
                        data(),
                        heldOut,
                        null,
                        events);
        assertThat(result.end()).isEqualTo(TrainerResult.End.EARLY_STOPPED);
        assertThat(result.steps()).isEqualTo(3);
        assertThat(result.best()).isEqualTo(output.resolve("checkpoint-1"));
        // the rate of the first step is 0
        assertThat(events.evaluations.stream().map(EvaluationReport::best).toList())
                .containsExactly(true, false, false);
        assertSameValues(network, full());
        double loss =
                new MistralTrainer<>(network, new CausalObjective(), arguments().build())
                        .evaluate(heldOut)
                        .loss();
        assertThat(loss).isEqualTo(events.evaluations.get(0).loss());
    }

    /** Evaluation does not depend on its batches, and the smoothed loss is not reported. */
    @Test
    void evaluationIsTheMeanOverAllTokens() {
        Data heldOut = new Data(9, 2, 9, 15, 4);
        MistralForCausalLM network = base; // frozen
        double all =
                new MistralTrainer<>(network, new CausalObjective(), arguments().build())
                        .evaluate(heldOut)
                        .loss();
        double single =
                new MistralTrainer<>(
                                network,
                                new CausalObjective(0.2),
                                arguments().perDeviceEvalBatchSize(1).build())
                        .evaluate(heldOut)
                        .loss();
        assertThat(single).isCloseTo(all, within(1e-5));
    }

    @Test
    void badInputIsNamed() throws Exception {
        MistralForCausalLM network = adapted();
        TrainingData<PreferencePair> pairs =
                new TrainingData<>() {
                    @Override
                    public int size() {
                        return 1;
                    }

                    @Override
                    public PreferencePair get(int index) {
                        return new PreferencePair(new long[] {4}, new long[] {5}, new long[] {6});
                    }
                };
        assertThatThrownBy(
                        () ->
                                new MistralTrainer<>(
                                                full(), new DpoObjective(0.1), arguments().build())
                                        .train(pairs, null, null))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("reference(..)");
        assertThatThrownBy(() -> train(base, arguments(), data()))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("all parameters of the network are frozen");
        assertThatThrownBy(() -> train(network, arguments().evalStrategy(Interval.EPOCH), data()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("eval_strategy needs held-out examples");
        assertThatThrownBy(() -> train(network, arguments(), new Data(1)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no examples");
        assertThatThrownBy(() -> train(network, arguments(), new Data(1, 1, 1)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("nothing counts in the examples: data.jsonl:");
        base.freezeParameters(false);
        assertThatThrownBy(() -> train(network, arguments(), data()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("parameters of the base are unfrozen");
        base.freezeParameters(true);
    }
}
