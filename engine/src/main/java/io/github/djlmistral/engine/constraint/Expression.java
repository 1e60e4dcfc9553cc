/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.constraint;

import java.util.List;

/**
 * The right side of a rule of a {@link Grammar}.
 *
 * <p>Terminals are {@link Literal}, {@link Regex} and {@link Token}. There is no tokenizer that
 * takes the longest match: a text belongs to the grammar if it can be split into terminals in any
 * way.
 */
public sealed interface Expression {

    /** The largest {@link Repetition#max}: no upper bound. */
    int UNBOUNDED = Integer.MAX_VALUE;

    /**
     * Expressions one after another; the empty list is the empty text.
     *
     * @param parts the expressions in order
     */
    record Sequence(List<Expression> parts) implements Expression {
        /** Copies the list. */
        public Sequence {
            parts = List.copyOf(parts);
        }
    }

    /**
     * One of several expressions; the empty list matches nothing at all.
     *
     * @param options the expressions to choose from
     */
    record Choice(List<Expression> options) implements Expression {
        /** Copies the list. */
        public Choice {
            options = List.copyOf(options);
        }
    }

    /**
     * An expression {@code min} to {@code max} times. Large bounds cost no memory.
     *
     * @param part what is repeated
     * @param min the least count, at least 0
     * @param max the greatest count, at least {@code min}; {@link #UNBOUNDED} for no bound
     */
    record Repetition(Expression part, int min, int max) implements Expression {
        /** Checks the bounds. */
        public Repetition {
            if (min < 0 || max < min) {
                throw new IllegalArgumentException(
                        "a repetition needs 0 <= min <= max: min " + min + ", max " + max);
            }
        }
    }

    /**
     * A rule by its name. It may be defined later, and may refer to itself.
     *
     * @param rule the rule's name
     */
    record Reference(String rule) implements Expression {}

    /**
     * A terminal: exactly this text.
     *
     * @param text the text, matched as its UTF-8 bytes
     */
    record Literal(String text) implements Expression {}

    /**
     * A terminal: a text that the regular expression matches as a whole.
     *
     * @param regex the regular expression
     */
    record Regex(RegularExpression regex) implements Expression {}

    /**
     * A terminal: a control token, which has no text.
     *
     * @param id the token's id
     */
    record Token(int id) implements Expression {}

    /**
     * Returns expressions one after another.
     *
     * @param parts the expressions in order
     * @return the sequence
     */
    static Expression sequence(Expression... parts) {
        return new Sequence(List.of(parts));
    }

    /**
     * Returns a choice of expressions.
     *
     * @param options the expressions to choose from
     * @return the choice
     */
    static Expression anyOf(Expression... options) {
        return new Choice(List.of(options));
    }

    /**
     * Returns an expression that may be left out.
     *
     * @param part the expression
     * @return the expression, zero times or once
     */
    static Expression optional(Expression part) {
        return new Repetition(part, 0, 1);
    }

    /**
     * Returns a repeated expression.
     *
     * @param part the expression
     * @param min the least count
     * @param max the greatest count, or {@link #UNBOUNDED}
     * @return the repetition
     */
    static Expression repeat(Expression part, int min, int max) {
        return new Repetition(part, min, max);
    }

    /**
     * Returns a reference to a rule.
     *
     * @param name the rule's name
     * @return the reference
     */
    static Expression rule(String name) {
        return new Reference(name);
    }

    /**
     * Returns a terminal of exactly this text.
     *
     * @param text the text
     * @return the terminal
     */
    static Expression literal(String text) {
        return new Literal(text);
    }

    /**
     * Returns a terminal of a control token.
     *
     * @param id the token's id; {@link CompiledGrammar#of} checks that it is a control token
     * @return the terminal
     */
    static Expression token(int id) {
        return new Token(id);
    }

    /**
     * Returns a terminal of a regular expression.
     *
     * @param pattern a pattern, see {@link RegularExpression#of}
     * @return the terminal
     * @throws IllegalArgumentException if the pattern is not supported
     */
    static Expression regex(String pattern) {
        return new Regex(RegularExpression.of(pattern));
    }

    /**
     * Returns a terminal of a regular expression.
     *
     * @param regex the regular expression
     * @return the terminal
     */
    static Expression regex(RegularExpression regex) {
        return new Regex(regex);
    }
}
