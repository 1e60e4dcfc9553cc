/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A call of a tool that the model asks for.
 *
 * @param id names the call; {@link Message#tool} repeats it with the result
 * @param name the name of the function
 * @param arguments its arguments, a JSON object as text; cut off if the generation has reached
 *     {@code max_new_tokens}
 */
public record ToolCall(String id, String name, String arguments) {

    /** Returns the call as messages have it, in the form of OpenAI's API. */
    public Map<String, Object> fields() {
        Map<String, Object> function = new LinkedHashMap<>();
        function.put("name", name);
        function.put("arguments", arguments);
        Map<String, Object> fields = new LinkedHashMap<>();
        fields.put("id", id);
        fields.put("type", "function");
        fields.put("function", function);
        return fields;
    }
}
