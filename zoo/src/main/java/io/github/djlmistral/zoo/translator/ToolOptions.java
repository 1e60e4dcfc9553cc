/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.zoo.chat.ToolChoice;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The options of a request about tools, named as in OpenAI's API.
 *
 * @param choice {@code tool_choice}
 * @param parallel {@code parallel_tool_calls}
 */
record ToolOptions(ToolChoice choice, boolean parallel) {

    /** Removes the options from those of a request. */
    static ToolOptions take(Map<String, Object> options) {
        ModelArguments.checkOnce(options.keySet());
        Object choice = remove(options, "tool_choice");
        Object parallel = remove(options, "parallel_tool_calls");
        if (parallel != null && !(parallel instanceof Boolean)) {
            throw new IllegalArgumentException("parallel_tool_calls must be true or false");
        }
        return new ToolOptions(
                choice == null ? ToolChoice.AUTO : ToolChoice.of(choice),
                !Boolean.FALSE.equals(parallel));
    }

    private static @Nullable Object remove(Map<String, Object> options, String name) {
        for (String given : options.keySet()) {
            if (GenerationConfig.Builder.referenceName(given).equals(name)) {
                return options.remove(given);
            }
        }
        return null;
    }
}
