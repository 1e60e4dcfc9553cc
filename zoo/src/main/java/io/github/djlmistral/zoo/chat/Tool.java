/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A function that the model may call.
 *
 * @param name its name
 * @param description what it does, may be empty
 * @param parameters a JSON schema of its arguments
 */
record Tool(String name, String description, Map<String, @Nullable Object> parameters) {

    private static final Pattern NAME = Pattern.compile("[a-zA-Z0-9_-]{1,64}");

    /** Reads tools in the form of OpenAI's API. */
    static List<Tool> of(List<Map<String, @Nullable Object>> tools) {
        List<Tool> result = new ArrayList<>();
        Set<String> names = new HashSet<>();
        for (Map<String, @Nullable Object> tool : tools) {
            Tool read = of(result.size(), tool);
            if (!names.add(read.name)) {
                throw new IllegalArgumentException(
                        "there are two tools named \"" + read.name + "\": rename one");
            }
            result.add(read);
        }
        return result;
    }

    private static Tool of(int index, Map<String, @Nullable Object> tool) {
        if (!(tool.get("function") instanceof Map<?, ?> function)) {
            throw new IllegalArgumentException(
                    "tool "
                            + index
                            + " has no function: give {\"type\": \"function\", \"function\":"
                            + " {\"name\": ..}}");
        }
        if (!(function.get("name") instanceof String name) || !NAME.matcher(name).matches()) {
            throw new IllegalArgumentException(
                    "tool "
                            + index
                            + " has no name of 1 to 64 letters, digits, underscores and hyphens");
        }
        Object description = function.get("description");
        Object parameters = function.get("parameters");
        if (parameters != null && !(parameters instanceof Map<?, ?>)) {
            throw new IllegalArgumentException(
                    "the parameters of the tool \"" + name + "\" are not a JSON schema");
        }
        Map<String, @Nullable Object> schema = new LinkedHashMap<>();
        if (parameters instanceof Map<?, ?> map) {
            map.forEach((key, value) -> schema.put(String.valueOf(key), value));
        } else {
            schema.put("type", "object");
            schema.put("properties", Map.of());
            schema.put("additionalProperties", false);
        }
        return new Tool(name, description instanceof String text ? text : "", schema);
    }
}
