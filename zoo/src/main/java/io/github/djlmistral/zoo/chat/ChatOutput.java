/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

import io.github.djlmistral.engine.generation.FinishReason;
import java.time.Duration;

/**
 * An answer.
 *
 * @param content its text
 * @param finishReason why it ended
 * @param promptTokens how many tokens the conversation had
 * @param completionTokens how many tokens the answer has, its end token included
 * @param timeToFirstToken from the request until the answer's first token
 * @param tokensPerSecond of the tokens after the first, all answers of a batch together
 */
public record ChatOutput(
        String content,
        FinishReason finishReason,
        int promptTokens,
        int completionTokens,
        Duration timeToFirstToken,
        double tokensPerSecond) {

    /** Returns the answer as the next message of the conversation. */
    public Message message() {
        return Message.assistant(content);
    }
}
