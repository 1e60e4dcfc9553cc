/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import ai.djl.inference.streaming.IteratorBytesSupplier;
import ai.djl.inference.streaming.PublisherBytesSupplier;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.ndarray.BytesSupplier;
import ai.djl.ndarray.NDList;
import ai.djl.translate.TranslatorContext;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.zoo.chat.Conversation;
import io.github.djlmistral.zoo.chat.ConversationJson;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Objects;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Translates DJL Serving's requests, whose JSON follows the schema of its LMI handlers: {@code
 * {"inputs": "text", "parameters": {"max_new_tokens": 50}}}, or {@code {"messages": [..],
 * "max_new_tokens": 50}} with the further keys of {@link ConversationJson}. A body that does not
 * begin with a brace is a text. The output is {@code {"generated_text": .., "details": {..}}}; a
 * stream consists of pieces of the text.
 */
final class ServingTranslator extends GenerationTranslator<Input, Output> {

    /** Maximum size of a request; DJL Serving's own default is 6.5 MB. */
    private static final int MAX_BYTES = 8 << 20;

    private static final String INPUTS = "inputs";
    private static final String GENERATION_PROMPT = "add_generation_prompt";

    ServingTranslator(MistralPipeline pipeline, GenerationConfig.Builder options) {
        super(pipeline, options);
    }

    @Override
    GenerationRequest request(Input input) {
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
        String body = new String(bytes, StandardCharsets.UTF_8);
        return body.stripLeading().startsWith("{")
                ? request(ConversationJson.object(body))
                : request(pipeline.encode(body), null, Map.of());
    }

    private GenerationRequest request(Map<String, @Nullable Object> json) {
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
            Conversation whole = conversation(conversation);
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

    /** As in vLLM, a generation prompt is the default unless the last message is continued. */
    private static Conversation conversation(Map<String, @Nullable Object> fields) {
        Conversation conversation = ConversationJson.conversation(fields);
        return fields.containsKey(GENERATION_PROMPT)
                ? conversation
                : conversation.withGenerationPrompt(conversation.continuedField() == null);
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

        /**
         * Returns a future that completes at the end of the text, exceptionally if generation
         * failed.
         */
        @Override
        public synchronized CompletableFuture<Void> subscribe(Consumer<byte[]> subscriber) {
            subscribed = true;
            var unused = super.subscribe(subscriber).thenAccept(end::complete);
            if (end.isCompletedExceptionally()) {
                appendContent(new byte[0], true);
            }
            return end;
        }

        /**
         * Ends the text early: the future completes exceptionally, and the subscriber gets the end
         * mark.
         */
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
