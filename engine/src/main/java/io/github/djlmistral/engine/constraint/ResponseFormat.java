/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.constraint;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import io.github.djlmistral.engine.internal.StrictJson;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The form of a generated text. Immutable.
 *
 * <p>As JSON it is OpenAI's {@code response_format}, with further types:
 *
 * <pre>{@code
 * {"type": "text"}
 * {"type": "json_object"}
 * {"type": "json_schema", "json_schema": {"schema": {"type": "array"}, "whitespace": 0}}
 * {"type": "regex", "regex": "[0-9]{4}"}
 * {"type": "choice", "choice": ["yes", "no"]}
 * {"type": "grammar", "syntax": "lark", "definition": "start: /[0-9]/+"}
 * }</pre>
 *
 * <p>{@code whitespace} is ours, see {@link JsonSchema#whitespace}; {@code name}, {@code
 * description} and {@code strict} are allowed there and change nothing, since a schema is always
 * enforced. {@code grammar} has the form of the grammars of OpenAI's custom tools; the syntax is
 * {@code gbnf}, {@code lark} or {@code regex}. A text that reaches {@code max_new_tokens} is the
 * beginning of one that has the form.
 */
public final class ResponseFormat {

    private static final String SCHEMA = "json_schema";
    private static final String OBJECT = "json_object";
    private static final String REGEX = "regex";
    private static final String CHOICE = "choice";
    private static final String GRAMMAR = "grammar";

    /** Any text. */
    public static final ResponseFormat TEXT = new ResponseFormat("text", "", null);

    /** Any JSON object. */
    public static final ResponseFormat JSON_OBJECT =
            new ResponseFormat(OBJECT, "", JsonSchema.FLEXIBLE.grammar("{\"type\": \"object\"}"));

    // schemas may have null, as in {"const": null}
    private static final Gson GSON =
            new GsonBuilder().serializeNulls().disableHtmlEscaping().create();

    private final String type;
    private final Object definition;
    private final @Nullable Grammar grammar;

    private ResponseFormat(String type, Object definition, @Nullable Grammar grammar) {
        this.type = type;
        this.definition = definition;
        this.grammar = grammar;
    }

    /**
     * Returns the format of the JSON texts of a schema, with white space as {@link
     * JsonSchema#FLEXIBLE} allows it.
     *
     * @param schema a JSON Schema
     * @return the format
     * @throws IllegalArgumentException as {@link JsonSchema#grammar}
     */
    public static ResponseFormat jsonSchema(String schema) {
        return jsonSchema(schema, JsonSchema.FLEXIBLE);
    }

    /**
     * Returns the format of the JSON texts of a schema.
     *
     * @param schema a JSON Schema
     * @param writing how the texts are written
     * @return the format
     * @throws IllegalArgumentException as {@link JsonSchema#grammar}
     */
    public static ResponseFormat jsonSchema(String schema, JsonSchema writing) {
        return new ResponseFormat(SCHEMA, List.of(schema, writing), writing.grammar(schema));
    }

    /**
     * Returns the format of the texts that a regular expression matches as a whole.
     *
     * @param pattern a pattern, see {@link RegularExpression#of}
     * @return the format
     * @throws IllegalArgumentException if the syntax is wrong or not supported
     */
    public static ResponseFormat regex(String pattern) {
        Grammar grammar = Grammar.of(Expression.regex(pattern));
        return new ResponseFormat(REGEX, pattern, grammar);
    }

    /**
     * Returns the format of some texts.
     *
     * @param texts the texts
     * @return the format
     * @throws IllegalArgumentException as {@link Grammar#choice}
     */
    public static ResponseFormat choice(List<String> texts) {
        return new ResponseFormat(CHOICE, List.copyOf(texts), Grammar.choice(texts));
    }

    /**
     * Returns the format of the texts of a grammar.
     *
     * @param grammar the grammar; formats of the same object are equal
     * @return the format
     */
    public static ResponseFormat grammar(Grammar grammar) {
        return new ResponseFormat(GRAMMAR, grammar, grammar);
    }

