/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.inference.Predictor;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.TranslateException;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.djlmistral.engine.constraint.ResponseFormat;
import io.github.djlmistral.engine.generation.FinishReason;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.chat.ChatInput;
import io.github.djlmistral.zoo.chat.ChatOutput;
import io.github.djlmistral.zoo.chat.Conversation;
import io.github.djlmistral.zoo.chat.ConversationJson;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.chat.ToolCall;
import io.github.djlmistral.zoo.chat.ToolCallDelta;
import io.github.djlmistral.zoo.chat.ToolChoice;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import io.github.djlmistral.zoo.translator.TextPieces;
import io.github.djlmistral.zoo.translator.TextStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.TestInstance.Lifecycle;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Answers of a random network: what its calls look like is due to the constraint alone. */
@TestInstance(Lifecycle.PER_CLASS)
class ToolCallsTest extends ZooFixture {

    /** The token {@code [TOOL_CALLS]}. */
    private static final int CALLS = 5;

    private static final List<Map<String, @Nullable Object>> TOOLS =
            ConversationJson.objects(
                    "[{\"type\": \"function\", \"function\": {\"name\": \"weather\","
                            + " \"description\": \"Weather of a place\", \"parameters\": {\"type\":"
                            + " \"object\", \"properties\": {\"place\": {\"$ref\":"
                            + " \"#/$defs/place\"}, \"days\": {\"type\": \"integer\", \"minimum\":"
                            + " 1, \"maximum\": 14}}, \"required\": [\"place\", \"days\"],"
                            + " \"additionalProperties\": false, \"$defs\": {\"place\": {\"type\":"
                            + " \"string\", \"maxLength\": 5}}}}}, {\"type\": \"function\","
                            + " \"function\": {\"name\": \"now\"}}]");

    private ZooModel<ChatInput, ChatOutput> model;
    private MistralPipeline pipeline;

    /** The template of the model. */
    String template() {
        return "tools-v3";
    }

    @BeforeAll
    void open(@TempDir Path directory) throws Exception {
        ToolModel.write(directory, template());
        model = Mistral.criteria(directory, ChatInput.class, ChatOutput.class).build().loadModel();
        pipeline = MistralPipeline.open(model);
    }

    @AfterAll
    void close() {
        pipeline.close();
        model.close();
    }

    static ChatInput ask(Map<String, Object> options) {
        Map<String, Object> all = new LinkedHashMap<>(options);
        all.putIfAbsent("max_new_tokens", 300);
        all.putIfAbsent("do_sample", true);
        return new ChatInput(List.of(Message.user("Weather?")), all).tools(TOOLS);
    }

    final ChatOutput answer(ChatInput input) throws TranslateException {
        try (Predictor<ChatInput, ChatOutput> predictor = model.newPredictor()) {
            return predictor.predict(input);
        }
    }

    private static void assertSatisfies(List<ToolCall> calls) {
        assertThat(calls).isNotEmpty();
        for (ToolCall call : calls) {
            JsonObject arguments = JsonParser.parseString(call.arguments()).getAsJsonObject();
            assertThat(call.id()).matches("[a-zA-Z0-9]{9}");
            if (call.name().equals("now")) {
                assertThat(arguments.keySet()).isEmpty();
            } else {
                assertThat(call.name()).isEqualTo("weather");
                assertThat(arguments.keySet()).containsExactly("place", "days");
                String place = arguments.get("place").getAsString();
                assertThat(place.codePointCount(0, place.length())).isLessThanOrEqualTo(5);
                assertThat(arguments.get("days").getAsInt()).isBetween(1, 14);
            }
        }
    }

    @Test
    void requiredAnswersAreCallsThatSatisfyTheSchemas() throws Exception {
        List<ToolCall> all = new ArrayList<>();
        for (int seed = 0; seed < 10; seed++) {
            ChatInput input = ask(Map.of("seed", seed)).toolChoice(ToolChoice.REQUIRED);
            ChatOutput output = answer(input.parallelToolCalls(false));
            assertThat(output.finishReason()).isEqualTo(FinishReason.EOS);
            assertThat(output.content()).isEmpty();
            assertThat(output.toolCalls()).hasSize(1);
            all.addAll(output.toolCalls());
        }
        assertSatisfies(all);
        assertThat(all.stream().map(ToolCall::name)).contains("weather", "now");
        assertThat(all.stream().map(ToolCall::id)).doesNotHaveDuplicates();
    }

    @Test
    void oneFunctionByItsName() throws Exception {
        ChatInput input = ask(Map.of("seed", 1)).parallelToolCalls(false);
        for (String name : List.of("weather", "now")) {
            ChatOutput output = answer(input.toolChoice(ToolChoice.function(name)));
            assertThat(output.toolCalls()).extracting(ToolCall::name).containsExactly(name);
            assertSatisfies(output.toolCalls());
        }
    }

