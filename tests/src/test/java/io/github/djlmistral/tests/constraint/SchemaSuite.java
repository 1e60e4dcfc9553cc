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
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A file of the JSON-Schema-Test-Suite, run through constraints of single bytes.
 *
 * <p>The suite is about values, a grammar about texts: a value is written with integers and
 * decimals without exponent and zeros at the end, and with its properties in every order, of which
 * one must be accepted if the value is valid, and none if it is not.
 */
final class SchemaSuite {

    private static final TokenVocabulary BYTES = bytes();

    /** Number of tests that were decided rightly. */
    private int passed;

    /** Groups whose schema is refused. */
    private final List<String> refused = new ArrayList<>();

    /** Valid values that are not accepted. */
    private final List<String> rejected = new ArrayList<>();

    /** Values that are not valid and accepted. */
    private final List<String> accepted = new ArrayList<>();

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

    static TokenVocabulary bytes() {
        List<byte @Nullable []> pieces = new ArrayList<>();
        for (int i = 0; i < 256; i++) {
            pieces.add(new byte[] {(byte) i});
        }
        pieces.add(null);
        return TokenVocabulary.of(pieces, 256);
    }

    static boolean accepts(CompiledGrammar grammar, String text) {
        Constraint constraint = grammar.start();
        for (byte b : text.getBytes(StandardCharsets.UTF_8)) {
            if (!constraint.accepts(b & 0xff)) {
                return false;
            }
            constraint.advance(b & 0xff);
        }
        return constraint.mayEnd();
    }

    void run(Path file, String name) throws IOException {
        for (JsonElement group : JsonParser.parseString(Files.readString(file)).getAsJsonArray()) {
            run(name, group.getAsJsonObject());
        }
    }

    private void run(String file, JsonObject group) {
        String name = file + ": " + group.get("description").getAsString();
        CompiledGrammar grammar = null;
        try {
            String schema = group.get("schema").toString();
            grammar = CompiledGrammar.of(JsonSchema.COMPACT.grammar(schema), BYTES);
        } catch (IllegalArgumentException e) {
            if (!String.valueOf(e.getMessage()).contains("no value satisfies")) {
                refused.add(name);
                return;
            }
        }
        for (JsonElement element : group.getAsJsonArray("tests")) {
            JsonObject test = element.getAsJsonObject();
            boolean valid = test.get("valid").getAsBoolean();
            if (accepts(grammar, test.get("data")) == valid) {
                passed++;
            } else {
                (valid ? rejected : accepted).add(name + ": " + test.get("description"));
            }
        }
    }

    private static boolean accepts(@Nullable CompiledGrammar grammar, JsonElement value) {
        return grammar != null && texts(value).stream().anyMatch(text -> accepts(grammar, text));
    }

    /** The texts of a value, with its properties in all orders. */
    static List<String> texts(JsonElement value) {
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
