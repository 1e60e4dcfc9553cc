/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.hubspot.jinjava.interpret.JinjavaInterpreter;
import com.hubspot.jinjava.lib.filter.Filter;
import java.util.Collection;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The filter {@code tojson} as transformers defines it: {@code json.dumps(value,
 * ensure_ascii=False)}, which puts a space behind commas and colons and escapes nothing for HTML.
 */
final class ToJson implements Filter {

    private static final Gson SCALARS =
            new GsonBuilder().disableHtmlEscaping().serializeNulls().create();

    @Override
    public String getName() {
        return "tojson";
    }

    @Override
    public Object filter(
            @Nullable Object value, JinjavaInterpreter interpreter, String... arguments) {
        return toJson(value);
    }

    private static String toJson(@Nullable Object value) {
        if (value instanceof Map<?, ?> map) {
            return map.entrySet().stream()
                    .map(
                            e ->
                                    SCALARS.toJson(String.valueOf(e.getKey()))
                                            + ": "
                                            + toJson(e.getValue()))
                    .collect(Collectors.joining(", ", "{", "}"));
        }
        if (value instanceof Collection<?> collection) {
            return collection.stream()
                    .map(ToJson::toJson)
                    .collect(Collectors.joining(", ", "[", "]"));
        }
        return value instanceof String || value instanceof Number || value instanceof Boolean
                ? SCALARS.toJson(value)
                : value == null ? "null" : SCALARS.toJson(value.toString());
    }
}
