/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import io.github.djlmistral.engine.weights.CheckpointException;
import io.github.djlmistral.tests.model.GgufModel;
import io.github.djlmistral.tests.model.Reference;
import io.github.djlmistral.tests.weights.GgufWriter;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.chat.ChatInput;
import io.github.djlmistral.zoo.chat.ChatOutput;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A single GGUF file loads as a complete model, equal to the checkpoint directory. */
class GgufLoadingTest extends ZooFixture {

    private static final long[] IDS = {1, 733, 5, 7, 11, 13, 17, 19, 4999, 2048};

    /** The embedded model as a directory. */
    @TempDir static Path directory;

    @TempDir Path temporary;

    @BeforeAll
    static void unpack() throws Exception {
        copy(directory.resolve("model"));
    }

    private static Path checkpoint() {
        return directory.resolve("model");
    }

    private Path plain() throws IOException {
        return GgufModel.plain(checkpoint()).write(temporary.resolve("tiny.F32.gguf"));
    }

    @Test
    void aFileAnswersAsTheDirectoryDoes() throws Exception {
        Path file = plain();
        try (ZooModel<String, String> model = Mistral.criteria(file).build().loadModel();
                MistralPipeline pipeline = MistralPipeline.open(model)) {
            assertAnswers(model);
            assertThat(MistralPipeline.checkpoint(model)).isEqualTo(file.toAbsolutePath());
            assertThat(model.getName()).isEqualTo("tiny.F32.gguf");
            List<Message> messages = List.of(Message.system("Be brief."), Message.user(QUESTION));
            try (ZooModel<String, String> other =
                            Mistral.criteria(checkpoint()).build().loadModel();
                    MistralPipeline expected = MistralPipeline.open(other)) {
                assertThat(pipeline.encode(messages)).isEqualTo(expected.encode(messages));
                assertThat(pipeline.complete(" a  b")).isEqualTo(expected.complete(" a  b"));
            }
        }
        try (ZooModel<ChatInput, ChatOutput> model =
                        Mistral.criteria(file, ChatInput.class, ChatOutput.class)
                                .build()
                                .loadModel();
                Predictor<ChatInput, ChatOutput> predictor = model.newPredictor()) {
            ChatOutput output = predictor.predict(new ChatInput(Message.user(QUESTION)));
            assertThat(output.content()).isEqualTo(ANSWER);
        }
    }

    /** The remedy that the error message names. */
    @Test
    void aChatTemplateBesideTheFileIsUsed() throws Exception {
        Path base = copy(temporary.resolve("base"), "tokenizer_config.json");
        Path file = GgufModel.plain(base).write(temporary.resolve("base.gguf"));
        ChatInput input = new ChatInput(Message.user(QUESTION));
        try (ZooModel<ChatInput, ChatOutput> model = chats(file);
                Predictor<ChatInput, ChatOutput> predictor = model.newPredictor()) {
            assertThatThrownBy(() -> predictor.predict(input))
                    .hasMessageContainingAll("no chat template", "chat_template.jinja");
        }
        String template =
                Reference.json(checkpoint().resolve("tokenizer_config.json"))
                        .get("chat_template")
                        .getAsString();
        Files.writeString(temporary.resolve("chat_template.jinja"), template);
        try (ZooModel<ChatInput, ChatOutput> model = chats(file);
                Predictor<ChatInput, ChatOutput> predictor = model.newPredictor()) {
            assertThat(predictor.predict(input).content()).isEqualTo(ANSWER);
        }
        Files.writeString(temporary.resolve("chat_template.jinja"), "{{ messages | shout }}");
        assertThatThrownBy(() -> chats(file))
                .hasMessageContainingAll("chat template", "shout", temporary.toString());
    }