    /** Some of the ways to write an option of a request. */
    @ParameterizedTest
    @ValueSource(strings = {"any", "required"})
    void everyWayOfDecodingAndEverySequenceOfABatch(String choice) throws Exception {
        Map<String, Object> options = Map.of("tool_choice", choice, "parallelToolCalls", false);
        List<Map<String, Object>> ways =
                List.of(
                        Map.of("do_sample", false),
                        Map.of("do_sample", false, "num_beams", 3),
                        Map.of("do_sample", false, "prompt_lookup_num_tokens", 5),
                        Map.of("seed", 3, "temperature", 2),
                        Map.of("seed", 3, "temperature", 2));
        List<ChatInput> inputs = new ArrayList<>();
        for (Map<String, Object> way : ways) {
            Map<String, Object> all = new LinkedHashMap<>(options);
            all.putAll(way);
            inputs.add(ask(all));
        }
        try (Predictor<ChatInput, ChatOutput> predictor = model.newPredictor()) {
            for (ChatOutput output : predictor.batchPredict(inputs)) {
                assertThat(output.finishReason()).isEqualTo(FinishReason.EOS);
                assertSatisfies(output.toolCalls());
            }
        }
    }

    /** A bias makes the model call: at its first token and, in the list, for another call. */
    @Test
    void theModelDecidesByDefault() throws Exception {
        Map<String, Object> calling = Map.of("seed", 2, "logit_bias", Map.of(CALLS, 100));
        ChatOutput output = answer(ask(calling).parallelToolCalls(false));
        assertThat(output.content()).isEmpty();
        assertSatisfies(output.toolCalls());
        ChatOutput text = answer(ask(Map.of("seed", 2, "max_new_tokens", 20)));
        assertThat(text.content()).isNotEmpty();
        assertThat(text.toolCalls()).isEmpty();
    }

    @Test
    void aResponseFormatIsThatOfTheText() throws Exception {
        ResponseFormat yesOrNo = ResponseFormat.choice(List.of("yes", "no"));
        ChatInput text = ask(Map.of("seed", 2)).responseFormat(yesOrNo);
        assertThat(answer(text).content()).isIn("yes", "no");
        ChatInput call = ask(Map.of("logit_bias", Map.of(CALLS, 100))).responseFormat(yesOrNo);
        assertSatisfies(answer(call.parallelToolCalls(false)).toolCalls());
    }

    @Test
    void noneIsNeverACall() throws Exception {
        Map<String, Object> calling =
                Map.of("logit_bias", Map.of(CALLS, 100), "max_new_tokens", 20);
        ChatInput input = ask(calling).toolChoice(ToolChoice.NONE);
        ChatOutput output = answer(input);
        assertThat(output.toolCalls()).isEmpty();
        assertThat(output.content()).isNotEmpty();
    }

    @Test
    void aCutCallHasTheBeginningOfItsArguments() throws Exception {
        String whole = cutCall(300).toolCalls().get(0).arguments();
        int cut = 0;
        for (int length = 2; length < 30; length += 3) {
            ChatOutput output = cutCall(length);
            for (ToolCall call : output.toolCalls()) {
                assertThat(whole).startsWith(call.arguments());
                cut += output.finishReason() == FinishReason.LENGTH ? 1 : 0;
            }
        }
        assertThat(cut).isPositive();
    }

    private ChatOutput cutCall(int length) throws TranslateException {
        return answer(
                ask(Map.of("seed", 1, "max_new_tokens", length))
                        .toolChoice(ToolChoice.function("weather"))
                        .parallelToolCalls(false));
    }

    @Test
    void streamsHaveTextAloneAndTheirOutputTheCalls() throws Exception {
        ChatInput input =
                ask(Map.of("seed", 4)).toolChoice(ToolChoice.REQUIRED).parallelToolCalls(false);
        try (Predictor<ChatInput, ChatOutput> predictor = model.newPredictor();
                TextStream<ChatOutput> stream = TextStream.of(predictor.streamingPredict(input))) {
            assertThat(stream.hasNext()).isFalse();
            ChatOutput output = stream.getIterativeOutput();
            assertSatisfies(output.toolCalls());
            ToolCall expected = answer(input).toolCalls().get(0);
            assertThat(output.toolCalls().get(0).name()).isEqualTo(expected.name());
            assertThat(output.toolCalls().get(0).arguments()).isEqualTo(expected.arguments());
        }
    }

    @Test
    void deltasAreTheCallsInPieces() {
        int most = 0;
        for (int seed = 0; seed < 6; seed++) {
            most = Math.max(most, assertDeltasAreTheCalls(seed));
        }
        assertThat(most).isGreaterThan(1);
    }

