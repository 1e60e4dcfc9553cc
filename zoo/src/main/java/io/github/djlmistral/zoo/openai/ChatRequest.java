/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import io.github.djlmistral.zoo.chat.Conversation;
import io.github.djlmistral.zoo.chat.ConversationJson;
import io.github.djlmistral.zoo.chat.Message;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A request to {@code /v1/chat/completions}. */
final class ChatRequest {

    private static final int MOST_LOGPROBS = 20;

    /** vLLM's fields, of which all but the messages are for the template. */
    private static final List<String> TEMPLATE =
            List.of(
                    "documents",
                    "add_generation_prompt",
                    "continue_final_message",
                    "chat_template_kwargs");

    private final @Nullable String model;
    private final @Nullable String adapter;
    private final Conversation conversation;
    private final ToolFields tools;
    private final OptionFields options;
    private final boolean logprobs;
    private final StreamFields stream;

    private ChatRequest(Fields fields) {
        model = fields.string("model");
        adapter = fields.string("adapter");
        stream = StreamFields.take(fields);
        logprobs = fields.flag("logprobs");
        Long top = fields.integer("top_logprobs", 0, MOST_LOGPROBS);
        if (top != null && !logprobs) {
            throw ApiException.invalid("top_logprobs", "top_logprobs needs logprobs to be true");
        }
        Object form = fields.take("response_format");
        options = new OptionFields(fields, "max_completion_tokens", "max_tokens");
        options.set("top_logprobs", "top_logprobs", top);
        options.set("response_format", "response_format", form);
        tools = ToolFields.take(fields, false);
        conversation = conversation(MessageFields.read(fields), fields).withTools(tools.tools());
        withoutEffect(fields);
        fields.end();
    }

    static ChatRequest parse(Fields fields) {
        return new ChatRequest(fields);
    }

    private static Conversation conversation(List<Message> messages, Fields fields) {
        Map<String, @Nullable Object> json = new LinkedHashMap<>();
        json.put("messages", messages.stream().map(Message::fields).toList());
        for (String name : TEMPLATE) {
            json.put(name, fields.take(name));
        }
        return ConversationJson.request(json);
    }

    /** Takes the fields that have no effect here, with the values for which that is right. */
    private static void withoutEffect(Fields fields) {
        fields.ignoreStrings("user", "safety_identifier", "prompt_cache_key");
        fields.metadata();
        fields.only("store", false);
        fields.only("service_tier", "auto", "default");
        fields.only("modalities", List.of("text"));
        fields.only("reasoning_effort", "none");
        fields.only("verbosity", "medium");
        fields.only("prompt_cache_retention", "in_memory");
        fields.refuse(
                "audio",
                "function_call",
                "functions",
                "moderation",
                "prediction",
                "prompt_cache_options",
                "web_search_options");
    }

    ApiAnswer start(OpenAi api) {
        OpenAi.Chosen chosen = api.choose(model, adapter);
        ServedModel served = chosen.model();
        long[] prompt = OpenAi.named("messages", () -> served.encodeAsGiven(conversation));
        return api.start(
                served,
                "messages",
                List.of(prompt),
                options,
                builder ->
                        served.offerTools(builder, conversation, tools.choice(), tools.parallel()),
                stream.stream(),
                new ChatFormat(
                        AnswerHeader.of("chatcmpl-", chosen.name()),
                        options.count(),
                        logprobs ? new Logprobs(served.tokenizer()) : null,
                        stream.includesUsage()));
    }
}