    /** It replaces the template in the file. */
    @Test
    void aChatTemplateBesideTheFileTakesPrecedence() throws Exception {
        Path file = plain();
        Files.writeString(
                temporary.resolve("chat_template.jinja"),
                "{{ bos_token }}{{ raise_exception('beside') }}{{ eos_token }}");
        try (ZooModel<ChatInput, ChatOutput> model = chats(file);
                Predictor<ChatInput, ChatOutput> predictor = model.newPredictor()) {
            assertThatThrownBy(() -> predictor.predict(new ChatInput(Message.user(QUESTION))))
                    .hasMessageContaining("beside");
        }
    }

    private static ZooModel<ChatInput, ChatOutput> chats(Path file) throws Exception {
        return Mistral.criteria(file, ChatInput.class, ChatOutput.class).build().loadModel();
    }

    @Test
    void logitsAreThoseOfTheDirectory() throws Exception {
        float[] expected = logits(checkpoint(), IDS);
        // the same numbers; bfloat16 widened to float32 on either side of the file
        assertThat(difference(logits(plain(), IDS), expected)).isLessThan(1e-4f);
    }

    /**
     * Logits equal those of the dequantized weights, up to the order of summation, and are close to
     * the unquantized ones: a weight changes by at most 0.4 % of the largest of its block.
     */
    @Test
    void eightBitsAnswerAlike() throws Exception {
        Path file = GgufModel.eightBits(checkpoint()).write(temporary.resolve("tiny.Q8_0.gguf"));
        Path rounded = GgufModel.rounded(checkpoint()).write(temporary.resolve("rounded.gguf"));
        float[] logits = logits(file, IDS);
        assertThat(difference(logits, logits(rounded, IDS))).isLessThan(1e-4f);
        assertThat(difference(logits, logits(checkpoint(), IDS))).isBetween(1e-2f, 1f);
        try (ZooModel<String, String> model = Mistral.criteria(file).build().loadModel()) {
            assertAnswers(model);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"window8-f32", "nowindow-tied-sharded"})
    void recordedLogitsComeOut(String name) throws Exception {
        Reference reference = Reference.checkpoint(name);
        Path file =
                GgufModel.plain(Reference.directory("checkpoints/" + name))
                        .write(temporary.resolve("recorded.gguf"));
        try (NDManager manager = NDManager.newBaseManager("PyTorch")) {
            float[] expected = reference.array(manager, "single.logits").toFloatArray();
            long[] ids = reference.array(manager, "single.input_ids").toLongArray();
            assertThat(difference(logits(file, ids), expected)).isLessThan(1e-4f);
        }
    }

    /** A tied Q8_0 embedding table is the output layer, too. */
    @Test
    void aTiedTableInEightBits() throws Exception {
        Path bf16 = Reference.directory("checkpoints/window4-bf16");
        long[] ids = {1, 5, 7, 11, 13, 17};
        Path eight =
                GgufModel.eightBits(bf16).drop("output.weight").write(temporary.resolve("8.gguf"));
        Path rounded =
                GgufModel.rounded(bf16).drop("output.weight").write(temporary.resolve("r.gguf"));
        float[] expected = logits(rounded, ids);
        assertThat(difference(logits(eight, ids), expected)).isLessThan(1e-4f);
        assertThat(difference(logits(bf16, ids), expected)).isGreaterThan(1); // it is not untied
    }

