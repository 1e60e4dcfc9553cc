/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.server;

import java.io.PrintWriter;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import org.jspecify.annotations.Nullable;

/**
 * Writes a line for each request: time, method, path, status, bytes, milliseconds, tokens of prompt
 * and answer. The status is 0 if there was no answer. Nothing that a client keeps to itself is
 * written: no key, no query, no text.
 */
final class AccessLog {

    private static final int LONGEST_PATH = 100;

    private final @Nullable PrintWriter out;

    AccessLog(@Nullable PrintWriter out) {
        this.out = out;
    }

    void write(Call call) {
        if (out == null) {
            return;
        }
        String path = call.path();
        out.println(
                String.join(
                        " ",
                        Instant.now().truncatedTo(ChronoUnit.MILLIS).toString(),
                        word(call.method()),
                        word(path),
                        Integer.toString(call.status()),
                        Long.toString(call.sent()),
                        Long.toString(call.elapsed().toMillis()),
                        call.tokens()));
        out.flush();
    }

    /**
     * Returns the text in ASCII and without control characters, so that no request forges a line.
     */
    private static String word(String text) {
        String shown = text.substring(0, Math.min(text.length(), LONGEST_PATH));
        return shown.replaceAll("[^!-~]", "?");
    }
}
