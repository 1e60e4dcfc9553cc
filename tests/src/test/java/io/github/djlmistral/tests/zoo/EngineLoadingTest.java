/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.inference.Predictor;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.training.DefaultTrainingConfig;
import ai.djl.training.loss.Loss;
import io.github.djlmistral.engine.kernels.DjlEngine;
import io.github.djlmistral.tests.Engines;
import io.github.djlmistral.tests.Leaks;
import io.github.djlmistral.tests.model.Reference;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.chat.ChatInput;
import io.github.djlmistral.zoo.chat.ChatOutput;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.translator.TextStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.provider.MethodSource;

/** Models load on every engine, by name, by path and from the Hub, and answer alike. */
@ParameterizedClass
@MethodSource("io.github.djlmistral.tests.Engines#all")
class EngineLoadingTest extends PublishedFixture {

    private final DjlEngine engine;
    private final String name;

    EngineLoadingTest(String name) {
        this.name = name;
        engine = DjlEngine.of(name);
    }

    private <I, O> Criteria.Builder<I, O> embedded(Class<I> input, Class<O> output) {
        return Mistral.criteria(input, output).optEngine(name);
    }

    private void assertLoadsAndAnswers(Criteria.Builder<String, String> criteria) throws Exception {
        try (ZooModel<String, String> model = criteria.build().loadModel()) {
            assertThat(model.getNDManager().getEngine().getEngineName()).isEqualTo(name);
            assertThat(Mistral.network(model).kernelReason())
                    .contains(engine == DjlEngine.PYTORCH ? Engines.fastestKernels() : name);
            assertAnswers(model);
        }
    }

    @Test
    void theEmbeddedModel() throws Exception {
        assertLoadsAndAnswers(embedded(String.class, String.class));
        assertLoadsAndAnswers(
                Criteria.builder()
                        .setTypes(String.class, String.class)
                        .optGroupId("io.github.djlmistral")
                        .optArtifactId("mistral-tiny-instruct")
                        .optEngine(name));
    }

    @Test
    void aDirectory() throws Exception {
        assertLoadsAndAnswers(Mistral.criteria(models.resolve("tiny")).optEngine(name));
    }

    @Test
    void aModelOfTheHubByName() throws Exception {
        assertLoadsAndAnswers(byName().optEngine(name));
    }

    @Test
    void aModelOfTheHubByUrl() throws Exception {
        assertLoadsAndAnswers(byUrl().optEngine("Mistral" + name));
        assertLoadsAndAnswers(byUrl().optEngine(name));
    }

    @Test
    void streams() throws Exception {
        try (ZooModel<String, String> model =
                        embedded(String.class, String.class).build().loadModel();
                Predictor<String, String> predictor = model.newPredictor()) {
            List<String> pieces = new ArrayList<>();
            predictor.predict(QUESTION); // whose prefix is kept
            for (int i = 0; i < 2; ++i) {
                pieces.clear();
                int before = Leaks.resources(model.getNDManager());
                try (TextStream<String> stream =
                        TextStream.of(predictor.streamingPredict(QUESTION))) {
                    stream.forEachRemaining(pieces::add);
                }
                assertThat(Leaks.resources(model.getNDManager())).isEqualTo(before);
            }
            assertThat(pieces).hasSizeGreaterThan(5);
            assertThat(String.join("", pieces)).isEqualTo(ANSWER);
        }
    }

    @Test
    void chatsAndServes() throws Exception {
        try (ZooModel<ChatInput, ChatOutput> model =
                        embedded(ChatInput.class, ChatOutput.class).build().loadModel();
                Predictor<ChatInput, ChatOutput> predictor = model.newPredictor()) {
            assertThat(predictor.predict(new ChatInput(Message.user(QUESTION))).content())
                    .isEqualTo(ANSWER);
        }
        try (ZooModel<Input, Output> model =
                        embedded(Input.class, Output.class).build().loadModel();
                Predictor<Input, Output> predictor = model.newPredictor()) {
            assertThat(json(predictor.predict(input(QUESTION))).get("generated_text").getAsString())
                    .isEqualTo(ANSWER);
        }
    }