    @Test
    void directoryWithOneGgufFile() throws Exception {
        Path folder = Files.createDirectory(temporary.resolve("download"));
        GgufModel.plain(checkpoint()).write(folder.resolve("tiny.gguf"));
        Files.writeString(folder.resolve("config.json"), "{\"model_type\": \"mistral\"}");
        try (ZooModel<String, String> model = Mistral.criteria(folder).build().loadModel()) {
            assertAnswers(model);
        }
        try (ZooModel<String, String> model =
                Criteria.builder()
                        .setTypes(String.class, String.class)
                        .optModelPath(folder)
                        .optEngine("PyTorch")
                        .optArgument("blockFactory", "io.github.djlmistral.zoo.MistralBlockFactory")
                        .optArgument(
                                "translatorFactory",
                                "io.github.djlmistral.zoo.translator.MistralTranslatorFactory")
                        .optOption("hasParameter", "false")
                        .build()
                        .loadModel()) {
            assertAnswers(model);
        }
        Files.copy(folder.resolve("tiny.gguf"), folder.resolve("other.gguf"));
        Files.delete(folder.resolve("config.json"));
        assertThatThrownBy(() -> Mistral.criteria(folder).build().loadModel())
                .isInstanceOf(IOException.class)
                .hasMessageContainingAll("2 GGUF files", "other.gguf", "Give one of them");
        try (ZooModel<String, String> model =
                Mistral.criteria(folder)
                        .optArgument("ggufFile", "other.gguf")
                        .build()
                        .loadModel()) {
            assertAnswers(model);
        }
        for (String name : List.of("third.gguf", "../download/other.gguf/../../x")) {
            assertThatThrownBy(
                            () ->
                                    Mistral.criteria(folder)
                                            .optArgument("gguf_file", name)
                                            .build()
                                            .loadModel())
                    .isInstanceOf(IOException.class)
                    .hasMessageContainingAll("has no file " + name, "gguf_file");
        }
    }

    @Test
    void withoutTokenizerItServesArrays() throws Exception {
        Path file = GgufModel.plain(withoutTokenizer()).write(temporary.resolve("network.gguf"));
        assertThat(logits(file, 1, 5, 7)).hasSize(3 * 99);
        assertThatThrownBy(() -> Mistral.criteria(file).build().loadModel())
                .isInstanceOf(UncheckedIOException.class)
                .hasMessageContainingAll("network.gguf", "contains no tokenizer");
    }

    @Test
    void errorsNameTheFile() throws Exception {
        Path other = Files.writeString(temporary.resolve("weights.bin"), "PK");
        assertThatThrownBy(() -> Mistral.criteria(other))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("weights.bin is a file", "give the directory", ".gguf");
        assertNotLoaded(
                Files.write(temporary.resolve("cut.gguf"), new byte[] {'G', 'G', 'U', 'F', 3}),
                CheckpointException.class,
                "cut.gguf",
                "ends after 5 bytes");
        Path fewer =
                GgufModel.plain(withoutTokenizer())
                        .drop("blk.1.ffn_up.weight")
                        .write(temporary.resolve("fewer.gguf"));
        assertNotLoaded(
                fewer,
                IOException.class,
                "fewer.gguf",
                "model.layers.1.mlp.up_proj.weight is missing");
        Path qwen =
                new GgufWriter()
                        .put("general.architecture", "qwen2")
                        .write(temporary.resolve("qwen.gguf"));
        assertNotLoaded(qwen, CheckpointException.class, "qwen.gguf", "\"qwen2\"");
    }

    private static void assertNotLoaded(Path file, Class<?> type, String... words) {
        Criteria<NDList, NDList> criteria =
                Mistral.criteria(file, NDList.class, NDList.class)
                        .optArgument("blockFactory", new RememberingFactory())
                        .build();
        assertThatThrownBy(criteria::loadModel).isInstanceOf(type).hasMessageContainingAll(words);
        assertThat(RememberingFactory.models())
                .singleElement()
                .satisfies(model -> assertThat(model.getNDManager().isOpen()).isFalse());
    }

    private static float[] logits(Path path, long... ids) throws Exception {
        try (ZooModel<NDList, NDList> model =
                        Mistral.criteria(path, NDList.class, NDList.class)
                                .optArgument("dtype", "float32")
                                .build()
                                .loadModel();
                Predictor<NDList, NDList> predictor = model.newPredictor();
                NDManager manager = model.getNDManager().newSubManager()) {
            NDArray input = manager.create(ids, new Shape(1, ids.length));
            return predictor.predict(new NDList(input)).singletonOrThrow().toFloatArray();
        }
    }

    private static float difference(float[] some, float[] others) {
        assertThat(some).hasSameSizeAs(others);
        float largest = 0;
        for (int i = 0; i < some.length; i++) {
            largest = Math.max(largest, Math.abs(some[i] - others[i]));
        }
        return largest;
    }
}
