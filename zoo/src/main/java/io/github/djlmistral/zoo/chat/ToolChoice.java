/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Whether an answer calls tools, as {@code tool_choice} in OpenAI's API.
 *
 * @param mode the choice
 * @param function the function to call, null for any
 */
public record ToolChoice(Mode mode, @Nullable String function) {

    /** Who decides. */
    public enum Mode {
        /** The model: the answer is text or calls. */
        AUTO,
        /** No tool is called. */
        NONE,
        /** At least one tool is called. */
        REQUIRED
    }

    /** The model decides; the default where there are tools. */
    public static final ToolChoice AUTO = new ToolChoice(Mode.AUTO, null);

    /** The answer is text, though the model sees the tools. */
    public static final ToolChoice NONE = new ToolChoice(Mode.NONE, null);

    /** The answer is one or more calls. */
    public static final ToolChoice REQUIRED = new ToolChoice(Mode.REQUIRED, null);

    /** Checks that a function is named only where it is called. */
    public ToolChoice {
        Objects.requireNonNull(mode, "mode");
        if (function != null && mode != Mode.REQUIRED) {
            throw new IllegalArgumentException("a function is named, but the mode is " + mode);
        }
    }

    /**
     * The answer calls one function.
     *
     * @param name its name
     * @return the choice
     */
    public static ToolChoice function(String name) {
        return new ToolChoice(Mode.REQUIRED, Objects.requireNonNull(name, "name"));
    }

    /**
     * Reads a choice.
     *
     * @param value a choice; {@code "auto"}, {@code "none"}, {@code "required"} or Mistral's name
     *     for the last, {@code "any"}; or {@code {"type": "function", "function": {"name": ..}}} as
     *     a map
     * @return the choice
     * @throws IllegalArgumentException if it is something else
     */
    public static ToolChoice of(Object value) {
        if (value instanceof ToolChoice choice) {
            return choice;
        }
        if (value instanceof Map<?, ?> map
                && "function".equals(map.get("type"))
                && map.get("function") instanceof Map<?, ?> function
                && function.get("name") instanceof String name) {
            return function(name);
        }
        return switch (value.toString()) {
            case "auto" -> AUTO;
            case "none" -> NONE;
            case "required", "any" -> REQUIRED;
            default ->
                    throw new IllegalArgumentException(
                            "tool_choice must be auto, none, required, or {\"type\": \"function\","
                                    + " \"function\": {\"name\": ..}}");
        };
    }
}
