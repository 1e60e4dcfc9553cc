/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static io.github.djlmistral.tests.Leaks.resources;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.TranslateException;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.chat.ChatInput;
import io.github.djlmistral.zoo.chat.ChatOutput;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.translator.TextStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Every invalid input gets an error with a remedy, and the model stays usable. */
class BadInputTest extends ZooFixture {

    private static ZooModel<ChatInput, ChatOutput> model;

    private Predictor<ChatInput, ChatOutput> predictor;
    private int resources;

    @BeforeAll
    static void load() throws Exception {
        model =
                Mistral.criteria(ChatInput.class, ChatOutput.class)
                        .optArgument("prefix_cache_bytes", 0) // what is kept would be counted
                        .build()
                        .loadModel();
    }

    @AfterAll
    static void unload() {
        model.close();
    }

    @BeforeEach
    void open() {
        predictor = model.newPredictor();
        resources = resources(model.getNDManager());
    }

    @AfterEach
    void theModelIsAsBefore() throws Exception {
        assertThat(resources(model.getNDManager())).isEqualTo(resources);
        ChatInput input = new ChatInput(List.of(Message.user(QUESTION)), tokens(2));
        assertThat(predictor.predict(input).content()).isEqualTo("a tower");
        predictor.close();
    }

    private static AbstractThrowableAssert<?, ? extends Throwable> assertNotLoaded(
            Criteria.Builder<?, ?> builder) {
        Criteria<?, ?> criteria =
                builder.optArgument("blockFactory", new RememberingFactory()).build();
        var thrown = assertThatThrownBy(criteria::loadModel);
        assertThat(RememberingFactory.models())
                .singleElement()
                .satisfies(failed -> assertThat(failed.getNDManager().isOpen()).isFalse());
        return thrown;
    }

    private void assertRefused(ChatInput input, String... messages) {
        assertThatThrownBy(() -> predictor.predict(input))
                .isInstanceOf(TranslateException.class)
                .hasMessageContainingAll(messages);
        assertThatThrownBy(() -> predictor.streamingPredict(input))
                .isInstanceOf(TranslateException.class)
                .hasMessageContainingAll(messages);
    }

    @Test
    void aDirectoryThatIsNotThere(@TempDir Path directory) {
        assertThatThrownBy(() -> Mistral.criteria(directory.resolve("mistral")))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("mistral does not exist", "config.json");
    }

    @Test
    void aFileInPlaceOfADirectory() {
        Path file = withoutTokenizer().resolve("model.safetensors");
        assertThatThrownBy(() -> Mistral.criteria(file))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("model.safetensors is a file", "give the directory");
    }

    @Test
    void aDirectoryThatIsNoModel(@TempDir Path directory) {
        assertNotLoaded(Mistral.criteria(directory))
                .isInstanceOf(IOException.class)
                .hasMessageContainingAll(directory.toString(), "config.json", "give the directory");
    }

    @Test
    void anUnknownModelType(@TempDir Path directory) throws Exception {
        Files.writeString(directory.resolve("config.json"), "{\"model_type\": \"llama\"}");
        assertNotLoaded(Mistral.criteria(directory))
                .isInstanceOf(IOException.class)
                .hasMessageContainingAll("config.json", "llama", "mistral");
    }

