/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.GradientCollector;
import ai.djl.training.loss.Loss;
import io.github.djlmistral.engine.internal.kernels.ReferenceKernels;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.kernels.KernelChoice;
import io.github.djlmistral.engine.model.LabelConfig;
import io.github.djlmistral.engine.model.LabelConfig.ProblemType;
import io.github.djlmistral.engine.model.MistralCheckpoint;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForQuestionAnswering;
import io.github.djlmistral.engine.model.MistralForSequenceClassification;
import io.github.djlmistral.engine.model.MistralForTokenClassification;
import io.github.djlmistral.engine.model.MistralPreTrainedModel;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Losses of the heads and their gradients equal the reference's. */
class HeadLossTest extends Fixture {

    private static final KernelChoice KERNELS = new KernelChoice(new ReferenceKernels(), "a test");

    private static MistralConfig config(int labels, ProblemType type) {
        return MistralConfig.builder()
                .vocabSize(9)
                .hiddenSize(8)
                .intermediateSize(8)
                .numHiddenLayers(1)
                .numAttentionHeads(2)
                .numKeyValueHeads(1)
                .labels(new LabelConfig(LabelConfig.ofSize(labels).names(), type))
                .build();
    }

    private static Loss sequenceLoss(int labels, ProblemType type) {
        return new MistralForSequenceClassification(config(labels, type), KERNELS).loss();
    }

    private static Loss tokenLoss(int labels) {
        return new MistralForTokenClassification(config(labels, null), KERNELS).loss();
    }

