/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.training;

import static io.github.djlmistral.engine.model.TrainingPass.Options.DEFAULT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.model.TrainingPass;
import io.github.djlmistral.engine.model.TrainingPass.Options;
import io.github.djlmistral.engine.model.TrainingSequence;
import io.github.djlmistral.tests.Leaks;
import io.github.djlmistral.tests.model.Fixture;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a training pass refuses, and that nothing is left of it. */
class TrainingPassMistakesTest extends Fixture {

    private MistralForCausalLM network;
    private int open;

    @BeforeEach
    void loadNetwork() throws Exception {
        network = load("window8-f32", "torch");
        network.freezeParameters(false);
        open = Leaks.resources(manager);
    }

    private static TrainingSequence sequence(long... ids) {
        return new TrainingSequence(ids, ids);
    }

    private void assertRefused(String message, TrainingSequence... sequences) {
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () -> TrainingPass.forward(network, manager, List.of(sequences), DEFAULT))
                .withMessageContaining(message);
        assertThat(Leaks.resources(manager)).isEqualTo(open);
    }

    @Test
    void sequences() {
        assertRefused("at least one sequence");
        assertRefused("sequence 1 has 0 tokens", sequence(3, 4), sequence());
        assertRefused(
                "3 tokens and 2 labels",
                new TrainingSequence(new long[] {3, 4, 5}, new long[] {3, 4}));
        assertRefused("input_ids hold 99", sequence(3, 99));
        assertRefused("input_ids hold -1", new TrainingSequence(new long[] {-1}, new long[] {3}));
        assertRefused(
                "sequence 0 has the label 99",
                new TrainingSequence(new long[] {3, 4}, new long[] {3, 99}));
        assertRefused(
                "sequence 0 has the label -1,",
                new TrainingSequence(new long[] {3, 4}, new long[] {3, -1}));
    }

    /** Such a batch has no gradients; it does not fail, since others of the step may have. */
    @Test
    void noTokenCounts() {
        List<TrainingSequence> sequences =
                List.of(sequence(3), new TrainingSequence(new long[] {3, 4}, new long[] {3, -100}));
        try (TrainingPass pass = TrainingPass.forward(network, manager, sequences, DEFAULT)) {
            assertThat(pass.logProbabilities()).isEmpty();
            pass.backward(new float[0], null);
        }
        assertThat(TrainingPass.logProbabilities(network, manager, sequences)).isEmpty();
        TrainingPasses.gradients(network, manager)
                .forEach(
                        (name, gradient) ->
                                assertThat(gradient).isEqualTo(new float[gradient.length]));
        assertThat(Leaks.resources(manager)).isEqualTo(open);
    }

    @Test
    void backward() {
        List<TrainingSequence> sequences = List.of(sequence(3, 4, 5));
        try (TrainingPass pass = TrainingPass.forward(network, manager, sequences, DEFAULT)) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> pass.backward(new float[3], null))
                    .withMessageContaining("3 gradients are given, but the pass has 2 tokens");
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> pass.backward(new float[2], new float[1]))
                    .withMessageContaining("1 mean gradients");
            assertThatIllegalStateException()
                    .isThrownBy(pass::meanLogProbabilities)
                    .withMessageContaining("meanLogProbabilities");
            pass.backward(new float[2], null);
            assertThatIllegalStateException()
                    .isThrownBy(() -> pass.backward(new float[2], null))
                    .withMessageContaining("had its backward pass");
        }
        TrainingPass closed = TrainingPass.forward(network, manager, sequences, DEFAULT);
        closed.close();
        closed.close();
        assertThatIllegalStateException()
                .isThrownBy(() -> closed.backward(new float[2], null))
                .withMessageContaining("closed");
        try (TrainingPass pass = TrainingPass.evaluate(network, manager, sequences, DEFAULT)) {
            assertThatIllegalStateException()
                    .isThrownBy(() -> pass.backward(new float[2], null))
                    .withMessageContaining("call forward(..)");
        }
        assertThat(Leaks.resources(manager)).isEqualTo(open);
    }

    @Test
    void frozenOrClosedNetworks() {
        List<TrainingSequence> sequences = List.of(sequence(3, 4, 5));
        network.freezeParameters(true);
        assertThatIllegalStateException()
                .isThrownBy(() -> TrainingPass.forward(network, manager, sequences, DEFAULT))
                .withMessageContaining("all parameters of the network are frozen");
        network.close();
        assertThatIllegalStateException()
                .isThrownBy(() -> TrainingPass.logProbabilities(network, manager, sequences))
                .withMessageContaining("is closed");
    }

    @Test
    void options() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> DEFAULT.withHeadRows(0))
                .withMessageContaining("0 rows");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> DEFAULT.withNoise(-1, 1L))
                .withMessageContaining("neftune_noise_alpha is -1.0");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> DEFAULT.withNoise(Double.NaN, 1L))
                .withMessageContaining("NaN");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Options(false, 1, 5, null, false))
                .withMessageContaining("needs a seed");
    }
}
