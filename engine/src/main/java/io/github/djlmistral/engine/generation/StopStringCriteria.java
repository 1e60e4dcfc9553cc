/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Tells whether a sequence ends with a stop string; {@code StopStringCriteria} of the reference.
 * The stop string stays in the text, as do characters after it in the last token.
 */
final class StopStringCriteria {

    private final List<String> strings;
    private final TokenDecoder decoder;
    private final int tail;

    StopStringCriteria(List<String> strings, TokenDecoder decoder) {
        this.strings = strings;
        this.decoder = decoder;
        // a token has at least one byte, except for a few special ones
        tail = 8 + strings.stream().mapToInt(StopStringCriteria::bytes).max().orElse(0);
    }

    private static int bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8).length;
    }

    boolean isAtEnd(Sequence sequence) {
        int count = Math.min(tail, sequence.generatedLength());
        long[] ids = new long[count];
        for (int i = 0; i < count; ++i) {
            ids[i] = sequence.id(sequence.length() - count + i);
        }
        String text = decoder.decode(ids);
        return strings.stream().anyMatch(text::contains);
    }
}
