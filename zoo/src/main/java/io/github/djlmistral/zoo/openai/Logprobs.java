/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.generation.Token;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Log-probabilities as the chat and the responses endpoint write them. */
final class Logprobs {

    private final MistralTokenizer tokenizer;

    Logprobs(MistralTokenizer tokenizer) {
        this.tokenizer = tokenizer;
    }

    /**
     * Returns the tokens of a text with their log-probabilities.
     *
     * @param tokens the tokens
     */
    JsonArray content(List<TextToken> tokens) {
        JsonArray content = new JsonArray();
        for (TextToken piece : tokens) {
            Token token = piece.token();
            boolean begins = piece.start() == 0;
            JsonObject entry = entry(token.id(), token.logProbability(), begins);
            JsonArray top = new JsonArray();
            token.topLogProbabilities()
                    .forEach(other -> top.add(entry(other.id(), other.logProbability(), begins)));
            entry.add("top_logprobs", top);
            content.add(entry);
        }
        return content;
    }

    private JsonObject entry(long id, float logProbability, boolean begins) {
        return Json.object(
                "token", text(id, begins),
                "logprob", finite(logProbability),
                "bytes", bytes(id, begins));
    }

    /** JSON has no infinity; OpenAI writes this number for tokens that cannot occur. */
    static float finite(float logProbability) {
        return Math.max(logProbability, -9999);
    }

    /** Returns the text of a token, with U+FFFD for incomplete characters. */
    String text(long id, boolean begins) {
        int[] bytes = bytes(id, begins);
        if (bytes == null) {
            return tokenizer.token(id);
        }
        byte[] raw = new byte[bytes.length];
        for (int i = 0; i < raw.length; ++i) {
            raw[i] = (byte) bytes[i];
        }
        return new String(raw, StandardCharsets.UTF_8);
    }

    /** Returns the bytes that a token adds to a text, unsigned; null for a control token. */
    private int @Nullable [] bytes(long id, boolean begins) {
        byte[] bytes = tokenizer.bytes(id);
        if (bytes == null) {
            return null;
        }
        // SentencePiece drops the space in front of the first word
        boolean drops =
                begins
                        && bytes.length > 0
                        && bytes[0] == ' '
                        && !tokenizer.decode(new long[] {id}, true).startsWith(" ");
        int[] unsigned = new int[bytes.length];
        Arrays.setAll(unsigned, i -> bytes[i] & 0xFF);
        return drops ? Arrays.copyOfRange(unsigned, 1, unsigned.length) : unsigned;
    }
}
