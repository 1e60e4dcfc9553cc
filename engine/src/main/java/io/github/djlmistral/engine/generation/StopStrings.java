/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import java.nio.charset.StandardCharsets;
import java.util.List;

/**
 * Whether a row's newest text holds a stop string; {@code StopStringCriteria} of the reference. The
 * stop string stays in the text, and so does what its last token has after it.
 */
final class StopStrings {

    private final List<String> strings;
    private final TokenDecoder decoder;
    private final int tail;

    StopStrings(List<String> strings, TokenDecoder decoder) {
        this.strings = strings;
        this.decoder = decoder;
        // a token is at least one byte long, but for a few that stand for nothing
        tail = 8 + strings.stream().mapToInt(StopStrings::bytes).max().orElse(0);
    }

    private static int bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8).length;
    }

    boolean isAtEnd(Row row) {
        int count = Math.min(tail, row.generatedLength());
        long[] ids = new long[count];
        for (int i = 0; i < count; ++i) {
            ids[i] = row.id(row.length() - count + i);
        }
        String text = decoder.decode(ids);
        return strings.stream().anyMatch(text::contains);
    }
}
