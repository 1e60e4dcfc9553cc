/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.nn.Parameter;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.model.MistralCheckpoint;
import io.github.djlmistral.engine.model.MistralForQuestionAnswering;
import io.github.djlmistral.engine.model.MistralForSequenceClassification;
import io.github.djlmistral.engine.model.MistralForTokenClassification;
import io.github.djlmistral.engine.model.TrainingPass;
import io.github.djlmistral.engine.model.TrainingPass.Options;
import io.github.djlmistral.engine.model.TrainingSequence;
import io.github.djlmistral.engine.training.CausalObjective;
import io.github.djlmistral.engine.training.MistralTrainer;
import io.github.djlmistral.engine.training.Objective.Evaluation;
import io.github.djlmistral.engine.training.Objective.MicroBatch;
import io.github.djlmistral.engine.training.TokenClassificationObjective;
import io.github.djlmistral.engine.training.TrainingArguments;
import io.github.djlmistral.tests.model.Fixture;
import io.github.djlmistral.tests.model.Reference;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Training passes of classification heads. */
class ClassifierPassTest extends Fixture {

    private static final ComputeOptions TORCH = new ComputeOptions("torch", "float32");
    private static final Path TOKEN = Reference.directory("heads/token");

    private MistralForTokenClassification network() throws Exception {
        return network("float32");
    }

    private MistralForTokenClassification network(String dtype) throws Exception {
        MistralForTokenClassification network =
                MistralForTokenClassification.load(
                        TOKEN, manager, new ComputeOptions("torch", dtype));
        network.freezeParameters(false);
        return network;
    }

    /** Returns the rows of a recorded batch without their padding. */
    private List<TrainingSequence> rows(Reference reference, String batch) {
        long[] ids = reference.array(manager, batch + ".input_ids").toLongArray();
        long[] labels = reference.array(manager, batch + ".labels").toLongArray();
        long[] mask = reference.array(manager, batch + ".attention_mask").toLongArray();
        int width = 11;
        List<TrainingSequence> rows = new ArrayList<>();
        for (int row = 0; row < ids.length / width; row++) {
            int begin = row * width;
            int end = begin + (int) Arrays.stream(mask, begin, begin + width).sum();
            rows.add(
                    new TrainingSequence(
                            Arrays.copyOfRange(ids, begin, end),
                            Arrays.copyOfRange(labels, begin, end)));
        }
        return rows;
    }

    private Evaluation step(
            MistralForTokenClassification network, List<TrainingSequence> rows, Options options) {
        TokenClassificationObjective objective = TokenClassificationObjective.of(network);
        TrainingPass.zeroGradients(network);
        try (TrainingPass pass = TrainingPass.forward(network, manager, rows, options)) {
            Evaluation evaluation =
                    objective.evaluate(
                            rows,
                            new MicroBatch(rows, pass.logits(), null, null),
                            objective.items(rows));
            pass.backward(evaluation.gradients(), null);
            return evaluation;
        }
    }

    /** Packed rows have the loss and the gradients of padded ones. */
    @ParameterizedTest
    @ValueSource(strings = {"row", "right"})
    void recordedTokenClassifier(String batch) throws Exception {
        Reference reference = Reference.head("token");
        List<TrainingSequence> rows = rows(reference, batch);
        for (boolean checkpointing : new boolean[] {false, true}) {
            MistralForTokenClassification network = network();
            Evaluation evaluation =
                    step(network, rows, Options.DEFAULT.withGradientCheckpointing(checkpointing));
            assertThat(evaluation.loss())
                    .isCloseTo(
                            (double) reference.array(manager, batch + ".loss").getFloat(),
                            within((double) LOGITS));
            Map<String, float[]> gradients = TrainingPasses.gradients(network, manager);
            for (String name :
                    List.of(
                            "score.weight",
                            "score.bias",
                            "model.layers.0.self_attn.q_proj.weight")) {
                float[] wanted = reference.array(manager, batch + ".grad." + name).toFloatArray();
                assertThat(TrainingPasses.distance(gradients.get(name), wanted))
                        .as(name)
                        .isLessThan(LOGITS);
            }
        }
    }

