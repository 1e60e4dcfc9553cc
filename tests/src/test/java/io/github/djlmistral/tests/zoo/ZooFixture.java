/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.Model;
import ai.djl.inference.Predictor;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.ndarray.NDList;
import ai.djl.nn.Block;
import ai.djl.nn.BlockFactory;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.djlmistral.tests.model.Reference;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.MistralBlockFactory;
import io.github.djlmistral.zoo.chat.ChatInput;
import io.github.djlmistral.zoo.chat.ChatOutput;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;

/** Fixture of the zoo's tests. */
abstract class ZooFixture {

    static final String QUESTION = "What is a lighthouse?";
    static final String ANSWER =
            "a tower with a light that gives warning of shoals to passing ships";

    static Criteria<String, String> embedded() {
        return Mistral.criteria(String.class, String.class).build();
    }

    static ZooModel<String, String> texts() throws Exception {
        return embedded().loadModel();
    }

    static ZooModel<ChatInput, ChatOutput> chats() throws Exception {
        return Mistral.criteria(ChatInput.class, ChatOutput.class).build().loadModel();
    }

    static ZooModel<Input, Output> bytes() throws Exception {
        return Mistral.criteria(Input.class, Output.class).build().loadModel();
    }

    static void assertAnswers(ZooModel<String, String> model) throws Exception {
        try (Predictor<String, String> predictor = model.newPredictor()) {
            assertThat(predictor.predict(QUESTION)).isEqualTo(ANSWER);
        }
    }

    /** A checkpoint with recorded outputs and without a tokenizer. */
    static Path withoutTokenizer() {
        return Reference.directory("checkpoints/window8-f32");
    }

    /** Copies the embedded model's files, except some. */
    static Path copy(Path target, String... left) throws Exception {
        Files.createDirectories(target);
        try (ZooModel<NDList, NDList> model =
                        Mistral.criteria(NDList.class, NDList.class).build().loadModel();
                Stream<Path> files = Files.list(model.getModelPath())) {
            for (Path file : files.toList()) {
                String name = file.getFileName().toString();
                if (!List.of(left).contains(name)) {
                    Files.copy(file, target.resolve(name));
                }
            }
        }
        return target;
    }

    static void edit(Path file, UnaryOperator<String> change) throws IOException {
        Files.writeString(file, change.apply(Files.readString(file)));
    }

    static Input input(String body) {
        Input input = new Input();
        input.add(body.getBytes(StandardCharsets.UTF_8));
        return input;
    }

    static JsonObject json(Output output) {
        return JsonParser.parseString(output.getData().getAsString()).getAsJsonObject();
    }

    static Map<String, Object> tokens(int count) {
        return Map.of("max_new_tokens", count);
    }

    /** Records the models that DJL creates while loading, including those never returned. */
    static final class RememberingFactory implements BlockFactory {

        private static final long serialVersionUID = 1L;

        private static final List<Model> MODELS = new ArrayList<>();

        static List<Model> models() {
            List<Model> models = List.copyOf(MODELS);
            MODELS.clear();
            return models;
        }

        @Override
        public Block newBlock(Model model, Path modelPath, Map<String, ?> arguments)
                throws IOException {
            MODELS.add(model);
            return new MistralBlockFactory().newBlock(model, modelPath, arguments);
        }
    }
}
