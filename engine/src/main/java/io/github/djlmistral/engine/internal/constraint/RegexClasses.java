/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import static java.util.Map.entry;

import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.regex.Pattern;
import java.util.regex.PatternSyntaxException;
import org.jspecify.annotations.Nullable;

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

    /** The characters of properties that were asked for; to find them takes 40 ms. */
    private static final Map<String, CodePoints> SETS = new ConcurrentHashMap<>();

    private static final int MOST_SETS = 500;

    /** Properties that the JDK knows by the same names, and Unicode's tables decide. */
    private static final Set<String> PROPERTIES =
            Set.of("Alphabetic", "Ideographic", "Lowercase", "Uppercase", "White_Space");

    /** Unicode's long names of general categories (PropertyValueAliases.txt). */
    private static final Map<String, String> CATEGORIES =
            Map.ofEntries(
                    entry("Other", "C"),
                    entry("Control", "Cc"),
                    entry("cntrl", "Cc"),
                    entry("Format", "Cf"),
                    entry("Unassigned", "Cn"),
                    entry("Private_Use", "Co"),
                    entry("Surrogate", "Cs"),
                    entry("Letter", "L"),
                    entry("Cased_Letter", "LC"),
                    entry("Lowercase_Letter", "Ll"),
                    entry("Modifier_Letter", "Lm"),
                    entry("Other_Letter", "Lo"),
                    entry("Titlecase_Letter", "Lt"),
                    entry("Uppercase_Letter", "Lu"),
                    entry("Mark", "M"),
                    entry("Combining_Mark", "M"),
                    entry("Spacing_Mark", "Mc"),
                    entry("Enclosing_Mark", "Me"),
                    entry("Nonspacing_Mark", "Mn"),
                    entry("Number", "N"),
                    entry("Decimal_Number", "Nd"),
                    entry("digit", "Nd"),
                    entry("Letter_Number", "Nl"),
                    entry("Other_Number", "No"),
                    entry("Punctuation", "P"),
                    entry("punct", "P"),
                    entry("Connector_Punctuation", "Pc"),
                    entry("Dash_Punctuation", "Pd"),
                    entry("Close_Punctuation", "Pe"),
                    entry("Final_Punctuation", "Pf"),
                    entry("Initial_Punctuation", "Pi"),
                    entry("Other_Punctuation", "Po"),
                    entry("Open_Punctuation", "Ps"),
                    entry("Symbol", "S"),
                    entry("Currency_Symbol", "Sc"),
                    entry("Modifier_Symbol", "Sk"),
                    entry("Math_Symbol", "Sm"),
                    entry("Other_Symbol", "So"),
                    entry("Separator", "Z"),
                    entry("Line_Separator", "Zl"),
                    entry("Paragraph_Separator", "Zp"),
                    entry("Space_Separator", "Zs"));

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
            case 'c' -> CodePoints.of(letter(in) % 32);
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

    /** Parses the letter of a control character. */
    private static int letter(RegexParser in) {
        int c = in.next();
        if (c >= 128 || !Character.isLetter(c)) {
            throw in.error("expected a letter");
        }
        return c;
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
        String property = javaName(name.toString());
        if (property != null) {
            try {
                return characters(property);
            } catch (PatternSyntaxException e) {
                // an unknown script
            }
        }
        throw in.error("an unknown class of characters: " + name);
    }

    private static CodePoints characters(String property) {
        CodePoints known = SETS.get(property);
        if (known == null) {
            Pattern pattern = Pattern.compile("\\p{" + property + "}");
            known = CodePoints.matching(c -> pattern.matcher(Character.toString(c)).matches());
            // names of scripts are the same in any case
            if (SETS.size() < MOST_SETS) {
                SETS.put(property, known);
            }
        }
        return known;
    }

    /** The name of a Unicode property in the JDK's expressions, or null. */
    private static @Nullable String javaName(String name) {
        if (name.matches("Is.+|(Script|script|sc)=.+")) {
            return name.replaceFirst("Script", "script");
        }
        if (PROPERTIES.contains(name)) {
            return "Is" + name;
        }
        String category = name.replaceFirst("^(General_Category|gc)=", "");
        String known = CATEGORIES.getOrDefault(category, category);
        return known.matches("LC|[CLMNPSZ][a-z]?") ? known : null;
    }
}