    /** The gradients of the head are those of training everything. */
    @Test
    void frozenBackbone() throws Exception {
        List<TrainingSequence> rows = rows(Reference.head("token"), "right");
        MistralForTokenClassification network = network();
        step(network, rows, Options.DEFAULT);
        Map<String, float[]> all = TrainingPasses.gradients(network, manager);
        network.freezeParameters(true);
        Set<Parameter> head = new HashSet<>();
        network.namedParameters()
                .forEach(
                        (name, parameter) -> {
                            if (name.startsWith("score.")) {
                                head.add(parameter);
                            }
                        });
        network.freezeParameters(false, head::contains);
        step(network, rows, Options.DEFAULT);
        Map<String, float[]> own = TrainingPasses.gradients(network, manager);
        assertThat(own.keySet()).containsExactlyInAnyOrder("score.weight", "score.bias");
        own.forEach((name, values) -> assertThat(values).as(name).isEqualTo(all.get(name)));
    }

    /** A tenth of the hidden states of this checkpoint is dropped, chosen by the seed. */
    @ParameterizedTest
    @ValueSource(strings = {"float32", "bfloat16"})
    void dropout(String dtype) throws Exception {
        List<TrainingSequence> rows = rows(Reference.head("token"), "right");
        MistralForTokenClassification network = network(dtype);
        double without = step(network, rows, Options.DEFAULT).loss();
        double first = step(network, rows, Options.DEFAULT.withNoise(0, 1L)).loss();
        Map<String, float[]> gradients = TrainingPasses.gradients(network, manager);
        double again = step(network, rows, Options.DEFAULT.withNoise(0, 1L)).loss();
        double other = step(network, rows, Options.DEFAULT.withNoise(0, 2L)).loss();
        assertThat(first).isEqualTo(again).isNotEqualTo(without).isNotEqualTo(other);
        gradients.forEach(
                (name, values) ->
                        assertThat(values).as(name).isNotEqualTo(new float[values.length]));
    }

    /** The token before the padding is the last one of its sequence. */
    @Test
    void paddingIsNoToken() throws Exception {
        MistralForSequenceClassification network =
                MistralForSequenceClassification.load(
                        Reference.directory("heads/single-label"), manager, TORCH);
        long[] padded = {5, 6, 0, 0};
        try (TrainingPass whole =
                        TrainingPass.evaluate(
                                network,
                                manager,
                                List.of(new TrainingSequence(padded, padded)),
                                Options.DEFAULT);
                TrainingPass cut =
                        TrainingPass.evaluate(
                                network,
                                manager,
                                List.of(new TrainingSequence(new long[] {5, 6}, new long[2])),
                                Options.DEFAULT)) {
            assertThat(whole.logits()).hasSize(3);
            assertClose(whole.logits(), cut.logits(), LOGITS);
            assertThatThrownBy(whole::logProbabilities)
                    .isInstanceOf(IllegalStateException.class)
                    .hasMessageContaining("a classification head has logits()");
        }
    }

    @Test
    void mistakesAreNamed() throws Exception {
        MistralForTokenClassification network = network();
        assertThatThrownBy(
                        () ->
                                step(
                                        network,
                                        List.of(
                                                new TrainingSequence(
                                                        new long[2], new long[] {0, 5})),
                                        Options.DEFAULT))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("sequence 0 has the label 5, must be a class from 0 to 4");
        assertThatThrownBy(
                        () ->
                                new MistralTrainer<>(
                                        network,
                                        new CausalObjective(),
                                        TrainingArguments.builder().build()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining(
                        "a MistralForTokenClassification is not trained by CausalObjective");
        MistralForQuestionAnswering answers =
                MistralForQuestionAnswering.of(
                        MistralCheckpoint.open(Reference.directory("heads/question")),
                        "question",
                        manager,
                        TORCH);
        assertThatThrownBy(
                        () ->
                                TrainingPass.evaluate(
                                        answers,
                                        manager,
                                        List.of(new TrainingSequence(new long[2], new long[2])),
                                        Options.DEFAULT))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("a MistralForQuestionAnswering has no training passes");
    }
}
