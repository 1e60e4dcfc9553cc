/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

import io.github.djlmistral.engine.generation.FinishReason;
import java.time.Duration;
import java.util.List;

/**
 * A generated answer.
 *
 * @param content the text; empty if the answer consists of calls
 * @param toolCalls the calls of tools, in order; the arguments of the last are cut off if {@code
 *     max_new_tokens} is reached
 * @param finishReason why the generation ended
 * @param promptTokens number of tokens of the prompt
 * @param completionTokens number of generated tokens, the end token included
 * @param timeToFirstToken time from the request to the first generated token
 * @param tokensPerSecond decode throughput: tokens after the first, of all answers of the batch,
 *     per second
 */
public record ChatOutput(
        String content,
        List<ToolCall> toolCalls,
        FinishReason finishReason,
        int promptTokens,
        int completionTokens,
        Duration timeToFirstToken,
        double tokensPerSecond) {

    /** Copies the calls. */
    public ChatOutput {
        toolCalls = List.copyOf(toolCalls);
    }

    /** Returns the answer as the next message of the conversation. */
    public Message message() {
        return Message.assistant(content, toolCalls);
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
