/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import io.github.djlmistral.engine.generation.FinishReason;
import io.github.djlmistral.engine.generation.Token;
import io.github.djlmistral.zoo.chat.ToolCall;
import io.github.djlmistral.zoo.chat.ToolCallReader;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * One of the texts of an answer, with calls of tools, as far as it is generated. It ends before a
 * stop string, so that text which may be the beginning of one is held back.
 */
final class Choice {

    private final int index;
    private final ToolCallReader reader;
    private final List<String> stops;

    private final StringBuilder text = new StringBuilder();
    private int characters;
    private final List<TextToken> tokens = new ArrayList<>();
    private @Nullable String finishReason;

    private final StringBuilder held = new StringBuilder();
    private final Deque<TextToken> heldTokens = new ArrayDeque<>();

    Choice(int index, ToolCallReader reader, List<String> stops) {
        this.index = index;
        this.reader = reader;
        this.stops = stops;
    }

    /** Adds a token. Returns what is new. */
    Delta push(Token token) {
        if (token.finishReason() != FinishReason.EOS) {
            heldTokens.add(
                    new TextToken(token, characters + held.codePointCount(0, held.length())));
        }
        held.append(reader.push(token.id()));
        return token.finishReason() == null ? release(false, null) : finish(token.finishReason());
    }

    /** Ends the text. Returns what is new. */
    Delta finish(FinishReason reason) {
        held.append(reader.flush());
        return release(true, reason == FinishReason.LENGTH ? "length" : "stop");
    }

    private Delta release(boolean all, @Nullable String reason) {
        int stop = stop();
        int count = stop >= 0 ? stop : all ? held.length() : held.length() - possibleStop();
        boolean called = !reader.toolCalls().isEmpty();
        finishReason = stop >= 0 ? "stop" : called && "stop".equals(reason) ? "tool_calls" : reason;
        String piece = held.substring(0, count);
        text.append(piece);
        characters += piece.codePointCount(0, piece.length());
        held.delete(0, count);
        List<TextToken> released = new ArrayList<>();
        boolean rest = all && stop < 0 && !called; // tokens without text
        while (!heldTokens.isEmpty() && (rest || heldTokens.element().start() < characters)) {
            released.add(heldTokens.remove());
        }
        tokens.addAll(released);
        return new Delta(piece, released, reader.takeDeltas(), finishReason);
    }

    /** Returns the index of the first stop string, -1 if there is none. */
    private int stop() {
        return stops.stream().mapToInt(held::indexOf).filter(at -> at >= 0).min().orElse(-1);
    }

    /** Returns the length of the longest end of the text that a stop string begins with. */
    private int possibleStop() {
        int longest = 0;
        for (String stop : stops) {
            for (int length = Math.min(stop.length() - 1, held.length());
                    length > longest;
                    --length) {
                if (stop.startsWith(held.substring(held.length() - length))) {
                    longest = length;
                }
            }
        }
        return longest;
    }

    /** Returns the index among the choices of the answer. */
    int index() {
        return index;
    }

    /** Returns the text that is known. */
    String text() {
        return text.toString();
    }

    /** Returns the tokens of the text. */
    List<TextToken> tokens() {
        return tokens;
    }

    /** Returns the calls of tools. */
    List<ToolCall> toolCalls() {
        return reader.toolCalls();
    }

    /** Returns the reason as OpenAI names it; null until the text is complete. */
    @Nullable String finishReason() {
        return finishReason;
    }
}