    @Test
    void batchesOfDifferentLengths() throws Exception {
        List<String> questions = List.of(QUESTION, "What is an owl?", "What is a fox?");
        try (ZooModel<String, String> model =
                        embedded(String.class, String.class).build().loadModel();
                Predictor<String, String> predictor = model.newPredictor()) {
            List<String> single = new ArrayList<>();
            for (String question : questions) {
                single.add(predictor.predict(question));
            }
            assertThat(predictor.batchPredict(questions)).isEqualTo(single);
            assertThat(single).first().isEqualTo(ANSWER);
        }
    }

    @Test
    void aClassificationHead() throws Exception {
        Path directory = Reference.directory("heads/single-label");
        try (ZooModel<NDList, NDList> model =
                        Mistral.criteria(directory, NDList.class, NDList.class)
                                .optEngine(name)
                                .build()
                                .loadModel();
                Predictor<NDList, NDList> predictor = model.newPredictor();
                NDManager manager = model.getNDManager().newSubManager()) {
            Reference reference = Reference.head("single-label");
            NDList inputs =
                    new NDList(
                            reference.array(manager, "left.input_ids"),
                            reference.array(manager, "left.attention_mask"));
            NDArray expected = reference.array(manager, "left.logits");
            NDArray logits = predictor.predict(inputs).singletonOrThrow();
            assertThat(logits.sub(expected).abs().max().getFloat()).isLessThan(1e-4f);
        }
    }

    @Test
    void savesACheckpoint() throws Exception {
        Path saved = home.resolve("saved");
        try (ZooModel<String, String> model =
                Mistral.criteria(models.resolve("tiny")).optEngine(name).build().loadModel()) {
            Mistral.save(model, saved);
        }
        assertLoadsAndAnswers(Mistral.criteria(saved).optEngine(name));
    }

    /** The network is closed by its model, after the pass in progress. */
    @Test
    void closingTheModelEndsItsStreams() throws Exception {
        ZooModel<String, String> model = embedded(String.class, String.class).build().loadModel();
        try (Predictor<String, String> predictor = model.newPredictor();
                TextStream<String> stream = TextStream.of(predictor.streamingPredict(QUESTION))) {
            assertThat(stream.next()).isEqualTo("a");
            model.close();
            assertThatIllegalStateException()
                    .isThrownBy(() -> stream.forEachRemaining(piece -> {}))
                    .withMessageContaining("closed");
        }
        assertThat(Leaks.resources(model.getNDManager())).isZero();
    }

    @Test
    void quantizedWeightsAndTrainingWhereTheEngineHasThem() throws Exception {
        Criteria.Builder<String, String> quantized =
                embedded(String.class, String.class).optFilter("precision", "int4");
        if (engine.supportsQuantizedWeights()) {
            assertLoadsAndAnswers(quantized);
            return;
        }
        assertThatIllegalArgumentException()
                .isThrownBy(() -> quantized.build().loadModel())
                .withMessageContaining("quantized weights")
                .withMessageContaining(name)
                .withMessageContaining("optEngine(\"PyTorch\")");
        try (ZooModel<String, String> model =
                embedded(String.class, String.class).build().loadModel()) {
            assertThatThrownBy(() -> model.newTrainer(new DefaultTrainingConfig(Loss.l2Loss())))
                    .isInstanceOf(UnsupportedOperationException.class)
                    .hasMessageContaining("gradients")
                    .hasMessageContaining("optEngine(\"PyTorch\")");
        }
    }

    @Test
    void kernelsOfAnotherEngine() throws Exception {
        String kernels = Engines.fastestKernels();
        Criteria.Builder<String, String> criteria =
                embedded(String.class, String.class).optArgument("kernels", kernels);
        if (engine.runsTorchScript()) {
            assertLoadsAndAnswers(criteria);
            return;
        }
        assertThatIllegalArgumentException()
                .isThrownBy(() -> criteria.build().loadModel())
                .withMessageContaining("the " + kernels + " kernels need DJL's PyTorch engine")
                .withMessageContaining(name)
                .withMessageContaining("leave kernels out");
    }
}
