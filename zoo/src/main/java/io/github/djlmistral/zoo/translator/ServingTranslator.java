/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import ai.djl.inference.streaming.IteratorBytesSupplier;
import ai.djl.inference.streaming.PublisherBytesSupplier;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.ndarray.BytesSupplier;
import ai.djl.ndarray.NDList;
import ai.djl.translate.TranslatorContext;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.Strictness;
import com.google.gson.ToNumberPolicy;
import com.google.gson.reflect.TypeToken;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.MalformedJsonException;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.zoo.chat.Message;
import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.stream.Stream;

/**
 * Bytes to bytes, for DJL Serving and its JSON (the schema of its LMI handlers): {@code {"inputs":
 * "text", "parameters": {"max_new_tokens": 50}}} or {@code {"messages": [{"role": "user",
 * "content": "text"}], "max_new_tokens": 50}}; a body that is no JSON object is a text. The output
 * is {@code {"generated_text": .., "details": {..}}}, or the pieces of the text when streaming.
 */
final class ServingTranslator extends GenerationTranslator<Input, Output> {

    // whole numbers as such: as doubles 1e7 would be no integer and long seeds would be rounded
    private static final Gson GSON =
            new GsonBuilder().setObjectToNumberStrategy(ToNumberPolicy.LONG_OR_DOUBLE).create();

    /** Maximum size of a request; DJL Serving's own default is 6.5 MB. */
    private static final int MAX_BYTES = 8 << 20;

    /** Maximum nesting depth of the JSON. */
    private static final int MAX_DEPTH = 64;

    /** What a request may hold beside options; the last two are for the server. */
    private static final Set<String> NO_OPTIONS =
            Set.of("inputs", "messages", "parameters", "stream", "model");

    ServingTranslator(MistralPipeline pipeline, GenerationConfig.Builder options) {
        super(pipeline, options);
    }

    @Override
    GenerationRequest request(Input input) {
        BytesSupplier data = input.getContent().isEmpty() ? null : input.getData();
        if (data == null) {
            throw new IllegalArgumentException(
                    "the request has no content: send a text, or JSON with \"inputs\" or"
                            + " \"messages\"");
        }
        byte[] bytes = data.getAsBytes();
        if (bytes.length > MAX_BYTES) {
            throw new IllegalArgumentException(
                    "the request has " + bytes.length + " bytes, the most is " + MAX_BYTES);
        }
        String body = new String(bytes, StandardCharsets.UTF_8);
        if (!body.stripLeading().startsWith("{")) {
            return request(pipeline.encode(body), Map.of());
        }
        try {
            JsonObject json = parse(body);
            return request(prompt(json), parameters(json));
        } catch (JsonParseException
                | IOException
                | ClassCastException
                | IllegalStateException
                | UnsupportedOperationException e) {
            throw new IllegalArgumentException("the request's JSON is faulty: " + reason(e), e);
        }
    }

    /** Returns gson's message, truncated and without its advice for programmers. */
    private static String reason(Exception e) {
        Throwable cause = e.getCause() instanceof MalformedJsonException malformed ? malformed : e;
        String message =
                String.valueOf(cause.getMessage())
                        .lines()
                        .findFirst()
                        .orElse("")
                        .replaceFirst("Use JsonReader.* to accept malformed", "malformed");
        return message.substring(0, Math.min(message.length(), 200));
    }

    private static JsonObject parse(String body) throws IOException {
        try (JsonReader reader = new JsonReader(new StringReader(body))) {
            reader.setStrictness(Strictness.STRICT);
            reader.setNestingLimit(MAX_DEPTH);
            JsonObject json = JsonParser.parseReader(reader).getAsJsonObject();
            if (reader.peek() != JsonToken.END_DOCUMENT) {
                throw new JsonParseException("there is more after the object");
            }
            return json;
        }
    }

    private long[] prompt(JsonObject json) {
        if (json.has("messages")) {
            List<Message> messages = new ArrayList<>();
            for (JsonElement element : json.getAsJsonArray("messages")) {
                JsonObject message = element.getAsJsonObject();
                messages.add(new Message(string(message, "role"), string(message, "content")));
            }
            return pipeline.encode(messages);
        }
        return pipeline.encode(string(json, "inputs"));
    }

