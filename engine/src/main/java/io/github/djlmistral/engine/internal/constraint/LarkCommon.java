/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import static java.util.Map.entry;

import java.util.Map;
import java.util.Objects;

/** The terminals of Lark's module {@code common}, as regular expressions. */
public final class LarkCommon {

    private static final String INT = "[0-9]+";
    private static final String DECIMAL = "([0-9]+\\.[0-9]*|\\.[0-9]+)";
    private static final String EXPONENT = "([eE][+-]?[0-9]+)";
    private static final String FLOAT = "([0-9]+" + EXPONENT + "|" + DECIMAL + EXPONENT + "?)";

    static final Map<String, String> TERMINALS =
            Map.ofEntries(
                    entry("DIGIT", "[0-9]"),
                    entry("HEXDIGIT", "[0-9a-fA-F]"),
                    entry("INT", INT),
                    entry("SIGNED_INT", "[+-]?" + INT),
                    entry("DECIMAL", DECIMAL),
                    entry("FLOAT", FLOAT),
                    entry("SIGNED_FLOAT", "[+-]?" + FLOAT),
                    entry("NUMBER", "(" + FLOAT + "|" + INT + ")"),
                    entry("SIGNED_NUMBER", "[+-]?(" + FLOAT + "|" + INT + ")"),
                    entry("ESCAPED_STRING", "\"([^\"\\\\\\n]|\\\\[^\\n])*\""),
                    entry("LCASE_LETTER", "[a-z]"),
                    entry("UCASE_LETTER", "[A-Z]"),
                    entry("LETTER", "[a-zA-Z]"),
                    entry("WORD", "[a-zA-Z]+"),
                    entry("CNAME", "[a-zA-Z_][a-zA-Z0-9_]*"),
                    entry("WS_INLINE", "[ \\t]+"),
                    entry("WS", "[ \\t\\f\\r\\n]+"),
                    entry("CR", "\\r"),
                    entry("LF", "\\n"),
                    entry("NEWLINE", "(\\r?\\n)+"),
                    entry("SH_COMMENT", "#[^\\n]*"),
                    entry("CPP_COMMENT", "//[^\\n]*"),
                    entry("C_COMMENT", "/\\*([^*]|\\*+[^*/])*\\*+/"),
                    entry("SQL_COMMENT", "--[^\\n]*"));

    private LarkCommon() {}

    /** Returns the regular expression of a terminal that exists. */
    public static String terminal(String name) {
        return Objects.requireNonNull(TERMINALS.get(name), name);
    }
}
