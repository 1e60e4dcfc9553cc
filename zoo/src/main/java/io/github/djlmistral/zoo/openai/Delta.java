/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import io.github.djlmistral.zoo.chat.ToolCallDelta;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is new in a choice.
 *
 * @param text whole characters; may be empty
 * @param tokens the tokens of this text
 * @param calls pieces of calls of tools
 * @param finishReason {@code stop}, {@code length} or {@code tool_calls} if it is complete, else
 *     null
 */
record Delta(
        String text,
        List<TextToken> tokens,
        List<ToolCallDelta> calls,
        @Nullable String finishReason) {

    boolean isEmpty() {
        return text.isEmpty() && tokens.isEmpty() && calls.isEmpty() && finishReason == null;
    }
}
