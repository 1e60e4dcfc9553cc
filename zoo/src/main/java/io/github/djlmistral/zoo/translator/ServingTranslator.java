/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.ndarray.BytesSupplier;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.translate.TranslatorContext;
import com.google.gson.Gson;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.internal.StrictJson;
import io.github.djlmistral.zoo.chat.Conversation;
import io.github.djlmistral.zoo.chat.ConversationJson;
import io.github.djlmistral.zoo.chat.ToolCall;
import io.github.djlmistral.zoo.openai.OpenAi;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Translates DJL Serving's requests, in JSON of one of these forms:
 *
 * <ul>
 *   <li>{@code {"messages": [..]}} or {@code {"prompt": ..}} with the fields of OpenAI's API, see
 *       {@link OpenAi}. The output is OpenAI's; with {@code "stream": true} its content are the
 *       server-sent events, also that of {@code predict}, which then returns before they are
 *       generated. A request that is refused has an error object and a status as its output.
 *   <li>{@code {"inputs": "text", "parameters": {"max_new_tokens": 50}}}, the schema of DJL
 *       Serving's LMI handlers; instead of {@code inputs} there may be {@code messages} with the
 *       further keys of {@link ConversationJson}, beside {@code parameters}. The output is {@code
 *       {"generated_text": .., "details": {..}}}, with {@code tool_calls} if the answer calls
 *       {@code tools}; a stream consists of pieces of the text.
 * </ul>
 *
 * <p>A body that does not begin with a brace is a text, answered as {@code inputs}.
 */
final class ServingTranslator extends GenerationTranslator<Input, Output> {

    /** Maximum size of a request; DJL Serving's own default is 6.5 MB. */
    private static final int MAX_BYTES = 8 << 20;

    private static final Gson GSON = new Gson();

    private static final String INPUTS = "inputs";

    private static final String CALLS = "mistral.calls";

    private final ServingApi api;

    ServingTranslator(MistralPipeline pipeline, GenerationConfig.Builder options) {
        super(pipeline, options);
        api = new ServingApi(new OpenAi(pipeline.name(), pipeline, options));
    }

    @Override
    List<GenerationRequest> requests(TranslatorContext ctx, List<Input> inputs) {
        List<ServingApi.@Nullable Call> calls = new ArrayList<>();
        List<GenerationRequest> others = new ArrayList<>();
        for (Input input : inputs) {
            String body = body(input);
            JsonObject json = body.stripLeading().startsWith("{") ? parse(body) : null;
            if (json != null && ServingApi.takes(json)) {
                calls.add(new ServingApi.Call(input, json));
            } else {
                calls.add(null);
                others.add(
                        json == null
                                ? request(pipeline.encode(body), null, Map.of())
                                : request(json));
            }
        }
        ctx.setAttachment(CALLS, calls);
        return others;
    }

    private static JsonObject parse(String body) {
        try {
            return StrictJson.parse(body);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException("the body of the request: " + e.getMessage(), e);
        }
    }

    @Override
    public List<Output> batchProcessOutput(TranslatorContext ctx, NDList list) {
        Iterator<Output> others = super.batchProcessOutput(ctx, list).iterator();
        List<?> calls = (List<?>) ctx.getAttachment(CALLS);
        Iterator<Output> answers =
                api.answer(
                                calls.stream()
                                        .filter(Objects::nonNull)
                                        .map(ServingApi.Call.class::cast)
                                        .toList())
                        .iterator();
        return calls.stream().map(call -> (call == null ? others : answers).next()).toList();
    }

    private static String body(Input input) {
        BytesSupplier data = input.getContent().isEmpty() ? null : input.getData();
        if (data == null) {
            throw new IllegalArgumentException(
                    "the request has no content: send text, or JSON with \"inputs\" or"
                            + " \"messages\"");
        }
        byte[] bytes = data.getAsBytes();
        if (bytes.length > MAX_BYTES) {
            throw new IllegalArgumentException(
                    "the request has "
                            + bytes.length
                            + " bytes, more than the limit of "
                            + MAX_BYTES);
        }
        return new String(bytes, StandardCharsets.UTF_8);
    }