    private static String string(JsonObject json, String key) {
        if (!json.has(key)) {
            throw new IllegalArgumentException("the request's JSON lacks \"" + key + "\"");
        }
        return json.get(key).getAsString();
    }

    /**
     * The options: those under "parameters", and those beside "messages" as chat clients have it.
     */
    private static Map<String, Object> parameters(JsonObject json) {
        Map<String, Object> options = map(json);
        options.keySet().removeAll(NO_OPTIONS);
        if (json.has("parameters")) {
            options.putAll(map(json.get("parameters")));
        }
        return options;
    }

    private static Map<String, Object> map(JsonElement json) {
        Map<String, Object> map =
                GSON.fromJson(json, new TypeToken<Map<String, Object>>() {}.getType());
        Map<String, Object> options = map == null ? new HashMap<>() : map;
        // clients write null for what they leave open
        options.values().removeIf(Objects::isNull);
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
        json.add("details", details);
        Output output = new Output(200, "OK");
        output.addProperty("Content-Type", "application/json");
        output.add(BytesSupplier.wrap(json.toString()));
        return output;
    }

    @Override
    public StreamOutput<Output> processStreamOutput(TranslatorContext ctx, Stream<NDList> list) {
        return new Pieces(stream(ctx, list));
    }

    @Override
    public Support getSupport() {
        return Support.BOTH;
    }

    /** DJL Serving's two ways to read a stream: pulled piece by piece, or pushed. */
    private static final class Pieces extends StreamOutput<Output> implements AutoCloseable {

        private final TextStream<Output> pieces;

        Pieces(TextStream<Output> pieces) {
            this.pieces = pieces;
        }

        private static Output text(BytesSupplier content) {
            Output output = new Output(200, "OK");
            output.addProperty("Content-Type", "text/plain; charset=utf-8");
            output.add(content);
            return output;
        }

        @Override
        public Output getIterativeOutputInternal() {
            Iterator<BytesSupplier> sources =
                    new Iterator<>() {
                        @Override
                        public boolean hasNext() {
                            return pieces.hasNext();
                        }

                        @Override
                        public BytesSupplier next() {
                            return BytesSupplier.wrap(pieces.next());
                        }
                    };
            return text(new IteratorBytesSupplier(sources));
        }

        @Override
        protected Output buildAsyncOutput() {
            return text(new Publisher());
        }

        @Override
        protected void computeAsyncOutputInternal(Output output) {
            Publisher publisher = (Publisher) output.getData();
            try (pieces) {
                while (pieces.hasNext()) {
                    byte[] bytes = pieces.next().getBytes(StandardCharsets.UTF_8);
                    publisher.appendContent(bytes, false);
                }
                publisher.appendContent(new byte[0], true);
            } catch (RuntimeException | Error e) {
                publisher.fail(e);
                throw e;
            }
        }

        @Override
        public void close() {
            pieces.close();
        }
    }

    /** A publisher that can fail; after a failure DJL's own never completes. */
    private static final class Publisher extends PublisherBytesSupplier {

        private final CompletableFuture<Void> end = new CompletableFuture<>();
        private boolean subscribed;

        /** Returns what completes at the end of the text, with an exception if it was cut off. */
        @Override
        public synchronized CompletableFuture<Void> subscribe(Consumer<byte[]> subscriber) {
            subscribed = true;
            var unused = super.subscribe(subscriber).thenAccept(end::complete);
            if (end.isCompletedExceptionally()) {
                appendContent(new byte[0], true);
            }
            return end;
        }

        /** Ends the text early: the future says why, and the subscriber gets the end mark. */
        synchronized void fail(Throwable cause) {
            end.completeExceptionally(cause);
            if (subscribed) {
                try {
                    appendContent(new byte[0], true);
                } catch (RuntimeException e) { // it may be the subscriber that has failed
                    cause.addSuppressed(e);
                }
            }
        }
    }
}
