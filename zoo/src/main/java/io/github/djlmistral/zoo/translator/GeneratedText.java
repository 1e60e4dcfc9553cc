/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import io.github.djlmistral.engine.generation.FinishReason;
import io.github.djlmistral.engine.generation.GenerationResult;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.zoo.chat.ToolCall;
import java.util.List;
import java.util.Objects;

/**
 * A generated text.
 *
 * @param text the decoded text
 * @param toolCalls the calls of tools, which are no part of the text
 * @param sequence its tokens
 * @param result the result of the whole batch, for the timings
 */
record GeneratedText(
        String text, List<ToolCall> toolCalls, Sequence sequence, GenerationResult result) {

    FinishReason finishReason() {
        return Objects.requireNonNullElse(sequence.finishReason(), FinishReason.CANCELLED);
    }
}
