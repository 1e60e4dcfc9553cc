/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import io.github.djlmistral.engine.generation.Generation;
import io.github.djlmistral.engine.generation.GenerationResult;
import io.github.djlmistral.engine.generation.Token;
import io.github.djlmistral.zoo.chat.ToolCall;
import io.github.djlmistral.zoo.chat.ToolCallDelta;
import io.github.djlmistral.zoo.chat.ToolCallReader;
import java.util.List;
import java.util.function.Consumer;

/**
 * The text of a generation in pieces that never split a character, computed on demand; see {@link
 * MistralPipeline#stream}. Must be closed. {@link #cancel} and {@link #close} may come from any
 * thread; the other methods are for one thread at a time.
 */
public final class TextPieces implements AutoCloseable {

    private final Generation generation;
    private final ToolCallReader reader;
    private boolean ended;

    TextPieces(Generation generation, ToolCallReader reader) {
        this.generation = generation;
        this.reader = reader;
    }

    /** Returns whether the text has ended. */
    public boolean hasEnded() {
        return ended;
    }

    /**
     * Computes the next token. After an exception the call may be repeated.
     *
     * @return the text outside calls of tools that is now complete, often empty
     * @throws RuntimeException as {@link Generation#next} does
     */
    public String next() {
        StringBuilder text = new StringBuilder();
        List<Token> tokens = ended ? List.of() : generation.next();
        tokens.forEach(token -> text.append(reader.push(token.id())));
        if (tokens.isEmpty() && !ended) {
            ended = true;
            text.append(reader.flush());
        }
        return text.toString();
    }

    /**
     * Generates the rest of the text.
     *
     * @param pieces receives the text
     * @return tokens and timings
     */
    public GenerationResult run(Consumer<String> pieces) {
        while (!ended) {
            String piece = next();
            if (!piece.isEmpty()) {
                pieces.accept(piece);
            }
        }
        return result();
    }

    /** Takes the pieces of calls of tools that are new since the last call of this method. */
    public List<ToolCallDelta> takeToolCallDeltas() {
        return reader.takeDeltas();
    }

    /** Returns the calls of tools so far; the arguments of the last may be incomplete. */
    public List<ToolCall> toolCalls() {
        return reader.toolCalls();
    }

    /** Returns the tokens and timings so far. */
    public GenerationResult result() {
        return generation.result();
    }

    /** Cancels the generation at its next token. */
    public void cancel() {
        generation.cancel();
    }

    /** Ends the generation, after the forward pass under way if any. */
    @Override
    public void close() {
        generation.close();
    }
}