    /** Returns the number of calls. */
    private int assertDeltasAreTheCalls(int seed) {
        Conversation conversation = ask(Map.of()).conversation();
        GenerationConfig.Builder options =
                pipeline.defaults().maxNewTokens(120).doSample(true).seed(seed);
        boolean calls = pipeline.offerTools(options, conversation, ToolChoice.REQUIRED, true);
        List<String> heads = new ArrayList<>();
        List<StringBuilder> arguments = new ArrayList<>();
        try (TextPieces text =
                pipeline.stream(pipeline.encode(conversation), options.build(), calls)) {
            while (!text.hasEnded()) {
                assertThat(text.next()).isEmpty();
                for (ToolCallDelta delta : text.takeToolCallDeltas()) {
                    boolean first = delta.index() == heads.size();
                    assertThat(delta.id() != null).isEqualTo(first);
                    assertThat(delta.name() != null).isEqualTo(first);
                    if (first) {
                        heads.add(delta.id() + " " + delta.name());
                        arguments.add(new StringBuilder());
                    }
                    arguments.get(delta.index()).append(delta.arguments());
                }
            }
            assertThat(text.toolCalls())
                    .extracting(call -> call.id() + " " + call.name())
                    .isEqualTo(heads);
            assertThat(text.toolCalls())
                    .extracting(ToolCall::arguments)
                    .isEqualTo(arguments.stream().map(StringBuilder::toString).toList());
        }
        return heads.size();
    }

    @Test
    void callsAndResultsContinueTheConversation() throws Exception {
        ChatInput input =
                ask(Map.of("seed", 1)).toolChoice(ToolChoice.REQUIRED).parallelToolCalls(false);
        ChatOutput output = answer(input);
        List<Message> messages = new ArrayList<>(input.conversation().messages());
        messages.add(output.message());
        messages.add(Message.tool(output.toolCalls().get(0).id(), "21.5"));
        String prompt =
                pipeline.tokenizer().decode(pipeline.encode(new Conversation(messages)), false);
        assertThat(prompt).endsWith(written(output.toolCalls().get(0), "21.5"));
    }

    /** A call and its result in a prompt. */
    String written(ToolCall call, String result) {
        return String.format(
                "[TOOL_CALLS] [{\"name\": \"%s\", \"arguments\": %s, \"id\": \"%s\"}]</s>[TOOL_RESULTS]"
                        + " {\"content\": %s, \"call_id\": \"%s\"}[/TOOL_RESULTS]",
                call.name(), call.arguments(), call.id(), result, call.id());
    }

    @Test
    void wrongRequestsAreRefusedByName() {
        ChatInput input = ask(Map.of());
        assertRefused(
                input.toolChoice(ToolChoice.function("fly")),
                "tool_choice names the function \"fly\", the tools are [weather, now]");
        assertRefused(
                input.tools(List.of()).toolChoice(ToolChoice.REQUIRED),
                "tool_choice requires a call, but there are no tools: give tools");
        assertRefused(
                input.tools(
                        ConversationJson.objects(
                                "[{\"type\": \"function\", \"function\": {\"name\": \"f\","
                                        + " \"parameters\": {\"type\": \"object\", \"properties\":"
                                        + " {\"a\": {\"type\": \"array\", \"uniqueItems\":"
                                        + " true}}}}}]")),
                "the parameters of the tool \"f\": JSON Schema, #/properties/a/uniqueItems");
        assertRefused(
                input.tools(
                        ConversationJson.objects(
                                "[{\"function\": {\"name\": \"f\", \"parameters\": {\"type\":"
                                        + " \"array\"}}}]")),
                "the parameters of the tool \"f\": the type is not \"object\"");
        assertRefused(ask(Map.of("tool_choice", "maybe")), "tool_choice must be auto, none,");
        assertRefused(
                ask(Map.of("parallel_tool_calls", "no")),
                "parallel_tool_calls must be true or false");
    }

    private void assertRefused(ChatInput input, String message) {
        assertThatThrownBy(() -> answer(input))
                .hasStackTraceContaining("IllegalArgumentException: " + message);
    }

    @Test
    void aModelWithoutToolTokensSaysSo(@TempDir Path plain) throws Exception {
        ToolModel.write(plain, "instruct-sept-2024");
        try (ZooModel<ChatInput, ChatOutput> other =
                        Mistral.criteria(plain, ChatInput.class, ChatOutput.class)
                                .build()
                                .loadModel();
                Predictor<ChatInput, ChatOutput> predictor = other.newPredictor()) {
            ChatInput input =
                    new ChatInput(List.of(Message.user(QUESTION)), Map.of("max_new_tokens", 2))
                            .tools(TOOLS);
            assertThatThrownBy(() -> predictor.predict(input))
                    .rootCause()
                    .hasMessageContaining("cannot call tools")
                    .hasMessageContaining("Mistral-7B-Instruct-v0.3");
            ChatInput none = input.toolChoice(ToolChoice.NONE);
            assertThat(predictor.predict(none).completionTokens()).isPositive();
        }
    }
}
