/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.inference.Predictor;
import ai.djl.repository.zoo.ZooModel;
import com.google.gson.Gson;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.reflect.TypeToken;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.tests.model.Reference;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.chat.ChatInput;
import io.github.djlmistral.zoo.chat.ChatOutput;
import io.github.djlmistral.zoo.chat.Conversation;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The embedded model answers as it does under transformers. */
class EmbeddedModelTest extends ZooFixture {

    private static ZooModel<ChatInput, ChatOutput> model;
    private static MistralPipeline pipeline;

    @BeforeAll
    static void open() throws Exception {
        model = chats();
        pipeline = MistralPipeline.open(model);
    }

    @AfterAll
    static void close() {
        pipeline.close();
        model.close();
    }

    private static JsonObject recorded(String file) {
        return Reference.json(Reference.directory("mistral-tiny-instruct").resolve(file));
    }

    /**
     * All 100 definitions of the sample; with 4-bit weights at most two may differ, so that a worse
     * quantizer is noticed.
     */
    @ParameterizedTest
    @CsvSource({"bfloat16, 0", "int4, 2", "nf4, 2"})
    void definesTheCommonestNouns(String precision, int most) throws Exception {
        List<String> questions = new ArrayList<>();
        List<String> definitions = new ArrayList<>();
        for (JsonElement element : recorded("definitions.json").getAsJsonArray("sample")) {
            JsonObject entry = element.getAsJsonObject();
            questions.add(entry.get("question").getAsString());
            definitions.add(entry.get("definition").getAsString());
        }
        assertThat(questions).hasSize(100);
        try (ZooModel<String, String> texts =
                        Mistral.criteria(String.class, String.class)
                                .optFilter("precision", precision)
                                .build()
                                .loadModel();
                Predictor<String, String> predictor = texts.newPredictor()) {
            List<String> answers = predictor.batchPredict(questions);
            List<String> wrong = new ArrayList<>();
            for (int i = 0; i < questions.size(); ++i) {
                if (!answers.get(i).equals(definitions.get(i))) {
                    wrong.add(questions.get(i) + " " + answers.get(i));
                }
            }
            assertThat(wrong).hasSizeLessThanOrEqualTo(most);
        }
    }

    static List<String> cases() {
        List<String> names = new ArrayList<>();
        recorded("greedy.json")
                .getAsJsonArray("cases")
                .forEach(c -> names.add(c.getAsJsonObject().get("name").getAsString()));
        return names;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void answersAsUnderTransformers(String name) throws Exception {
        JsonObject recorded = null;
        for (JsonElement element : recorded("greedy.json").getAsJsonArray("cases")) {
            if (element.getAsJsonObject().get("name").getAsString().equals(name)) {
                recorded = element.getAsJsonObject();
            }
        }
        assertThat(recorded).isNotNull();
        List<Message> messages = new ArrayList<>();
        for (JsonElement element : recorded.getAsJsonArray("messages")) {
            JsonObject message = element.getAsJsonObject();
            messages.add(
                    new Message(
                            message.get("role").getAsString(),
                            message.get("content").getAsString()));
        }
        Conversation conversation = new Conversation(messages).withTools(tools(recorded));
        assertThat(pipeline.chatTemplate().orElseThrow().render(conversation))
                .isEqualTo(recorded.get("prompt").getAsString());
        ChatOutput output = assertAnswers(conversation, recorded);
        String text = recorded.get("text").getAsString();
        if (name.startsWith("call ")) {
            JsonObject call =
                    JsonParser.parseString(text).getAsJsonArray().get(0).getAsJsonObject();
            assertThat(output.toolCalls())
                    .singleElement()
                    .satisfies(
                            made -> {
                                assertThat(made.name()).isEqualTo(call.get("name").getAsString());
                                assertThat(JsonParser.parseString(made.arguments()))
                                        .isEqualTo(call.get("arguments"));
                            });
        } else {
            assertThat(output.content()).isEqualTo(text);
            assertThat(output.toolCalls()).isEmpty();
        }
    }

    @Test
    void aLongChatBeyondTheWindowGoesAsUnderTransformers() throws Exception {
        JsonArray turns = recorded("greedy.json").getAsJsonArray("long_chat");
        List<Message> messages = new ArrayList<>();
        for (JsonElement element : turns) {
            JsonObject turn = element.getAsJsonObject();
            messages.add(Message.user(turn.get("question").getAsString()));
            ChatOutput output = assertAnswers(new Conversation(messages), turn);
            assertThat(output.content()).isEqualTo(turn.get("text").getAsString());
            messages.add(output.message());
        }
        int window = pipeline.network().config().window();
        assertThat(pipeline.encode(messages)).hasSizeGreaterThan(2 * window);
    }

    private static @Nullable List<Map<String, @Nullable Object>> tools(JsonObject recorded) {
        return new Gson().fromJson(recorded.get("tools"), new TypeToken<>() {});
    }

    private static ChatOutput assertAnswers(Conversation conversation, JsonObject recorded)
            throws Exception {
        // the recorded logits decide each step by far more than rounding can change
        assertThat(recorded.get("smallest_margin").getAsDouble()).isGreaterThan(1);
        int limit = recorded("greedy.json").get("max_new_tokens").getAsInt();
        long[] prompt = pipeline.encode(conversation);
        assertThat(prompt).isEqualTo(Reference.ids(recorded.get("prompt_ids")));
        long[] expected = Reference.ids(recorded.get("generated_ids"));
        GenerationConfig config = pipeline.defaults().maxNewTokens(limit).build();
        assertThat(pipeline.generator().generate(List.of(prompt), config).sequences())
                .singleElement()
                .satisfies(row -> assertThat(row.generated()).isEqualTo(expected));
        try (Predictor<ChatInput, ChatOutput> predictor = model.newPredictor()) {
            ChatOutput output =
                    predictor.predict(new ChatInput(conversation, Map.of("max_new_tokens", limit)));
            assertThat(output.promptTokens()).isEqualTo(prompt.length);
            assertThat(output.completionTokens()).isEqualTo(expected.length);
            return output;
        }
    }
}
