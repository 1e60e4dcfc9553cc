/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.constraint;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import io.github.djlmistral.engine.constraint.CompiledGrammar;
import io.github.djlmistral.engine.constraint.Constraint;
import io.github.djlmistral.engine.constraint.JsonSchema;
import io.github.djlmistral.engine.constraint.TokenVocabulary;
import java.io.IOException;
import java.math.BigDecimal;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The JSON-Schema-Test-Suite, run through token masks.
 *
 * <p>The suite is about values, a grammar about texts: a value is written with integers and
 * decimals without exponent and zeros at the end, and with its properties in every order, of which
 * one must be accepted if the value is valid, and none if it is not. However a text is split into
 * tokens, the masks must allow all of them, and the end behind them, or refuse.
 */
public final class SchemaSuite {

    /** Asks that formats are not enforced, which they are. */
    private static final String ANNOTATED_FORMATS = "format.json";

    /**
     * A schema and values.
     *
     * @param name the file and the description
     * @param schema as JSON
     * @param values the values
     */
    public record Group(String name, String schema, List<Value> values) {}

    /**
     * A value.
     *
     * @param name its description
     * @param data as JSON
     * @param valid whether it satisfies the schema
     */
    public record Value(String name, JsonElement data, boolean valid) {}

    private final Spelling spelling;

    /** Number of values that were decided rightly. */
    private int passed;

    /** Groups whose schema is refused. */
    private final List<String> refused = new ArrayList<>();

    /** Valid values that are not accepted. */
    private final List<String> rejected = new ArrayList<>();

    /** Values that are not valid and accepted. */
    private final List<String> accepted = new ArrayList<>();

    /** Texts that are accepted or not by how they are split into tokens. */
    private final List<String> undecided = new ArrayList<>();

    SchemaSuite(Spelling spelling) {
        this.spelling = spelling;
    }

    int passed() {
        return passed;
    }

    List<String> refused() {
        return refused;
    }

    List<String> rejected() {
        return rejected;
    }

    List<String> accepted() {
        return accepted;
    }

    List<String> undecided() {
        return undecided;
    }

    static Path directory() {
        try {
            URL url = SchemaSuite.class.getResource("/json-schema-test-suite");
            return Path.of(Objects.requireNonNull(url).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** All groups of draft 2020-12, the optional ones as well. */
    public static List<Group> groups() throws IOException {
        Path tests = directory().resolve("draft2020-12");
        List<Group> groups = new ArrayList<>();
        try (Stream<Path> files = Files.walk(tests)) {
            for (Path file : files.filter(f -> f.toString().endsWith(".json")).sorted().toList()) {
                String name = tests.relativize(file).toString().replace('\\', '/');
                if (!name.equals(ANNOTATED_FORMATS)) {
                    for (JsonElement group :
                            JsonParser.parseString(Files.readString(file)).getAsJsonArray()) {
                        groups.add(group(name, group.getAsJsonObject()));
                    }
                }
            }
        }
        return groups;
    }

    private static Group group(String file, JsonObject group) {
        List<Value> values = new ArrayList<>();
        for (JsonElement element : group.getAsJsonArray("tests")) {
            JsonObject test = element.getAsJsonObject();
            boolean valid = test.get("valid").getAsBoolean();
            values.add(new Value(test.get("description") + "", test.get("data"), valid));
        }
        String name = file + ": " + group.get("description").getAsString();
        return new Group(name, group.get("schema").toString(), values);
    }

    /** The grammar of a schema, empty if no value satisfies it. */
    static Optional<CompiledGrammar> compile(String schema, TokenVocabulary vocabulary) {
        try {
            return Optional.of(CompiledGrammar.of(JsonSchema.COMPACT.grammar(schema), vocabulary));
        } catch (IllegalArgumentException e) {
            if (String.valueOf(e.getMessage()).contains("no value satisfies")) {
                return Optional.empty();
            }
            throw e;
        }
    }

    /** Whether the masks allow all tokens, and then the end. */
    static boolean accepts(CompiledGrammar grammar, int[] tokens) {
        Constraint constraint = grammar.start();
        for (int token : tokens) {
            if (!Vocabularies.has(constraint.mask(), token)) {
                return false;
            }
            constraint.advance(token);
        }
        return constraint.mayEnd();
    }

    /** Whether a text is accepted byte by byte. */
    public static boolean accepts(CompiledGrammar grammar, String text) {
        return accepts(grammar, Spelling.BYTES.ways().apply(text).get(0));
    }

    void run(Group group) {
        Optional<CompiledGrammar> grammar;
        try {
            grammar = compile(group.schema(), spelling.vocabulary());
        } catch (IllegalArgumentException e) {
            refused.add(group.name());
            return;
        }
        for (Value value : group.values()) {
            if (accepts(grammar, value.data()) == value.valid()) {
                passed++;
            } else {
                (value.valid() ? rejected : accepted).add(group.name() + ": " + value.name());
            }
        }
    }

    private boolean accepts(Optional<CompiledGrammar> grammar, JsonElement value) {
        boolean any = false;
        for (String text : grammar.isEmpty() ? List.<String>of() : texts(value)) {
            Set<Boolean> answers = new HashSet<>();
            for (int[] tokens : spelling.ways().apply(text)) {
                answers.add(accepts(grammar.get(), tokens));
            }
            if (answers.size() > 1) {
                undecided.add(text);
            }
            any |= answers.contains(true);
        }
        return any;
    }

    /** The texts of a value, with its properties in all orders. */
    public static List<String> texts(JsonElement value) {
        if (value instanceof JsonArray array) {
            List<String> all = List.of("");
            for (JsonElement item : array) {
                List<String> more = new ArrayList<>();
                for (String before : all) {
                    for (String text : texts(item)) {
                        more.add(before + (before.isEmpty() ? "" : ",") + text);
                    }
                }
                all = more;
            }
            return all.stream().map(text -> "[" + text + "]").toList();
        }
        if (value instanceof JsonObject object) {
            List<String> all = new ArrayList<>();
            orders(new ArrayList<>(object.entrySet()), "", all);
            return all;
        }
        if (value instanceof JsonNull) {
            return List.of("null");
        }
        JsonPrimitive primitive = (JsonPrimitive) value;
        if (primitive.isString()) {
            return List.of(quoted(primitive.getAsString()));
        }
        if (primitive.isBoolean()) {
            return List.of(primitive.getAsString());
        }
        BigDecimal number = new BigDecimal(primitive.getAsString());
        return List.of(number.signum() == 0 ? "0" : number.stripTrailingZeros().toPlainString());
    }

    private static void orders(
            List<Map.Entry<String, JsonElement>> rest, String before, List<String> all) {
        if (rest.isEmpty()) {
            all.add("{" + before + "}");
        }
        for (Map.Entry<String, JsonElement> next : rest) {
            List<Map.Entry<String, JsonElement>> others = new ArrayList<>(rest);
            others.remove(next);
            for (String text : texts(next.getValue())) {
                String pair = quoted(next.getKey()) + ":" + text;
                orders(others, before.isEmpty() ? pair : before + "," + pair, all);
            }
        }
    }

    private static String quoted(String text) {
        StringBuilder json = new StringBuilder("\"");
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            int escape = "\"\\\b\f\n\r\t".indexOf(c);
            if (escape >= 0) {
                json.append('\\').append("\"\\bfnrt".charAt(escape));
            } else if (c < ' ') {
                json.append("\\u00").append(c < 16 ? "0" : "").append(Integer.toHexString(c));
            } else {
                json.append(c);
            }
        }
        return json.append('"').toString();
    }
}
