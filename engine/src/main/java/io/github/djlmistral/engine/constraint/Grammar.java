/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.constraint;

import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A context-free grammar of texts: named rules over terminals. Immutable.
 *
 * <p>Grammars are built, or read by {@link JsonSchema}, {@link Gbnf} and {@link Lark}. Example,
 * sums of numbers in parentheses:
 *
 * <pre>{@code
 * Grammar sums = Grammar.builder("sum")
 *         .rule("sum", sequence(rule("term"), repeat(rule("more"), 0, UNBOUNDED)))
 *         .rule("more", sequence(literal("+"), rule("term")))
 *         .rule("term", anyOf(regex("[0-9]+"), sequence(literal("("), rule("sum"), literal(")"))))
 *         .ignore(RegularExpression.of("[ \n]{1,8}"))
 *         .build();
 * }</pre>
 */
public final class Grammar {

    private final String start;
    private final Map<String, Expression> rules;
    private final @Nullable RegularExpression ignored;

    private Grammar(Builder builder) {
        start = builder.start;
        rules = Collections.unmodifiableMap(new LinkedHashMap<>(builder.rules));
        ignored = builder.ignored;
        if (!rules.containsKey(start)) {
            throw new IllegalArgumentException("the start rule is not defined: " + start);
        }
        rules.forEach(this::checkReferences);
    }

    /**
     * Returns a grammar of one expression without references.
     *
     * @param expression the expression
     * @return the grammar
     */
    public static Grammar of(Expression expression) {
        return builder("start").rule("start", expression).build();
    }

    /**
     * Returns the grammar of a choice of strings.
     *
     * @param options the strings; one of them is the whole text
     * @return the grammar
     * @throws IllegalArgumentException if there is no string, or one has half a surrogate pair
     */
    public static Grammar choice(List<String> options) {
        if (options.isEmpty()) {
            throw new IllegalArgumentException("a choice needs at least one string");
        }
        return of(
                Expression.regex(
                        RegularExpression.anyOf(
                                options.stream().map(RegularExpression::literal).toList())));
    }

    /**
     * Starts a grammar.
     *
     * @param start the name of the rule that the whole text must match
     * @return a builder without rules
     */
    public static Builder builder(String start) {
        return new Builder(start);
    }

    /**
     * Returns the name of the start rule.
     *
     * @return the name
     */
    public String start() {
        return start;
    }

    /**
     * Returns the rules.
     *
     * @return the rules by name, in the order of their definition, unmodifiable
     */
    public Map<String, Expression> rules() {
        return rules;
    }

    /**
     * Returns what may stand before, between and after terminals.
     *
     * @return the terminal, or empty where terminals follow each other directly
     */
    public Optional<RegularExpression> ignored() {
        return Optional.ofNullable(ignored);
    }

    private void checkReferences(String name, Expression expression) {
        if (expression instanceof Expression.Sequence sequence) {
            sequence.parts().forEach(part -> checkReferences(name, part));
        } else if (expression instanceof Expression.Choice choice) {
            choice.options().forEach(option -> checkReferences(name, option));
        } else if (expression instanceof Expression.Repetition repetition) {
            checkReferences(name, repetition.part());
        } else if (expression instanceof Expression.Reference reference
                && !rules.containsKey(reference.rule())) {
            throw new IllegalArgumentException(
                    "rule " + name + " refers to an undefined rule: " + reference.rule());
        }
    }

    /** Collects the rules of a grammar. */
    public static final class Builder {

        private final String start;
        private final Map<String, Expression> rules = new LinkedHashMap<>();
        private @Nullable RegularExpression ignored;

        private Builder(String start) {
            this.start = start;
        }

        /**
         * Defines a rule.
         *
         * @param name the rule's name, any text
         * @param expression what the rule matches
         * @return this builder
         * @throws IllegalArgumentException if the rule is defined already
         */
        public Builder rule(String name, Expression expression) {
            if (rules.putIfAbsent(name, expression) != null) {
                throw new IllegalArgumentException("the rule is defined twice: " + name);
            }
            return this;
        }

        /**
         * Defines the rules of another grammar, under names with a prefix.
         *
         * @param prefix begins the names of the rules here
         * @param other a grammar that ignores nothing
         * @return a reference to the start of the other grammar
         * @throws IllegalArgumentException if a rule is defined already, or the other grammar
         *     ignores something
         */
        public Expression include(String prefix, Grammar other) {
            if (other.ignored != null) {
                throw new IllegalArgumentException(
                        "a grammar that ignores a terminal cannot be part of another one");
            }
            other.rules.forEach((name, part) -> rule(prefix + name, prefixed(prefix, part)));
            return Expression.rule(prefix + other.start);
        }

        private static Expression prefixed(String prefix, Expression expression) {
            if (expression instanceof Expression.Reference reference) {
                return Expression.rule(prefix + reference.rule());
            }
            if (expression instanceof Expression.Sequence sequence) {
                return new Expression.Sequence(prefixed(prefix, sequence.parts()));
            }
            if (expression instanceof Expression.Choice choice) {
                return new Expression.Choice(prefixed(prefix, choice.options()));
            }
            if (expression instanceof Expression.Repetition repetition) {
                return new Expression.Repetition(
                        prefixed(prefix, repetition.part()), repetition.min(), repetition.max());
            }
            return expression;
        }

        private static List<Expression> prefixed(String prefix, List<Expression> expressions) {
            return expressions.stream().map(part -> prefixed(prefix, part)).toList();
        }

        /**
         * Lets a terminal, usually white space, stand once before, between and after the other
         * terminals. Bound its length, or a model may produce white space without an end.
         *
         * @param terminal the terminal; it may always be left out
         * @return this builder
         */
        public Builder ignore(RegularExpression terminal) {
            ignored = terminal;
            return this;
        }

        /**
         * Returns the grammar.
         *
         * @return the grammar
         * @throws IllegalArgumentException if a rule that is referred to is not defined
         */
        public Grammar build() {
            return new Grammar(this);
        }
    }
}
