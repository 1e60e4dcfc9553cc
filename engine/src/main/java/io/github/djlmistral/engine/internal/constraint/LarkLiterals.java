/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

/** Strings and regular expressions in Lark's notation. */
final class LarkLiterals {

    private LarkLiterals() {}

    /** Reads a string, or a range of characters between two. */
    static LarkNode string(GrammarText in) {
        int start = in.position();
        String text = quoted(in);
        if (in.take("..")) {
            String last = quoted(in);
            if (text.codePointCount(0, text.length()) != 1
                    || last.codePointCount(0, last.length()) != 1
                    || last.codePointAt(0) < text.codePointAt(0)) {
                throw in.error(start, "a range that is not from a character to a later one");
            }
            CodePoints set = CodePoints.range(text.codePointAt(0), last.codePointAt(0));
            return new LarkNode.Terminal(new Regex.Chars(set));
        }
        boolean anyCase = in.take("i");
        try {
            Regex literal = RegexParser.literal(text);
            return new LarkNode.Terminal(anyCase ? CaseFolding.anyCase(text) : literal);
        } catch (IllegalArgumentException e) {
            throw in.error(start, String.valueOf(e.getMessage()));
        }
    }

    /** Reads a string with the escapes of JSON, and {@code \xHH}, {@code \UHHHHHHHH}. */
    private static String quoted(GrammarText in) {
        in.expect("\"");
        StringBuilder text = new StringBuilder();
        while (!in.take("\"")) {
            int start = in.position();
            int c = in.next();
            if (c == '\n') {
                throw in.error(start, "the line ends within a string");
            }
            if (c == '\\') {
                int escape = in.next();
                c =
                        switch (escape) {
                            case '"', '\\', '/' -> escape;
                            case 'b' -> '\b';
                            case 'f' -> '\f';
                            case 'n' -> '\n';
                            case 'r' -> '\r';
                            case 't' -> '\t';
                            case 'x' -> in.hex(2);
                            case 'u' -> in.hex(4);
                            case 'U' -> in.hex(8);
                            default ->
                                    throw in.error(
                                            start,
                                            "no escape \\"
                                                    + Character.toString(escape)
                                                    + " exists");
                        };
            }
            text.appendCodePoint(c);
        }
        return text.toString();
    }

    /** Reads a regular expression between slashes, and its flags. */
    static LarkNode pattern(GrammarText in) {
        int start = in.position();
        in.next();
        int from = in.position();
        while (!in.peekIs('/')) {
            int c = in.next();
            if (c == '\n') {
                throw in.error(start, "the line ends within a regular expression");
            }
            if (c == '\\') {
                in.next();
            }
        }
        String pattern = in.since(from);
        in.next();
        String flags = "";
        while (!in.atEnd() && "imslux".indexOf(in.peek(0)) >= 0) {
            flags += (char) in.next();
        }
        if (flags.matches(".*[mlx].*")) {
            throw in.error(start, "of the flags only i, s and u are supported: " + flags);
        }
        try {
            Regex regex = RegexParser.whole(pattern, flags.contains("i"), flags.contains("s"));
            return new LarkNode.Terminal(regex);
        } catch (IllegalArgumentException e) {
            throw in.error(start, String.valueOf(e.getMessage()));
        }
    }
}
