/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.LabelConfig;
import io.github.djlmistral.engine.model.LabelConfig.ProblemType;
import io.github.djlmistral.engine.model.MistralCheckpoint;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.model.MistralForQuestionAnswering;
import io.github.djlmistral.engine.model.MistralForSequenceClassification;
import io.github.djlmistral.engine.model.MistralForTokenClassification;
import io.github.djlmistral.engine.model.MistralPreTrainedModel;
import io.github.djlmistral.engine.quantization.Quantization;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Classification and question answering equal the reference's, whichever side is padded. */
class HeadsTest extends Fixture {

    static Stream<Arguments> heads() {
        return Stream.of("single-label", "multi-label", "regression", "token", "question")
                .flatMap(
                        name ->
                                Stream.of("reference", "torch", "auto")
                                        .map(kernels -> Arguments.of(name, kernels)));
    }

    private MistralPreTrainedModel load(String name, ComputeOptions options) throws Exception {
        var directory = Reference.directory("heads/" + name);
        return switch (name) {
            case "token" -> MistralForTokenClassification.load(directory, manager, options);
            case "question" -> MistralForQuestionAnswering.load(directory, manager, options);
            default -> MistralForSequenceClassification.load(directory, manager, options);
        };
    }

    @ParameterizedTest
    @MethodSource("heads")
    void logits(String name, String kernels) throws Exception {
        Reference reference = Reference.head(name);
        MistralPreTrainedModel network = load(name, new ComputeOptions(kernels, "float32"));
        for (String batch : List.of("row", "left", "right")) {
            if (!reference.has(batch + ".input_ids")) {
                continue; // no padding token
            }
            NDArray ids = reference.array(manager, batch + ".input_ids");
            NDArray mask = reference.array(manager, batch + ".attention_mask");
            NDList outputs = network.forward(parameters, new NDList(ids, mask), false);
            List<String> keys =
                    name.equals("question")
                            ? List.of("start_logits", "end_logits")
                            : List.of("logits");
            assertThat(outputs.stream().map(NDArray::getName)).isEqualTo(keys);
            assertThat(network.getOutputShapes(new Shape[] {ids.getShape()}))
                    .isEqualTo(outputs.getShapes());
            for (int i = 0; i < keys.size(); ++i) {
                assertKeptClose(
                        outputs.get(i),
                        reference.array(manager, batch + "." + keys.get(i)),
                        name.equals("token") || name.equals("question") ? mask : null);
            }
        }
    }

    /** What a network gives at a padding token means nothing. */
    private static void assertKeptClose(NDArray actual, NDArray expected, NDArray mask) {
        if (mask == null) {
            assertClose(actual, expected, LOGITS);
            return;
        }
        float[][] a = rows(actual.reshape(mask.size(), -1));
        float[][] b = rows(expected.reshape(mask.size(), -1));
        long[] kept = mask.toLongArray();
        for (int i = 0; i < kept.length; ++i) {
            if (kept[i] == 1) {
                assertClose(a[i], b[i], LOGITS);
            }
        }
    }

    /** The backbone in 4 bits, the head as it is: as the dequantized weights give it. */
    @ParameterizedTest
    @CsvSource({"single-label", "token", "question"})
    void quantizedBackbone(String name) throws Exception {
        Reference reference = Reference.head(name);
        NDArray ids = reference.array(manager, "row.input_ids");
        float[][] both = new float[2][];
        for (int i = 0; i < 2; ++i) {
            MistralCheckpoint checkpoint =
                    MistralCheckpoint.open(Reference.directory("heads/" + name))
                            .quantized(Quantization.parse("nf4"));
            ComputeOptions options = new ComputeOptions(i == 0 ? "reference" : "torch", "float32");
            MistralPreTrainedModel network =
                    switch (name) {
                        case "token" ->
                                MistralForTokenClassification.of(
                                        checkpoint, name, manager, options);
                        case "question" ->
                                MistralForQuestionAnswering.of(checkpoint, name, manager, options);
                        default ->
                                MistralForSequenceClassification.of(
                                        checkpoint, name, manager, options);
                    };
            both[i] =
                    network.forward(parameters, ForwardInput.ofIds(ids), false)
                            .logits()
                            .toFloatArray();
        }
        assertClose(both[0], both[1], LOGITS);
    }

    @Test
    void configurationNamesTheClasses() throws Exception {
        MistralConfig config = MistralConfig.read(Reference.directory("heads/multi-label"));
        assertThat(config.architecture()).isEqualTo("MistralForSequenceClassification");
        assertThat(config.labels())
                .isEqualTo(
                        new LabelConfig(
                                List.of("sea", "ship", "bird", "storm"),
                                ProblemType.MULTI_LABEL_CLASSIFICATION));
        assertThat(MistralConfig.parse("{}").labels().names())
                .containsExactly("LABEL_0", "LABEL_1");
        assertThat(MistralConfig.parse("{\"num_labels\": 3}").labels().size()).isEqualTo(3);
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "{'id2label': {'0': 'a', '2': 'b'}} | id2label has the key \"2\"",
                "{'id2label': {}}                   | id2label has no labels",
                "{'id2label': {'0': 1}}             | id2label.0",
                "{'num_labels': 0}                  | num_labels is 0",
                "{'id2label': {'0': 'a'}, 'num_labels': 2} | num_labels is 2, but id2label has 1",
                "{'problem_type': 'ranking'}        | problem_type is \"ranking\""
            })
    void labelsThatDoNotFit(String json, String message) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MistralConfig.parse(json.replace('\'', '"')))
                .withMessageContaining(message);
    }

    @Test
    void weightsOfAnotherNumberOfLabels() throws Exception {
        MistralCheckpoint stored = MistralCheckpoint.open(Reference.directory("heads/token"));
        MistralConfig config = stored.config().toBuilder().labels(LabelConfig.ofSize(3)).build();
        assertThatExceptionOfType(MalformedModelException.class)
                .isThrownBy(
                        () ->
                                MistralPreTrainedModel.of(
                                        new MistralCheckpoint(config, stored.weights()),
                                        "token",
                                        manager,
                                        ComputeOptions.AUTO))
                .withMessageContaining("score.weight has the shape [5, 32] instead of [3, 32]")
                .withMessageContaining("id2label");
    }

    @Test
    void anotherHeadThanTheCheckpointHas() {
        ComputeOptions options = new ComputeOptions("reference", "float32");
        assertThatExceptionOfType(MalformedModelException.class)
                .isThrownBy(
                        () ->
                                MistralForCausalLM.load(
                                        Reference.directory("heads/token"), manager, options))
                .withMessageContaining(
                        "is a MistralForTokenClassification, not a MistralForCausalLM");
        assertThatExceptionOfType(MalformedModelException.class)
                .isThrownBy(
                        () ->
                                MistralForSequenceClassification.load(
                                        Reference.directory("checkpoints/window8-f32"),
                                        manager,
                                        options))
                .withMessageContaining(
                        "is a MistralForCausalLM, not a MistralForSequenceClassification");
    }

    @Test
    void aBatchNeedsAPaddingToken() throws Exception {
        MistralPreTrainedModel network =
                load("regression", new ComputeOptions("reference", "float32"));
        NDList two = new NDList(manager.create(new long[] {5, 6, 7, 8}, new Shape(2, 2)));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> network.forward(parameters, two, false))
                .withMessageContaining("pad_token_id");
    }
}
