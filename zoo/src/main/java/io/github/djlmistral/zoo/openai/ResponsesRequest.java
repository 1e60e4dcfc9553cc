/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import com.google.gson.JsonObject;
import io.github.djlmistral.zoo.chat.Conversation;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** A request to {@code /v1/responses}. */
final class ResponsesRequest {

    private static final int MOST_LOGPROBS = 20;
    private static final String LOGPROBS = "message.output_text.logprobs";
    private static final Map<String, Object> TEXT = Map.of("type", "text");

    private final @Nullable String model;
    private final @Nullable String adapter;
    private final Conversation conversation;
    private final ToolFields tools;
    private final OptionFields options;
    private final boolean logprobs;
    private final boolean stream;

    /** What an answer repeats of its request. */
    private final JsonObject echo;

    private ResponsesRequest(Fields fields) {
        model = fields.string("model");
        adapter = fields.string("adapter");
        stream = fields.flag("stream");
        Fields streamOptions = fields.object("stream_options");
        if (streamOptions != null) {
            streamOptions.only("include_obfuscation", false);
            streamOptions.end();
        }
        logprobs = includesLogprobs(fields);
        Long top = fields.integer("top_logprobs", 0, MOST_LOGPROBS);
        if (top != null && top > 0 && !logprobs) {
            throw ApiException.invalid(
                    "top_logprobs", "top_logprobs needs " + LOGPROBS + " in include");
        }
        Map<String, @Nullable Object> format = format(fields);
        // fields of other endpoints
        fields.refuse("n", "num_return_sequences", "stop", "response_format");
        tools = ToolFields.take(fields, true);
        echo =
                Json.object(
                        "instructions", fields.peek("instructions"),
                        "max_output_tokens", fields.peek("max_output_tokens"),
                        "temperature", fields.peek("temperature"),
                        "top_p", fields.peek("top_p"),
                        "top_logprobs", Objects.requireNonNullElse(top, 0L),
                        "text", Map.of("format", format),
                        "user", fields.peek("user"),
                        "safety_identifier", fields.peek("safety_identifier"),
                        "prompt_cache_key", fields.peek("prompt_cache_key"),
                        "tools", tools.flat(),
                        "tool_choice", tools.flatChoice(),
                        "parallel_tool_calls", tools.parallel(),
                        "metadata", fields.metadata());
        options = new OptionFields(fields, "max_output_tokens");
        options.set("top_logprobs", "top_logprobs", top);
        options.set("response_format", "text", chatFormat(format));
        conversation =
                new Conversation(InputItems.read(fields))
                        .withTools(tools.tools())
                        .withGenerationPrompt(true);
        withoutEffect(fields);
        fields.end();
    }

    static ResponsesRequest parse(Fields fields) {
        return new ResponsesRequest(fields);
    }

    private static boolean includesLogprobs(Fields fields) {
        List<?> include = fields.list("include");
        if (include == null) {
            return false;
        }
        for (Object item : include) {
            if (!LOGPROBS.equals(item)) {
                throw Fields.unsupported("include", "include supports only " + LOGPROBS);
            }
        }
        return !include.isEmpty();
    }

    /** Takes {@code text}, whose format is flat: {@code {"type": "json_schema", "schema": ..}}. */
    private static Map<String, @Nullable Object> format(Fields fields) {
        Fields text = fields.object("text");
        Fields format = null;
        if (text != null) {
            text.only("verbosity", "medium");
            format = text.object("format");
            text.end();
        }
        return format == null ? new LinkedHashMap<>(TEXT) : format.takeAll();
    }

    /** Returns the format as {@code response_format} of the chat endpoint has it. */
    private static Map<String, @Nullable Object> chatFormat(Map<String, @Nullable Object> format) {
        if (!"json_schema".equals(format.get("type"))) {
            return format;
        }
        Map<String, @Nullable Object> schema = new LinkedHashMap<>(format);
        schema.remove("type");
        Map<String, @Nullable Object> nested = new LinkedHashMap<>();
        nested.put("type", "json_schema");
        nested.put("json_schema", schema);
        return nested;
    }

    private static void withoutEffect(Fields fields) {
        fields.ignoreStrings("user", "safety_identifier", "prompt_cache_key");
        fields.only("store", false);
        fields.only("background", false);
        fields.only("truncation", "disabled");
        fields.only("service_tier", "auto", "default");
        fields.only("prompt_cache_retention", "in_memory");
        Fields reasoning = fields.object("reasoning");
        if (reasoning != null) {
            reasoning.only("effort", "none");
            reasoning.refuse("summary", "generate_summary");
            reasoning.end();
        }
        fields.refuse(
                "access_programs",
                "context_management",
                "conversation",
                "max_tool_calls",
                "moderation",
                "previous_response_id",
                "prompt_cache_options");
        // "prompt" here is a template that OpenAI keeps
        fields.refuse("prompt");
    }

    ApiAnswer start(OpenAi api) {
        OpenAi.Chosen chosen = api.choose(model, adapter);
        ServedModel served = chosen.model();
        long[] prompt = OpenAi.named("input", () -> served.encodeAsGiven(conversation));
        return api.start(
                served,
                "input",
                List.of(prompt),
                options,
                builder ->
                        served.offerTools(builder, conversation, tools.choice(), tools.parallel()),
                stream,
                new ResponsesFormat(
                        AnswerHeader.of("resp_", chosen.name()),
                        echo,
                        logprobs ? new Logprobs(served.tokenizer()) : null));
    }
}
