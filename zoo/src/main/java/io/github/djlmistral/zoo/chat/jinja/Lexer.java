/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import io.github.djlmistral.zoo.chat.jinja.Token.Kind;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;

/**
 * Splits a template into tokens, with Jinja2's rules for white space under {@code trim_blocks} and
 * {@code lstrip_blocks}: the line feed after a block tag or comment and the spaces before it on its
 * line are removed; {@code -} removes all white space, {@code +} none.
 */
final class Lexer {

    private static final List<String> OPERATORS =
            List.of(
                    "//", "**", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(",
                    ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";");

    private final String source;
    private final List<Token> tokens = new ArrayList<>();
    private final Deque<Character> open = new ArrayDeque<>();
    private int at;
    private int line = 1;

    /** Whether the last thing read ends with a line feed. */
    private boolean lineStarts = true;

    private Lexer(String source) {
        String text = source.replace("\r\n", "\n").replace('\r', '\n');
        this.source = text.endsWith("\n") ? text.substring(0, text.length() - 1) : text;
    }

    static List<Token> tokenize(String source) {
        Lexer lexer = new Lexer(source);
        lexer.read();
        return lexer.tokens;
    }

    private TemplateException error(String message) {
        return TemplateException.syntax(message, line);
    }

    private void read() {
        while (at < source.length()) {
            int tag = nextTag(at);
            if (tag < 0) {
                data(source.substring(at), '+', false);
                at = source.length();
                break;
            }
            int afterRaw = rawBegin(tag);
            char sign = sign(tag + 2);
            String text = source.substring(at, tag);
            char kind = source.charAt(tag + 1);
            data(text, sign, kind != '{');
            if (afterRaw >= 0) {
                advance(tag, afterRaw);
                raw();
            } else {
                at = tag + (sign == ' ' ? 2 : 3);
                lineStarts = false;
                switch (kind) {
                    case '#' -> comment();
                    case '%' -> code(Kind.BLOCK_BEGIN, Kind.BLOCK_END);
                    default -> code(Kind.PRINT_BEGIN, Kind.PRINT_END);
                }
            }
        }
        add(Kind.END, "");
    }

    private int nextTag(int from) {
        for (int i = source.indexOf('{', from); i >= 0; i = source.indexOf('{', i + 1)) {
            if (i + 1 < source.length() && "{%#".indexOf(source.charAt(i + 1)) >= 0) {
                return i;
            }
        }
        return -1;
    }

    private char sign(int position) {
        char c = position < source.length() ? source.charAt(position) : ' ';
        return c == '-' || c == '+' ? c : ' ';
    }

    /** Adds the text before a tag. */
    private void data(String text, char sign, boolean stripLine) {
        String kept = text;
        if (sign == '-') {
            kept = Chars.stripEnd(text);
        } else if (sign != '+' && stripLine) {
            int start = text.lastIndexOf('\n') + 1;
            if ((start > 0 || lineStarts)
                    && start < text.length()
                    && Chars.isSpace(text, start, text.length())) {
                kept = text.substring(0, start);
            }
        }
        if (!kept.isEmpty()) {
            add(Kind.DATA, kept);
        }
        countLines(text);
    }

    private void add(Kind kind, String text) {
        tokens.add(new Token(kind, text, text, line));
    }

    private void countLines(String text) {
        for (int i = text.indexOf('\n'); i >= 0; i = text.indexOf('\n', i + 1)) {
            line++;
        }
    }

    private void advance(int from, int to) {
        countLines(source.substring(from, to));
        at = to;
        lineStarts = to > from && source.charAt(to - 1) == '\n';
    }

    private int skipSpace(int from) {
        int i = from;
        while (i < source.length() && Chars.isSpace(source.charAt(i))) {
            i++;
        }
        return i;
    }

    /** Returns the end of {@code {% raw %}} if it begins at a position, otherwise -1. */
    private int rawBegin(int tag) {
        if (source.charAt(tag + 1) != '%') {
            return -1;
        }
        int i = skipSpace(tag + (sign(tag + 2) == ' ' ? 2 : 3));
        if (!source.startsWith("raw", i)) {
            return -1;
        }
        i = skipSpace(i + 3);
        if (source.startsWith("-%}", i)) {
            return skipSpace(i + 3);
        }
        return source.startsWith("%}", i) ? i + 2 : -1;
    }

    private void raw() {
        for (int tag = source.indexOf("{%", at); tag >= 0; tag = source.indexOf("{%", tag + 1)) {
            char sign = sign(tag + 2);
            int i = skipSpace(tag + (sign == ' ' ? 2 : 3));
            if (source.startsWith("endraw", i)) {
                int end = blockEnd(skipSpace(i + 6));
                if (end >= 0) {
                    data(source.substring(at, tag), sign, true);
                    advance(tag, end);
                    return;
                }
            }
        }
        if (at < source.length()) {
            throw error("Missing end of raw directive");
        }
    }

    private void comment() {
        int close = source.indexOf("#}", at);
        if (at == source.length()) {
            return;
        }
        if (close < 0) {
            throw error("Missing end of comment tag");
        }
        int end = close + 2;
        char before = close > at ? source.charAt(close - 1) : ' ';
        if (before == '-') {
            end = skipSpace(end);
        } else if (before != '+' && source.startsWith("\n", end)) {
            end++;
        }
        advance(at, end);
    }

    /** Returns the position after the end of a block tag, -1 if there is none. */
    private int blockEnd(int i) {
        if (source.startsWith("+%}", i)) {
            return i + 3;
        }
        if (source.startsWith("-%}", i)) {
            return skipSpace(i + 3);
        }
        if (source.startsWith("%}", i)) {
            return source.startsWith("\n", i + 2) ? i + 3 : i + 2;
        }
        return -1;
    }

    private int printEnd(int i) {
        if (source.startsWith("-}}", i)) {
            return skipSpace(i + 3);
        }
        return source.startsWith("}}", i) ? i + 2 : -1;
    }

    private void code(Kind begin, Kind end) {
        add(begin, "");
        while (at < source.length()) {
            if (open.isEmpty()) {
                int close = end == Kind.BLOCK_END ? blockEnd(at) : printEnd(at);
                if (close >= 0) {
                    add(end, "");
                    advance(at, close);
                    return;
                }
            }
            char c = source.charAt(at);
            if (Chars.isSpace(c)) {
                advance(at, skipSpace(at));
            } else if (Character.isDigit(c)) {
                at = Literals.number(source, at, line, tokens);
            } else if (Chars.isNamePart(source.codePointAt(at))) {
                name();
            } else if (c == '\'' || c == '"') {
                string(c);
            } else {
                operator();
            }
        }
        // The parser reports what is missing.
    }

    private void name() {
        int start = at;
        while (at < source.length() && Chars.isNamePart(source.codePointAt(at))) {
            at += Character.charCount(source.codePointAt(at));
        }
        String name = source.substring(start, at);
        if (!Chars.isIdentifier(name)) {
            throw error("Invalid character in identifier");
        }
        add(Kind.NAME, name);
    }

    private void string(char quote) {
        int end = at + 1;
        while (end < source.length() && source.charAt(end) != quote) {
            end += source.charAt(end) == '\\' ? 2 : 1;
        }
        if (end >= source.length()) {
            throw error("unexpected char " + Repr.quote(String.valueOf(quote)) + " at " + at);
        }
        String text = Literals.unescape(source.substring(at + 1, end), line);
        tokens.add(new Token(Kind.STRING, text, Str.of(text), line));
        advance(at, end + 1);
    }

    private void operator() {
        for (String operator : OPERATORS) {
            if (source.startsWith(operator, at)) {
                balance(operator.charAt(0));
                add(Kind.OPERATOR, operator);
                at += operator.length();
                return;
            }
        }
        String c = new String(Character.toChars(source.codePointAt(at)));
        throw error("unexpected char " + Repr.quote(c) + " at " + at);
    }

    private void balance(char c) {
        switch (c) {
            case '{' -> open.push('}');
            case '(' -> open.push(')');
            case '[' -> open.push(']');
            case '}', ')', ']' -> {
                if (open.isEmpty()) {
                    throw error("unexpected '" + c + "'");
                }
                char expected = open.pop();
                if (expected != c) {
                    throw error("unexpected '" + c + "', expected '" + expected + "'");
                }
            }
            default -> {}
        }
    }
}
