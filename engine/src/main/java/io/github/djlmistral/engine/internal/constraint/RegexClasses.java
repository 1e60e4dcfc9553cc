/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;

/** Character classes of regular expressions: brackets and escapes. */
final class RegexClasses {

    /** What {@code .} does not match. */
    static final CodePoints LINE_ENDS =
            CodePoints.of('\n').union(CodePoints.of('\r')).union(CodePoints.range(0x2028, 0x2029));

    private static final CodePoints DIGITS = CodePoints.range('0', '9');
    private static final CodePoints WORD =
            DIGITS.union(CodePoints.range('a', 'z'))
                    .union(CodePoints.range('A', 'Z'))
                    .union(CodePoints.of('_'));

    /** ECMAScript's WhiteSpace and LineTerminator. */
    private static final CodePoints SPACE =
            CodePoints.range('\t', '\r')
                    .union(CodePoints.of(' '))
                    .union(CodePoints.of(0xA0))
                    .union(CodePoints.of(0x1680))
                    .union(CodePoints.range(0x2000, 0x200A))
                    .union(CodePoints.range(0x2028, 0x2029))
                    .union(CodePoints.of(0x202F))
                    .union(CodePoints.of(0x205F))
                    .union(CodePoints.of(0x3000))
                    .union(CodePoints.of(0xFEFF));

    private RegexClasses() {}

    /** Parses what follows an opening bracket. */
    static CodePoints brackets(RegexParser in) {
        boolean negated = in.take('^');
        CodePoints set = CodePoints.NONE;
        while (!in.take(']')) {
            if (in.peekIs('[') || in.take("&&")) {
                throw in.error("classes within classes are not supported: escape [ and &&");
            }
            CodePoints first = member(in);
            if (in.take('-')) {
                if (in.peekIs(']')) {
                    set = set.union(CodePoints.of('-'));
                } else {
                    first = range(in, first, member(in));
                }
            }
            set = set.union(first);
        }
        CodePoints closed = in.inAnyCase(set);
        return negated ? closed.complement() : closed;
    }

    private static CodePoints member(RegexParser in) {
        return in.take('\\') ? escape(in, true) : CodePoints.of(in.next());
    }

    private static CodePoints range(RegexParser in, CodePoints first, CodePoints last) {
        if (!single(first) || !single(last) || last.ranges()[0] < first.ranges()[0]) {
            throw in.error("a range that is not from a character to a later one");
        }
        return CodePoints.range(first.ranges()[0], last.ranges()[0]);
    }

    private static boolean single(CodePoints set) {
        return set.ranges().length == 2 && set.ranges()[0] == set.ranges()[1];
    }

    /** Parses what follows a backslash. */
    static CodePoints escape(RegexParser in, boolean inBrackets) {
        int c = in.next();
        return switch (c) {
            case 'd' -> DIGITS;
            case 'D' -> DIGITS.complement();
            case 'w' -> WORD;
            case 'W' -> WORD.complement();
            case 's' -> SPACE;
            case 'S' -> SPACE.complement();
            case 'p' -> property(in);
            case 'P' -> property(in).complement();
            case 'n' -> CodePoints.of('\n');
            case 'r' -> CodePoints.of('\r');
            case 't' -> CodePoints.of('\t');
            case 'f' -> CodePoints.of('\f');
            case 'v' -> CodePoints.of(0x0B);
            case '0' -> {
                if (in.peekIs('0')) {
                    throw in.error("octal escapes are not supported");
                }
                yield CodePoints.of(0);
            }
            case 'x' -> CodePoints.of(hex(in, 2));
            case 'u' -> CodePoints.of(unicode(in));
            case 'b' -> {
                if (inBrackets) {
                    yield CodePoints.of('\b');
                }
                throw in.error("\\b is not supported");
            }
            default -> {
                if (c < 128 && Character.isLetterOrDigit(c)) {
                    throw in.error("the escape \\" + (char) c + " is not supported");
                }
                yield CodePoints.of(c);
            }
        };
    }

    private static int unicode(RegexParser in) {
        if (in.take('{')) {
            int value = 0;
            while (!in.take('}')) {
                value = value << 4 | digit(in);
                if (value > Character.MAX_CODE_POINT) {
                    throw in.error("a character above U+10FFFF");
                }
            }
            return scalar(in, value);
        }
        int high = hex(in, 4);
        if (Character.isHighSurrogate((char) high) && in.take("\\u")) {
            int low = hex(in, 4);
            if (Character.isLowSurrogate((char) low)) {
                return Character.toCodePoint((char) high, (char) low);
            }
        }
        return scalar(in, high);
    }

    private static int scalar(RegexParser in, int value) {
        if (value >= 0xD800 && value <= 0xDFFF) {
            throw in.error("half a surrogate pair");
        }
        return value;
    }

    private static int hex(RegexParser in, int digits) {
        int value = 0;
        for (int i = 0; i < digits; i++) {
            value = value << 4 | digit(in);
        }
        return value;
    }

    private static int digit(RegexParser in) {
        int digit = Character.digit(in.next(), 16);
        if (digit < 0) {
            throw in.error("expected a hexadecimal digit");
        }
        return digit;
    }

    /** Parses {@code {L}}, {@code {Script=Greek}} or {@code L}; Java's tables say who belongs. */
    private static CodePoints property(RegexParser in) {
        StringBuilder name = new StringBuilder();
        if (in.take('{')) {
            while (!in.take('}')) {
                name.appendCodePoint(in.next());
            }
        } else {
            name.appendCodePoint(in.next());
        }
        try {
            Pattern pattern = Pattern.compile("\\p{" + name + "}");
            return CodePoints.matching(c -> pattern.matcher(Character.toString(c)).matches());
        } catch (PatternSyntaxException e) {
            throw in.error("an unknown class of characters: " + name);
        }
    }
}