    private static Loss questionLoss() {
        return new MistralForQuestionAnswering(config(2, null), KERNELS).loss();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "single",
                "single-ignored",
                "multi",
                "regression",
                "regression-row",
                "regression-several",
                "token",
                "question",
                "question-outside",
                "question-column"
            })
    void lossesOfLogits(String name) {
        Reference reference = Reference.head("losses");
        NDArray logits = reference.array(manager, name + ".logits");
        NDArray labels = reference.array(manager, name + ".labels");
        logits.setRequiresGradient(true);
        boolean question = name.startsWith("question");
        int classes = (int) logits.getShape().get(logits.getShape().dimension() - 1);
        Loss loss =
                switch (name) {
                    case "token" -> tokenLoss(classes);
                    case "regression-several" -> sequenceLoss(classes, ProblemType.REGRESSION);
                    default -> question ? questionLoss() : sequenceLoss(classes, null);
                };
        try (GradientCollector collector = manager.getEngine().newGradientCollector()) {
            NDList predictions =
                    question
                            ? new NDList(logits.get("..., 0"), logits.get("..., 1"))
                            : new NDList(logits);
            NDList given = question ? new NDList(labels.get(0), labels.get(1)) : new NDList(labels);
            NDArray value = loss.evaluate(given, predictions);
            assertThat(value.getShape().size()).isEqualTo(1);
            assertThat(value.getFloat())
                    .isCloseTo(reference.array(manager, name + ".loss").getFloat(), within(1e-5f));
            collector.backward(value);
        }
        assertClose(logits.getGradient(), reference.array(manager, name + ".grad"), 1e-5);
    }

    static Stream<Arguments> heads() {
        return Stream.of("single-label", "multi-label", "regression", "token", "question")
                .flatMap(
                        name ->
                                Stream.of("reference", "torch")
                                        .map(kernels -> Arguments.of(name, kernels)));
    }

    @ParameterizedTest
    @MethodSource("heads")
    void gradientsOfNetworks(String name, String kernels) throws Exception {
        Reference reference = Reference.head(name);
        MistralCheckpoint stored = MistralCheckpoint.open(reference.directory());
        // the recorded gradients are without dropout
        MistralConfig config = stored.config().toBuilder().classifierDropout(0).build();
        MistralPreTrainedModel network =
                MistralPreTrainedModel.of(
                        new MistralCheckpoint(config, stored.weights()),
                        name,
                        manager,
                        new ComputeOptions(kernels, "float32"));
        Loss loss = loss(network);
        for (String batch : List.of("row", "left", "right")) {
            if (!reference.has(batch + ".input_ids")) {
                continue; // no padding token
            }
            if (name.equals("question") && !batch.equals("row") && kernels.equals("torch")) {
                // the softmax over positions includes padding without a token in its window,
                // for which the logits of fused attention mean nothing
                continue;
            }
            network.freezeParameters(true);
            network.freezeParameters(false); // drops earlier gradients
            NDList inputs =
                    new NDList(
                            reference.array(manager, batch + ".input_ids"),
                            reference.array(manager, batch + ".attention_mask"));
            NDList labels =
                    name.equals("question")
                            ? new NDList(
                                    reference.array(manager, batch + ".start_positions"),
                                    reference.array(manager, batch + ".end_positions"))
                            : new NDList(reference.array(manager, batch + ".labels"));
            try (GradientCollector collector = manager.getEngine().newGradientCollector()) {
                collector.zeroGradients();
                NDArray value = loss.evaluate(labels, network.forward(parameters, inputs, true));
                assertThat(value.getFloat())
                        .isCloseTo(
                                reference.array(manager, batch + ".loss").getFloat(),
                                within(LOGITS));
                collector.backward(value);
            }
            int compared = 0;
            for (Map.Entry<String, Parameter> weight : network.namedParameters().entrySet()) {
                String key = batch + ".grad." + weight.getKey();
                if (reference.has(key)) {
                    NDArray expected = reference.array(manager, key);
                    double largest = Math.max(1, expected.abs().max().getFloat());
                    assertClose(
                            weight.getValue().getArray().getGradient(), expected, LOGITS * largest);
                    ++compared;
                }
            }
            assertThat(compared).isBetween(2, 3);
        }
    }

    private static Loss loss(MistralPreTrainedModel network) {
        if (network instanceof MistralForTokenClassification token) {
            return token.loss();
        }
        return network instanceof MistralForQuestionAnswering question
                ? question.loss()
                : ((MistralForSequenceClassification) network).loss();
    }

    @Test
    void dropoutIsAppliedInTrainingOnly() throws Exception {
        Reference reference = Reference.head("token");
        MistralPreTrainedModel network =
                MistralForTokenClassification.load(
                        reference.directory(), manager, new ComputeOptions("torch", "float32"));
        assertThat(network.config().classifierDropout()).isEqualTo(0.1);
        NDList inputs = new NDList(reference.array(manager, "row.input_ids"));
        NDArray plain = network.forward(parameters, inputs, false).singletonOrThrow();
        assertThat(network.forward(parameters, inputs, false).singletonOrThrow()).isEqualTo(plain);
        NDArray first = network.forward(parameters, inputs, true).singletonOrThrow();
        NDArray second = network.forward(parameters, inputs, true).singletonOrThrow();
        assertThat(first).isNotEqualTo(plain).isNotEqualTo(second);
        // its mean is that of the values without dropout
        NDArray sum = manager.zeros(plain.getShape());
        int times = 300;
        for (int i = 0; i < times; ++i) {
            sum.addi(network.forward(parameters, inputs, true).singletonOrThrow());
        }
        assertThat(sum.div(times).sub(plain).abs().mean().getFloat()).isLessThan(0.1f);
    }

    @Test
    void dropoutOfTheConfiguration() {
        assertThat(MistralConfig.parse("{\"hidden_dropout\": 0.3}").classifierDropout())
                .isEqualTo(0.3);
        assertThat(
                        MistralConfig.parse(
                                        "{'hidden_dropout': 0.3, 'classifier_dropout': 0}"
                                                .replace('\'', '"'))
                                .classifierDropout())
                .isZero();
        assertThat(MistralConfig.parse("{\"classifier_dropout\": null}").classifierDropout())
                .isEqualTo(0.1);
    }

    private NDList integers(long... values) {
        return new NDList(manager.create(values));
    }

    @Test
    void labelsThatDoNotFit() {
        NDList logits = new NDList(manager.zeros(new Shape(2, 3)));
        Loss loss = sequenceLoss(3, null);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> loss.evaluate(integers(1, 3), logits))
                .withMessageContaining("label 3 is out of range")
                .withMessageContaining("classes 0 to 2");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> loss.evaluate(integers(1, -1), logits))
                .withMessageContaining("label -1 is out of range");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> loss.evaluate(integers(1, 2, 0), logits))
                .withMessageContaining("(3)");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> loss.evaluate(integers(-100, -100), logits))
                .withMessageContaining("leave such batches out");
        NDList floats = new NDList(manager.zeros(new Shape(2)));
        assertThatIllegalArgumentException()
                .isThrownBy(() -> loss.evaluate(floats, logits))
                .withMessageContaining("int64 labels (B)");
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () ->
                                sequenceLoss(3, ProblemType.SINGLE_LABEL_CLASSIFICATION)
                                        .evaluate(floats, logits))
                .withMessageContaining("create them as int64");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> questionLoss().evaluate(integers(1, 2), logits))
                .withMessageContaining("start_logits");
    }

    @Test
    void otherIntegersAreClassIndicesAsWell() {
        NDList logits = new NDList(manager.create(new float[] {1, 2, 4, 3}, new Shape(2, 2)));
        NDArray labels = manager.create(new long[] {1, 1});
        Loss loss = sequenceLoss(2, null);
        assertThat(
                        loss.evaluate(new NDList(labels.toType(DataType.INT32, false)), logits)
                                .getFloat())
                .isEqualTo(loss.evaluate(new NDList(labels), logits).getFloat());
    }
}
