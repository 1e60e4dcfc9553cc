/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonParseException;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import com.google.gson.stream.MalformedJsonException;
import io.github.djlmistral.engine.internal.StrictJson;
import java.io.IOException;
import java.io.StringReader;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * Reads conversations from JSON (RFC 8259). The keys are those of vLLM's chat requests, most of
 * which are arguments of {@code apply_chat_template} in Hugging Face transformers:
 *
 * <ul>
 *   <li>{@code messages}: a list of objects with any keys, required
 *   <li>{@code tools}, {@code documents}: lists of objects
 *   <li>{@code add_generation_prompt}: a boolean, false by default
 *   <li>{@code continue_final_message}: {@code true} to continue the {@code content} of the last
 *       message, or the name of another field to continue; false by default
 *   <li>{@code chat_template_kwargs}: an object with further variables of the template
 * </ul>
 *
 * <p>Numbers are read as Python reads them: integers of any size, or 64-bit floating point.
 */
public final class ConversationJson {

    private static final int MAX_DEPTH = 64;
    private static final int MAX_REASON = 200;

    private static final String MESSAGES = "messages";
    private static final String TOOLS = "tools";
    private static final String DOCUMENTS = "documents";
    private static final String GENERATION_PROMPT = "add_generation_prompt";
    private static final String CONTINUE = "continue_final_message";
    private static final String VARIABLES = "chat_template_kwargs";

    private static final Set<String> KEYS =
            Set.of(MESSAGES, TOOLS, DOCUMENTS, GENERATION_PROMPT, CONTINUE, VARIABLES);

    private static final Gson GSON =
            new GsonBuilder()
                    .setObjectToNumberStrategy(in -> StrictJson.number(in.nextString()))
                    .create();

    private ConversationJson() {}

    /**
     * Returns the keys of a conversation.
     *
     * @return the keys listed above
     */
    public static Set<String> keys() {
        return KEYS;
    }

    /**
     * Parses a JSON object.
     *
     * @param json the text
     * @return the object's members in order
     * @throws IllegalArgumentException if the text is not a JSON object, or is nested more than 64
     *     deep
     */
    public static Map<String, @Nullable Object> object(String json) {
        return object("the JSON", parse(json));
    }

    /** Parses any JSON value. */
    static @Nullable Object value(String json) {
        return parse(json);
    }

    /**
     * Parses a JSON list of objects, such as messages, tools or documents.
     *
     * @param json the text
     * @return the objects
     * @throws IllegalArgumentException if the text is not a JSON list of objects, or is nested more
     *     than 64 deep
     */
    public static List<Map<String, @Nullable Object>> objects(String json) {
        return objects("the JSON", parse(json));
    }

    /**
     * Converts a parsed JSON object to a conversation.
     *
     * @param fields values by the keys listed above; null is as good as absent
     * @return the conversation
     * @throws IllegalArgumentException if {@code messages} is absent, a key is unknown or a value
     *     has the wrong type; the message names the key
     */
    public static Conversation conversation(Map<String, ? extends @Nullable Object> fields) {
        Set<String> unknown = new TreeSet<>(fields.keySet());
        unknown.removeAll(KEYS);
        if (!unknown.isEmpty()) {
            throw new IllegalArgumentException(
                    "unknown keys " + unknown + "; known are " + new TreeSet<>(KEYS));
        }
        List<Map<String, @Nullable Object>> messages = list(fields, MESSAGES);
        if (messages == null) {
            throw new IllegalArgumentException(quoted(MESSAGES) + " is missing");
        }
        Object variables = fields.get(VARIABLES);
        return new Conversation(
                messages.stream().map(Message::new).toList(),
                list(fields, TOOLS),
                list(fields, DOCUMENTS),
                flag(GENERATION_PROMPT, fields.get(GENERATION_PROMPT)),
                continuedField(fields.get(CONTINUE)),
                variables == null ? Map.of() : object(quoted(VARIABLES), variables));
    }

    /**
     * Converts a parsed JSON object to a conversation for the model to answer: as in vLLM, {@code
     * add_generation_prompt} is true by default unless the last message is continued.
     *
     * @param fields as for {@link #conversation}
     * @return the conversation
     * @throws IllegalArgumentException as {@link #conversation} does
     */
    public static Conversation request(Map<String, ? extends @Nullable Object> fields) {
        Conversation conversation = conversation(fields);
        return fields.get(GENERATION_PROMPT) == null
                ? conversation.withGenerationPrompt(conversation.continuedField() == null)
                : conversation;
    }

    private static String quoted(String key) {
        return '"' + key + '"';
    }

    private static @Nullable List<Map<String, @Nullable Object>> list(
            Map<String, ? extends @Nullable Object> fields, String key) {
        Object value = fields.get(key);
        return value == null ? null : objects(quoted(key), value);
    }

    private static boolean flag(String key, @Nullable Object value) {
        if (value != null && !(value instanceof Boolean)) {
            throw new IllegalArgumentException(quoted(key) + " is not true or false");
        }
        return Boolean.TRUE.equals(value);
    }

    private static @Nullable String continuedField(@Nullable Object value) {
        if (value instanceof String field) {
            return field;
        }
        return flag(CONTINUE, value) ? "content" : null;
    }

    private static List<Map<String, @Nullable Object>> objects(
            String name, @Nullable Object value) {
        if (!(value instanceof List<?> list)) {
            throw new IllegalArgumentException(name + " is not a list of objects");
        }
        List<Map<String, @Nullable Object>> objects = new ArrayList<>(list.size());
        for (Object item : list) {
            if (!(item instanceof Map<?, ?>)) {
                throw new IllegalArgumentException(name + " is not a list of objects");
            }
            objects.add(object(name, item));
        }
        return objects;
    }

    private static Map<String, @Nullable Object> object(String name, @Nullable Object value) {
        if (!(value instanceof Map<?, ?> map)) {
            throw new IllegalArgumentException(name + " is not an object");
        }
        Map<String, @Nullable Object> object = new LinkedHashMap<>();
        map.forEach((key, item) -> object.put(String.valueOf(key), item));
        return object;
    }

    private static @Nullable Object parse(String json) {
        try (JsonReader reader = new JsonReader(new StringReader(json))) {
            reader.setStrictness(Strictness.STRICT);
            reader.setNestingLimit(MAX_DEPTH);
            Object value = GSON.getAdapter(Object.class).read(reader);
            if (reader.peek() != JsonToken.END_DOCUMENT) {
                throw new JsonParseException("there is more text after the value");
            }
            return value;
        } catch (IOException | JsonParseException | IllegalStateException e) {
            throw new IllegalArgumentException("invalid JSON: " + reason(e), e);
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
        return message.substring(0, Math.min(message.length(), MAX_REASON));
    }
}
