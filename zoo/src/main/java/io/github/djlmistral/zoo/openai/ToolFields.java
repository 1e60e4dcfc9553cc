/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import io.github.djlmistral.zoo.chat.ToolChoice;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The tools of a request.
 *
 * @param tools as the chat endpoint has them; null if there are none
 * @param choice whether they are called
 * @param parallel whether there may be several calls in an answer
 */
record ToolFields(
        @Nullable List<Map<String, @Nullable Object>> tools, ToolChoice choice, boolean parallel) {

    private static final String FUNCTION = "function";

    /**
     * Takes the tools.
     *
     * @param fields the request
     * @param flat whether a function's fields are beside {@code type}, as in the responses
     *     endpoint, instead of in {@code function}
     */
    static ToolFields take(Fields fields, boolean flat) {
        List<?> given = fields.list("tools");
        List<Map<String, @Nullable Object>> tools = null;
        if (given != null && !given.isEmpty()) {
            tools = new ArrayList<>();
            for (int i = 0; i < given.size(); ++i) {
                tools.add(tool(Fields.of("tools[" + i + "]", given.get(i)), flat));
            }
        }
        Object choice = fields.take("tool_choice");
        return new ToolFields(
                tools,
                choice == null ? ToolChoice.AUTO : choice(fields.path("tool_choice"), choice, flat),
                fields.flag("parallel_tool_calls", true));
    }

    private static Map<String, @Nullable Object> tool(Fields tool, boolean flat) {
        requireFunction(tool);
        Fields function = flat ? tool : Fields.of(tool.path(FUNCTION), tool.require(FUNCTION));
        Map<String, @Nullable Object> fields = new LinkedHashMap<>();
        fields.put("name", function.requireString("name"));
        String description = function.string("description");
        if (description != null) {
            fields.put("description", description);
        }
        Fields parameters = function.object("parameters");
        if (parameters != null) {
            fields.put("parameters", parameters.takeAll());
        }
        function.flag("strict"); // arguments always satisfy the schema
        function.end();
        tool.end();
        Map<String, @Nullable Object> result = new LinkedHashMap<>();
        result.put("type", FUNCTION);
        result.put(FUNCTION, fields);
        return result;
    }

    private static void requireFunction(Fields fields) {
        String type = fields.requireString("type");
        if (!type.equals(FUNCTION)) {
            throw Fields.unsupported(
                    fields.path("type"),
                    fields.path("type") + " is " + Fields.shown(type) + ", supported is function");
        }
    }

    private static ToolChoice choice(String path, Object choice, boolean flat) {
        if (choice instanceof String) {
            return OpenAi.named(path, () -> ToolChoice.of(choice));
        }
        Fields fields = Fields.of(path, choice);
        requireFunction(fields);
        Fields function =
                flat ? fields : Fields.of(fields.path(FUNCTION), fields.require(FUNCTION));
        String name = function.requireString("name");
        function.end();
        fields.end();
        return ToolChoice.function(name);
    }

    /** Returns the tools as the responses endpoint has them. */
    List<Map<String, @Nullable Object>> flat() {
        List<Map<String, @Nullable Object>> flat = new ArrayList<>();
        for (Map<String, @Nullable Object> tool :
                Objects.requireNonNullElse(tools, List.<Map<String, @Nullable Object>>of())) {
            Map<String, @Nullable Object> fields = new LinkedHashMap<>();
            fields.put("type", FUNCTION);
            ((Map<?, ?>) Objects.requireNonNull(tool.get(FUNCTION)))
                    .forEach((name, value) -> fields.put(String.valueOf(name), value));
            fields.putIfAbsent("parameters", null);
            fields.put("strict", true);
            flat.add(fields);
        }
        return flat;
    }

    /** Returns {@code tool_choice} as the responses endpoint has it. */
    Object flatChoice() {
        String name = choice.function();
        return name != null
                ? Map.of("type", FUNCTION, "name", name)
                : choice.mode().toString().toLowerCase(Locale.ROOT);
    }
}
