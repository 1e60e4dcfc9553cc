/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

/** Parses regular expressions. */
public final class RegexParser {

    private RegexParser() {}

    public static Regex whole(String pattern) {
        throw new UnsupportedOperationException(pattern);
    }

    public static Regex anywhere(String pattern) {
        throw new UnsupportedOperationException(pattern);
    }

    public static Regex literal(String text) {
        throw new UnsupportedOperationException(text);
    }
}
