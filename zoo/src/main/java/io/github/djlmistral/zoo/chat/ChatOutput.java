/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

import io.github.djlmistral.engine.generation.FinishReason;
import java.time.Duration;

/**
 * A generated answer.
 *
 * @param content the text
 * @param finishReason why the generation ended
 * @param promptTokens number of tokens of the prompt
 * @param completionTokens number of generated tokens, the end token included
 * @param timeToFirstToken time from the request to the first generated token
 * @param tokensPerSecond decode throughput: tokens after the first, of all answers of the batch,
 *     per second
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

    /**
     * Reads the answer to a request with a {@link ChatInput#responseType responseType}.
     *
     * @param type the type of the request
     * @param <T> the type
     * @return the object that the answer is as JSON
     * @throws IllegalArgumentException if the answer is not the JSON of such an object, as one that
     *     ended with {@link FinishReason#LENGTH}
     */
    public <T> T as(Class<T> type) {
        return JavaType.read(content, type);
    }
}
