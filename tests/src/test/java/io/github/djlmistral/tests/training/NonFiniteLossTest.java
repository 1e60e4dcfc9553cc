/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.model.TrainingSequence;
import io.github.djlmistral.engine.training.CausalObjective;
import io.github.djlmistral.engine.training.MistralTrainer;
import io.github.djlmistral.engine.training.NonFiniteLossException;
import io.github.djlmistral.engine.training.Objective;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;

/** Losses and gradients that are no finite numbers end a training. */
class NonFiniteLossTest extends TrainerFixture {

    /** A weight that is NaN stands for a network that has diverged. */
    @Test
    void lossThatIsNotANumberStops() throws Exception {
        MistralForCausalLM network = full();
        Events events = new Events();
        events.onStep =
                step -> {
                    if (step == 4) {
                        network.namedParameters()
                                .get("model.norm.weight")
                                .getArray()
                                .muli(Float.NaN);
                    }
                };
        assertThatThrownBy(
                        () ->
                                train(
                                        network,
                                        arguments().shuffle(false).outputDir(output).saveSteps(2),
                                        data(),
                                        null,
                                        null,
                                        events))
                .isInstanceOfSatisfying(
                        NonFiniteLossException.class, e -> assertThat(e.step()).isEqualTo(5))
                .hasMessageContaining("the loss is NaN at step 5")
                .hasMessageContaining("data.jsonl:5, data.jsonl:6.");
        assertThat(MistralTrainer.lastCheckpoint(output)).isEqualTo(output.resolve("checkpoint-4"));
        assertThat(events.reports).hasSize(4);
    }

    /** A loss of 1 whose derivatives are the largest float. */
    private static final class Steep implements Objective<TrainingSequence> {

        private final CausalObjective usual = new CausalObjective();

        @Override
        public List<TrainingSequence> sequences(TrainingSequence example) {
            return usual.sequences(example);
        }

        @Override
        public long items(List<TrainingSequence> sequences) {
            return usual.items(sequences);
        }

        @Override
        public Evaluation evaluate(List<TrainingSequence> examples, MicroBatch batch, long items) {
            int count = batch.outputs().length;
            float[] steep = TrainingPasses.filled(count, Float.MAX_VALUE);
            return new Evaluation(1, steep, null, Map.of());
        }
    }

    @Test
    void gradientsThatOverflowStop() throws Exception {
        MistralForCausalLM network = full();
        assertThatThrownBy(
                        () ->
                                new MistralTrainer<>(network, new Steep(), arguments().build())
                                        .train(data(), null, null))
                .isInstanceOf(NonFiniteLossException.class)
                .hasMessageContaining("the norm of the gradients is ")
                .hasMessageContaining("at step 1, with data.jsonl:");
        assertSameValues(network, full());
    }
}