    private GenerationRequest request(JsonObject body) {
        Map<String, @Nullable Object> json = StrictJson.plain(body);
        // clients write null for what they leave open
        json.values().removeIf(Objects::isNull);
        // meant for the server
        json.keySet().removeAll(Set.of("stream", "model"));
        Map<String, Object> options = options(json.remove("parameters"));
        Map<String, @Nullable Object> conversation = new LinkedHashMap<>(json);
        conversation.keySet().retainAll(ConversationJson.keys());
        json.keySet().removeAll(ConversationJson.keys());
        Object text = json.remove(INPUTS);
        json.forEach((name, value) -> options.putIfAbsent(name, Objects.requireNonNull(value)));
        if (text == null && conversation.isEmpty()) {
            throw new IllegalArgumentException(
                    "the request lacks \"inputs\" or \"messages\": give one of them");
        }
        if (text == null) {
            Conversation whole = ConversationJson.request(conversation);
            return request(pipeline.encodeAsGiven(whole), whole, options);
        }
        if (!conversation.isEmpty()) {
            throw new IllegalArgumentException(
                    conversation.keySet()
                            + " cannot be combined with \"inputs\": give \"messages\" instead of"
                            + " \"inputs\"");
        }
        if (!(text instanceof String prompt)) {
            throw new IllegalArgumentException("\"inputs\" is not a string");
        }
        return request(pipeline.encode(prompt), null, options);
    }

    private static Map<String, Object> options(@Nullable Object parameters) {
        Map<String, Object> options = new HashMap<>();
        if (parameters instanceof Map<?, ?> map) {
            map.forEach(
                    (name, value) -> {
                        if (value != null) {
                            options.put(String.valueOf(name), value);
                        }
                    });
        } else if (parameters != null) {
            throw new IllegalArgumentException("\"parameters\" is not an object");
        }
        return options;
    }

    @Override
    Output output(GeneratedText text) {
        JsonObject details = new JsonObject();
        details.addProperty("finish_reason", text.finishReason().toString());
        details.addProperty("prompt_tokens", text.sequence().promptLength());
        details.addProperty("generated_tokens", text.sequence().generatedLength());
        JsonObject json = new JsonObject();
        json.addProperty("generated_text", text.text());
        if (!text.toolCalls().isEmpty()) {
            json.add(
                    "tool_calls",
                    GSON.toJsonTree(text.toolCalls().stream().map(ToolCall::fields).toList()));
        }
        json.add("details", details);
        Output output = new Output(200, "OK");
        output.addProperty("Content-Type", "application/json");
        output.add(BytesSupplier.wrap(json.toString()));
        return output;
    }

    @Override
    public StreamOutput<Output> processStreamOutput(TranslatorContext ctx, Stream<NDList> list) {
        List<?> calls = (List<?>) ctx.getAttachment(CALLS);
        if (calls.get(0) instanceof ServingApi.Call call) {
            try {
                ServingStream stream = api.stream(call, list::close);
                // frees a stream that was not closed, when its predictor is closed
                ctx.getNDManager().attachInternal(NDManager.nextUid(), stream);
                return stream;
            } catch (RuntimeException | Error e) {
                list.close();
                throw e;
            }
        }
        return new ServingStream(pieces(stream(ctx, list)), "text/plain; charset=utf-8");
    }

    private static ServingStream.Pieces pieces(TextStream<Output> stream) {
        return new ServingStream.Pieces() {
            @Override
            public boolean hasNext() {
                return stream.hasNext();
            }

            @Override
            public String next() {
                return stream.next();
            }

            @Override
            public void close() {
                stream.close();
            }
        };
    }

    @Override
    public Support getSupport() {
        return Support.BOTH;
    }
}