    @Test
    void anUnsupportedDtype() {
        assertNotLoaded(Mistral.criteria(String.class, String.class).optArgument("dtype", "int3"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("int3", "bfloat16");
    }

    @Test
    void anUnknownInstructionSet() {
        assertNotLoaded(Mistral.criteria(String.class, String.class).optArgument("native", "sse4"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("native", "sse4", "avx512");
    }

    @Test
    void unknownKernels() {
        assertNotLoaded(
                        Mistral.criteria(String.class, String.class)
                                .optArgument("kernels", "abacus"))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("abacus", "torch", "reference");
    }

    @Test
    void weightsOfAnotherConfiguration(@TempDir Path temporary) throws Exception {
        Path directory = copy(temporary.resolve("c"));
        edit(
                directory.resolve("config.json"),
                json -> json.replace("\"hidden_size\": 256", "\"hidden_size\": 128"));
        assertNotLoaded(Mistral.criteria(directory))
                .isInstanceOf(IOException.class)
                .hasMessageContainingAll(
                        "do not match", "model.embed_tokens.weight", "config.json");
    }

    @Test
    void aDamagedTokenizer(@TempDir Path temporary) throws Exception {
        Path directory = copy(temporary.resolve("c"));
        edit(directory.resolve("tokenizer.json"), json -> json.substring(0, json.length() / 2));
        assertNotLoaded(Mistral.criteria(directory)).hasMessageContaining("tokenizer.json");
    }

    @Test
    void aDamagedChatTemplate(@TempDir Path temporary) throws Exception {
        Path directory = copy(temporary.resolve("c"));
        Files.writeString(directory.resolve("chat_template.jinja"), "{% for %}");
        try (ZooModel<String, String> loaded = Mistral.criteria(directory).build().loadModel();
                Predictor<String, String> texts = loaded.newPredictor()) {
            assertThatThrownBy(() -> texts.predict(QUESTION)).hasMessageContaining("template");
        } catch (IOException | RuntimeException e) {
            assertThat(e).hasMessageContaining("template");
        }
    }

    @Test
    void anUnknownArgument() {
        assertNotLoaded(Mistral.criteria(String.class, String.class).optArgument("tempratur", 1))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContainingAll("[tempratur]", "temperature", "kernels");
    }

    @ParameterizedTest
    @CsvSource({"temperature,-1", "temperature,NaN", "topP,0", "top_k,-5", "maxNewTokens,0"})
    void anArgumentOutOfRange(String name, String value) {
        assertNotLoaded(Mistral.criteria(String.class, String.class).optArgument(name, value))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("must be");
    }

    @ParameterizedTest
    @CsvSource({
        "temperature,-1,above 0",
        "temperature,NaN,above 0",
        "top_p,NaN,at most 1",
        "topP,-0.5,at most 1",
        "min_p,NaN,between 0 and 1",
        "repetition_penalty,NaN,above 0",
        "max_new_tokens,-1,at least 1",
        "top_k,-1,at least 1",
        "prefillChunkSize,0,at least 1",
        "max_new_tokens,many,a 32-bit integer"
    })
    void anOptionOutOfRange(String name, String value, String remedy) {
        List<Message> messages = List.of(Message.user(QUESTION));
        String snake = name.replaceAll("([A-Z])", "_$1").toLowerCase(Locale.ROOT);
        assertRefused(new ChatInput(messages, Map.of(name, value)), snake, value, remedy);
    }

    @Test
    void anUnknownOption() {
        assertRefused(
                new ChatInput(List.of(Message.user(QUESTION)), Map.of("max_tokens", 5)),
                "unknown generation option \"max_tokens\"",
                "max_new_tokens");
    }

    @Test
    void anEmptyPrompt() throws Exception {
        assertRefused(new ChatInput(), "the conversation is empty", "at least one message");
        try (ZooModel<String, String> texts = texts();
                Predictor<String, String> other = texts.newPredictor()) {
            assertThatThrownBy(() -> other.predict(""))
                    .isInstanceOf(TranslateException.class)
                    .hasMessageContainingAll("the prompt is empty", "give at least one character");
        }
    }

    @Test
    void aPromptLongerThanTheContext() {
        ChatInput input = new ChatInput(Message.user("water ".repeat(2100)));
        assertRefused(input, "max_position_embeddings is 2048", "shorten it");
    }

    @Test
    void aConversationThatTheTemplateRefuses() {
        assertRefused(new ChatInput(Message.user("a"), Message.user("b")), "roles must alternate");
    }

    @Test
    void messagesWhereTheCheckpointOnlyCompletes(@TempDir Path temporary) throws Exception {
        Path directory = copy(temporary.resolve("c"), "tokenizer_config.json");
        try (ZooModel<ChatInput, ChatOutput> base =
                        Mistral.criteria(directory, ChatInput.class, ChatOutput.class)
                                .build()
                                .loadModel();
                Predictor<ChatInput, ChatOutput> chat = base.newPredictor()) {
            assertThatThrownBy(() -> chat.predict(new ChatInput(Message.user(QUESTION))))
                    .hasMessageContainingAll("no chat template", "chat_template.jinja");
        }
    }

    @Test
    void aClosedPredictor() throws Exception {
        Predictor<ChatInput, ChatOutput> closed = model.newPredictor();
        closed.close();
        ChatInput input = new ChatInput(Message.user(QUESTION));
        String[] causeAndRemedy = {"predictor is closed", "model.newPredictor()"};
        assertThatThrownBy(() -> closed.predict(input)).hasMessageContainingAll(causeAndRemedy);
        assertThatThrownBy(() -> closed.streamingPredict(input))
                .hasMessageContainingAll(causeAndRemedy);
        closed.close();
        try (Predictor<ChatInput, ChatOutput> another = model.newPredictor()) {
            assertThat(another.predict(input).content()).isEqualTo(ANSWER);
        }
    }

    @Test
    void aClosedModel() throws Exception {
        ZooModel<String, String> other = texts();
        Predictor<String, String> texts = other.newPredictor();
        TextStream<String> stream = TextStream.of(texts.streamingPredict(QUESTION));
        assertThat(stream.next()).isEqualTo("a");
        other.close();
        assertThatThrownBy(stream::hasNext)
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContainingAll("model", "closed");
        String[] causeAndRemedy = {"model", "is closed", "load it again"};
        assertThatThrownBy(() -> texts.predict(QUESTION)).hasMessageContainingAll(causeAndRemedy);
        assertThatThrownBy(() -> texts.streamingPredict(QUESTION))
                .hasMessageContainingAll(causeAndRemedy);
        assertThatThrownBy(other::newPredictor).hasMessageContainingAll(causeAndRemedy);
        stream.close();
        texts.close();
        other.close();
    }

    @Test
    void aClosedModelOfArrays() throws Exception {
        ZooModel<NDList, NDList> other =
                Mistral.criteria(withoutTokenizer(), NDList.class, NDList.class)
                        .build()
                        .loadModel();
        Predictor<NDList, NDList> arrays = other.newPredictor();
        other.close();
        try (NDManager manager = NDManager.newBaseManager("PyTorch")) {
            NDArray ids = manager.create(new long[] {1, 2}, new Shape(1, 2));
            assertThatThrownBy(() -> arrays.predict(new NDList(ids)))
                    .hasMessageContainingAll("is closed", "load it again");
        }
    }

    @Test
    void cancelledStreamHasNoNext() throws Exception {
        TextStream<ChatOutput> stream =
                TextStream.of(predictor.streamingPredict(new ChatInput(Message.user(QUESTION))));
        assertThat(stream.next()).isEqualTo("a");
        stream.cancel();
        stream.forEachRemaining(piece -> {});
        assertThatThrownBy(stream::next).hasMessageContaining("the text has ended");
    }

    @Test
    void arraysOfAnotherShapeOrVocabulary() throws Exception {
        try (ZooModel<NDList, NDList> other =
                        Mistral.criteria(withoutTokenizer(), NDList.class, NDList.class)
                                .build()
                                .loadModel();
                Predictor<NDList, NDList> arrays = other.newPredictor();
                NDManager manager = other.getNDManager().newSubManager()) {
            NDArray flat = manager.create(new long[] {1, 2, 3});
            assertThatThrownBy(() -> arrays.predict(new NDList(flat)))
                    .hasMessageContainingAll("input_ids", "(batch, tokens)", "(3)");
            NDArray ids = flat.reshape(1, 3);
            assertThatThrownBy(() -> arrays.predict(new NDList(ids, flat)))
                    .hasMessageContainingAll("attention_mask", "(1, 3)", "(3)");
            for (long wrong : new long[] {99, -1}) {
                NDArray foreign = manager.create(new long[] {1, wrong}, new Shape(1, 2));
                assertThatThrownBy(() -> arrays.predict(new NDList(foreign)))
                        .isInstanceOf(TranslateException.class);
            }
            assertThat(arrays.predict(new NDList(ids))).hasSize(1);
        }
    }
}
