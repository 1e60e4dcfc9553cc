/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.constraint;

import io.github.djlmistral.engine.internal.constraint.Productions;
import io.github.djlmistral.engine.internal.constraint.Regex;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/** Turns the expressions of a grammar into productions. */
final class Lowering {

    private final Productions productions = new Productions();
    private final Map<String, Integer> rules = new HashMap<>();
    private final Map<Expression, Integer> symbols = new HashMap<>();
    private final TokenVocabulary vocabulary;
    private final @Nullable Integer ignored;

    /**
     * Makes the productions; rule 0 is the start's.
     *
     * @param vocabulary restricts the terminals to what it can spell
     */
    Lowering(Grammar grammar, TokenVocabulary vocabulary) {
        this.vocabulary = vocabulary;
        int start = productions.rule();
        grammar.rules().keySet().forEach(name -> rules.put(name, productions.rule()));
        ignored = grammar.ignored().map(i -> optional(plain(i.regex()))).orElse(null);
        int first = number(grammar.start());
        if (ignored == null) {
            productions.sequence(start, first);
        } else {
            productions.sequence(start, ignored, first);
        }
        grammar.rules().forEach((name, expression) -> define(number(name), expression));
    }

    Productions productions() {
        return productions;
    }

    /** Returns the number of a rule, which exists: {@link Grammar} checks its references. */
    private int number(String rule) {
        return Objects.requireNonNull(rules.get(rule), rule);
    }

    /** Adds the productions of a rule. */
    private void define(int rule, Expression expression) {
        if (expression instanceof Expression.Choice choice) {
            choice.options().forEach(option -> define(rule, option));
        } else if (expression instanceof Expression.Sequence sequence) {
            productions.sequence(rule, sequence.parts().stream().mapToInt(this::symbol).toArray());
        } else if (expression instanceof Expression.Repetition repetition) {
            int part = symbol(repetition.part());
            productions.repetition(rule, part, repetition.min(), repetition.max());
        } else {
            productions.sequence(rule, symbol(expression));
        }
    }

    /** Returns a symbol that stands for an expression. */
    private int symbol(Expression expression) {
        if (expression instanceof Expression.Reference reference) {
            return number(reference.rule());
        }
        Integer known = symbols.get(expression);
        if (known == null) {
            known = newSymbol(expression);
            symbols.put(expression, known);
        }
        return known;
    }

    private int newSymbol(Expression expression) {
        if (expression instanceof Expression.Literal literal) {
            return terminal(RegularExpression.literal(literal.text()).regex());
        }
        if (expression instanceof Expression.Regex regex) {
            return terminal(regex.regex().regex());
        }
        if (expression instanceof Expression.Token token) {
            vocabulary.checkControl(token.id());
            return beforeIgnored(productions.token(token.id()));
        }
        int rule = productions.rule();
        define(rule, expression);
        return rule;
    }

    private int terminal(Regex regex) {
        return beforeIgnored(plain(regex));
    }

    private int beforeIgnored(int terminal) {
        if (ignored == null) {
            return terminal;
        }
        int rule = productions.rule();
        productions.sequence(rule, terminal, ignored);
        return rule;
    }

    private int plain(Regex regex) {
        Regex spelled = vocabulary.spelled();
        return productions.terminal(
                spelled == null ? regex : new Regex.Intersection(regex, spelled));
    }

    private int optional(int symbol) {
        int rule = productions.rule();
        productions.repetition(rule, symbol, 0, 1);
        return rule;
    }
}
