/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

/**
 * A token of a template.
 *
 * @param kind what it is
 * @param text its text; of a string the text without quotes and escapes
 * @param value the value of a string or number, otherwise the text
 * @param line where it begins
 */
record Token(Kind kind, String text, Object value, int line) {

    /** Kinds of tokens. */
    enum Kind {
        DATA,
        PRINT_BEGIN,
        PRINT_END,
        BLOCK_BEGIN,
        BLOCK_END,
        NAME,
        STRING,
        INTEGER,
        FLOAT,
        OPERATOR,
        END
    }

    boolean is(String operator) {
        return kind == Kind.OPERATOR && text.equals(operator);
    }

    boolean isName(String name) {
        return kind == Kind.NAME && text.equals(name);
    }

    /** Describes the token for error messages. */
    String describe() {
        return switch (kind) {
            case DATA -> "template text";
            case PRINT_BEGIN -> "'{{'";
            case PRINT_END -> "'}}'";
            case BLOCK_BEGIN -> "'{%'";
            case BLOCK_END -> "'%}'";
            case STRING -> "a string";
            case END -> "end of template";
            default -> "'" + text + "'";
        };
    }
}
