/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal;

/**
 * Quotes untrusted text in messages: short, on one line, and without control characters, which a
 * terminal might interpret.
 */
public final class Quote {

    private static final int LONGEST = 120;

    private Quote() {}

    /** Returns the text in quotation marks, shortened to 120 characters. */
    public static String of(String text) {
        return "\"" + shorten(text) + "\"";
    }

    /** Returns the text, shortened to 120 characters. */
    public static String shorten(String text) {
        return oneLine(text, LONGEST);
    }

    /** Returns the text, shortened to a length, with control characters replaced by spaces. */
    public static String oneLine(String text, int longest) {
        String cut = text.length() <= longest ? text : text.substring(0, longest) + "...";
        StringBuilder line = new StringBuilder(cut.length());
        cut.codePoints().map(c -> isPrintable(c) ? c : ' ').forEach(line::appendCodePoint);
        return line.toString();
    }

    /** Format characters, such as U+202E, change the order in which text is displayed. */
    private static boolean isPrintable(int c) {
        return switch (Character.getType(c)) {
            case Character.CONTROL,
                    Character.FORMAT,
                    Character.SURROGATE,
                    Character.LINE_SEPARATOR,
                    Character.PARAGRAPH_SEPARATOR ->
                    false;
            default -> true;
        };
    }
}