    /**
     * Reads a format.
     *
     * @param value a format; its JSON as a map, as text, or as Gson's elements; or {@code "text"}
     *     or {@code "json_object"}
     * @return the format
     * @throws IllegalArgumentException if it is of another form, or the schema, pattern or grammar
     *     cannot be used
     */
    public static ResponseFormat of(Object value) {
        if (value instanceof ResponseFormat format) {
            return format;
        }
        String text = value.toString().strip();
        if (value instanceof CharSequence && !text.startsWith("{")) {
            return ofJson(GSON.toJsonTree(Map.of("type", text)));
        }
        return ofJson(
                value instanceof CharSequence
                        ? StrictJson.parseValue(text)
                        : GSON.toJsonTree(value));
    }

    private static ResponseFormat ofJson(JsonElement json) {
        JsonObject object = StrictJson.object(json, "the response format");
        String type = StrictJson.string(object.get("type"), "type");
        switch (type) {
            case "text", OBJECT -> requireKeys(object, Set.of("type"));
            case SCHEMA, REGEX, CHOICE -> requireKeys(object, Set.of("type", type));
            case GRAMMAR -> requireKeys(object, Set.of("type", "syntax", "definition"));
            default ->
                    throw new IllegalArgumentException(
                            "type is \""
                                    + type
                                    + "\", must be text, json_object, json_schema, regex, choice"
                                    + " or grammar");
        }
        JsonElement definition = object.get(type);
        return switch (type) {
            case "text" -> TEXT;
            case OBJECT -> JSON_OBJECT;
            case REGEX -> regex(StrictJson.string(definition, REGEX));
            case CHOICE -> {
                List<String> texts = new ArrayList<>();
                for (JsonElement text : StrictJson.array(definition, CHOICE)) {
                    texts.add(StrictJson.string(text, CHOICE));
                }
                yield choice(texts);
            }
            case GRAMMAR -> parsed(object);
            default -> schema(StrictJson.object(definition, SCHEMA));
        };
    }

    /** Reads a grammar; those of the same text are equal. */
    private static ResponseFormat parsed(JsonObject object) {
        String syntax = StrictJson.string(object.get("syntax"), "syntax");
        String definition = StrictJson.string(object.get("definition"), "definition");
        Grammar grammar =
                switch (syntax) {
                    case "gbnf" -> Gbnf.parse(definition);
                    case "lark" -> Lark.parse(definition);
                    case REGEX -> Grammar.of(Expression.regex(definition));
                    default ->
                            throw new IllegalArgumentException(
                                    "syntax is \"" + syntax + "\", must be gbnf, lark or regex");
                };
        return new ResponseFormat(GRAMMAR, List.of(syntax, definition), grammar);
    }

    private static ResponseFormat schema(JsonObject object) {
        requireKeys(object, Set.of("name", "description", "strict", "schema", "whitespace"));
        JsonElement schema = object.get("schema");
        if (schema == null) {
            throw new IllegalArgumentException("json_schema has no schema");
        }
        JsonSchema writing = JsonSchema.FLEXIBLE;
        if (object.has("whitespace")) {
            long most = StrictJson.integer(object.get("whitespace"), "whitespace", 1000);
            writing = new JsonSchema((int) most, 0);
        }
        boolean isText = schema instanceof JsonPrimitive primitive && primitive.isString();
        return jsonSchema(isText ? schema.getAsString() : GSON.toJson(schema), writing);
    }

    private static void requireKeys(JsonObject object, Set<String> known) {
        Set<String> unknown = new HashSet<>(object.keySet());
        unknown.removeAll(known);
        if (!unknown.isEmpty()) {
            throw new IllegalArgumentException(
                    "unknown key " + unknown.stream().sorted().findFirst().orElseThrow());
        }
    }

    /**
     * Returns the grammar of the texts.
     *
     * @return the grammar; empty for any text
     */
    public Optional<Grammar> grammar() {
        return Optional.ofNullable(grammar);
    }

    @Override
    public boolean equals(@Nullable Object other) {
        return other instanceof ResponseFormat format
                && type.equals(format.type)
                && definition.equals(format.definition);
    }

    @Override
    public int hashCode() {
        return Objects.hash(type, definition);
    }

    /** Returns the type. */
    @Override
    public String toString() {
        return type;
    }
}
