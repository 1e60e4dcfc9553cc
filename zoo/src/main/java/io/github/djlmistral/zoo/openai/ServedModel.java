/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import io.github.djlmistral.engine.generation.Generation;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.RequestLimits;
import io.github.djlmistral.zoo.chat.Conversation;
import io.github.djlmistral.zoo.chat.ToolCallReader;
import io.github.djlmistral.zoo.chat.ToolChoice;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.util.List;
import java.util.Set;

/** What the API needs of a language model. Thread-safe. */
public interface ServedModel {

    /** Returns the tokenizer. */
    MistralTokenizer tokenizer();

    /** Returns the limits of requests. */
    RequestLimits limits();

    /** Returns the most tokens of prompt and answer together. */
    int maxPositions();

    /** Returns the names of the adapters that requests may choose. */
    Set<String> adapters();

    /**
     * Returns the model with an adapter.
     *
     * @param name one of {@link #adapters}
     * @return the model, to be closed with this one
     * @throws IllegalArgumentException if there is no such adapter
     */
    ServedModel adapter(String name);

    /**
     * Encodes a conversation as it is, with or without a generation prompt.
     *
     * @param conversation the conversation
     * @return token ids
     * @throws IllegalArgumentException if there is no chat template, or it rejects the conversation
     */
    long[] encodeAsGiven(Conversation conversation);

    /**
     * Encodes a text to be completed.
     *
     * @param text the text
     * @return token ids, beginning with BOS if the tokenizer adds it
     * @throws IllegalArgumentException if it is empty
     */
    long[] complete(String text);

    /**
     * Lets an answer call the tools of a conversation.
     *
     * @param options the options of the answer, changed here
     * @param conversation has the tools
     * @param choice whether tools are called
     * @param parallel whether an answer may have several calls
     * @return whether the answer may have calls, for {@link #newReader}
     * @throws IllegalArgumentException if the model cannot call tools, a tool is wrong or cannot be
     *     enforced, or the choice is of a tool that is not there
     */
    boolean offerTools(
            GenerationConfig.Builder options,
            Conversation conversation,
            ToolChoice choice,
            boolean parallel);

    /**
     * Returns a reader of one answer.
     *
     * @param calls whether it may have calls of tools; otherwise all of it is text
     * @return a new reader
     */
    ToolCallReader newReader(boolean calls);

    /**
     * Starts a generation.
     *
     * @param prompts token ids, one array for each prompt
     * @param config the options
     * @return the generation, to be closed
     * @throws IllegalArgumentException if a prompt or an option is out of its range
     */
    Generation start(List<long[]> prompts, GenerationConfig config);
}
