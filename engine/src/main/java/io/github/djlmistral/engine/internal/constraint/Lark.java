/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import static java.lang.Integer.MAX_VALUE;

import io.github.djlmistral.engine.constraint.Expression;
import io.github.djlmistral.engine.constraint.Grammar;
import io.github.djlmistral.engine.constraint.JsonSchema;
import io.github.djlmistral.engine.constraint.RegularExpression;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * Turns a grammar in Lark's notation, as llguidance takes it, into a {@link Grammar}. Terminals
 * become regular expressions, rules stay rules. What is ignored is part of the terminal before it,
 * and so does not come into JSON, which has white space of its own.
 */
public final class Lark {

    private static final Regex ANY =
            new Regex.Repeat(new Regex.Chars(CodePoints.ALL), 0, MAX_VALUE);
    private static final Regex SOME =
            new Regex.Repeat(new Regex.Chars(CodePoints.ALL), 1, MAX_VALUE);

    private final LarkParser parser;
    private final Function<Regex, RegularExpression> expressions;
    private final JsonSchema writing;
    private final Grammar.Builder builder = Grammar.builder("");
    private final Map<String, Regex> terminals = new HashMap<>();
    private final Set<String> open = new HashSet<>();
    private Regex ignored = Regex.EMPTY;
    private int schemas;

    private Lark(String text, JsonSchema writing, Function<Regex, RegularExpression> expressions) {
        parser = new LarkParser(text);
        this.writing = writing;
        this.expressions = expressions;
    }

    /**
     * Parses a grammar.
     *
     * @param text the grammar
     * @param writing how the texts of a {@code %json} are written
     * @param expressions makes terminals
     * @return the grammar, whose start is {@code start}
     * @throws IllegalArgumentException if it is wrong; the message names the line and the column
     */
    public static Grammar parse(
            String text, JsonSchema writing, Function<Regex, RegularExpression> expressions) {
        return new Lark(text, writing, expressions).grammar();
    }

    private Grammar grammar() {
        parser.parse();
        if (!parser.definitions.containsKey("start")) {
            throw parser.in.error("the rule start, where a text begins, is not defined");
        }
        if (!parser.ignored.isEmpty()) {
            Regex one = new Regex.Union(parser.ignored.stream().map(this::regex).toList());
            ignored =
                    new Regex.Difference(
                            new Regex.Repeat(one, 0, MAX_VALUE),
                            RegexParser.whole(
                                    "[\\s\\S]*\\s{" + (writing.whitespace() + 1) + "}[\\s\\S]*"));
        }
        parser.definitions.forEach(this::define);
        return builder.rule("", Expression.sequence(leaf(ignored), Expression.rule("start")))
                .build();
    }

    private void define(String name, LarkParser.Definition definition) {
        if (LarkParser.isTerminal(name)) {
            terminal(name, definition.position());
        } else {
            builder.rule(
                    name,
                    definition.lazy()
                            ? terminal(lazy(regex(definition.body())))
                            : expression(definition.body()));
        }
    }

    /** The texts of which no shorter beginning matches. */
    private static Regex lazy(Regex regex) {
        return new Regex.Difference(regex, new Regex.Concat(List.of(regex, SOME)));
    }

    private Expression leaf(Regex regex) {
        return Expression.regex(expressions.apply(regex));
    }

    @SuppressWarnings("ReferenceEquality") // the constant that stands for no %ignore
    private Expression terminal(Regex regex) {
        return leaf(ignored == Regex.EMPTY ? regex : new Regex.Concat(List.of(regex, ignored)));
    }

    private Expression expression(LarkNode node) {
        if (node instanceof LarkNode.Choice choice) {
            return new Expression.Choice(choice.options().stream().map(this::expression).toList());
        }
        if (node instanceof LarkNode.Sequence sequence) {
            return new Expression.Sequence(
                    sequence.parts().stream().map(this::expression).toList());
        }
        if (node instanceof LarkNode.Repetition repetition) {
            return Expression.repeat(
                    expression(repetition.part()), repetition.min(), repetition.max());
        }
        if (node instanceof LarkNode.Json json) {
            return json(json);
        }
        if (node instanceof LarkNode.Name name && !LarkParser.isTerminal(name.name())) {
            if (!parser.definitions.containsKey(name.name())) {
                throw parser.in.error(
                        name.position(), "the rule " + name.name() + " is not defined");
            }
            return Expression.rule(name.name());
        }
        if (node instanceof LarkNode.Both both) {
            throw parser.in.error(both.position(), "& is supported in terminals only");
        }
        if (node instanceof LarkNode.Not not) {
            throw parser.in.error(not.position(), "~ is supported in terminals only");
        }
        return terminal(regex(node));
    }

    private Regex regex(LarkNode node) {
        if (node instanceof LarkNode.Terminal terminal) {
            return terminal.regex();
        }
        if (node instanceof LarkNode.Choice choice) {
            return new Regex.Union(choice.options().stream().map(this::regex).toList());
        }
        if (node instanceof LarkNode.Sequence sequence) {
            return new Regex.Concat(sequence.parts().stream().map(this::regex).toList());
        }
        if (node instanceof LarkNode.Repetition repetition) {
            return new Regex.Repeat(regex(repetition.part()), repetition.min(), repetition.max());
        }
        if (node instanceof LarkNode.Both both) {
            return new Regex.Intersection(regex(both.left()), regex(both.right()));
        }
        if (node instanceof LarkNode.Not not) {
            return new Regex.Difference(ANY, regex(not.part()));
        }
        if (node instanceof LarkNode.Json json) {
            throw parser.in.error(json.position(), "%json is supported in rules only");
        }
        LarkNode.Name name = (LarkNode.Name) node;
        if (!LarkParser.isTerminal(name.name())) {
            throw parser.in.error(
                    name.position(), "a terminal cannot refer to the rule " + name.name());
        }
        return terminal(name.name(), name.position());
    }

    /** The expression of a terminal by its name. */
    private Regex terminal(String name, int position) {
        Regex known = terminals.get(name);
        if (known != null) {
            return known;
        }
        String common = parser.imports.get(name);
        LarkParser.Definition definition = parser.definitions.get(name);
        Regex regex;
        if (common != null) {
            regex = RegexParser.whole(LarkCommon.terminal(common));
        } else if (definition == null) {
            throw parser.in.error(position, "the terminal " + name + " is not defined");
        } else if (!open.add(name)) {
            throw parser.in.error(position, "the terminal " + name + " refers to itself");
        } else if (open.size() > GrammarText.DEPTH_LIMIT) {
            throw parser.in.error(
                    position,
                    "terminals refer to each other deeper than " + GrammarText.DEPTH_LIMIT);
        } else {
            regex = regex(definition.body());
            regex = definition.lazy() ? lazy(regex) : regex;
            open.remove(name);
        }
        terminals.put(name, regex);
        return regex;
    }

    /** Adds the rules of a schema under names of their own. */
    private Expression json(LarkNode.Json json) {
        Grammar grammar;
        try {
            grammar = SchemaGrammar.of(json.schema(), writing, expressions);
        } catch (IllegalArgumentException e) {
            throw parser.in.error(json.position(), "%json: " + e.getMessage());
        }
        String prefix = "%json " + schemas++ + " ";
        grammar.rules().forEach((name, rule) -> builder.rule(prefix + name, renamed(rule, prefix)));
        return Expression.sequence(Expression.rule(prefix + grammar.start()), leaf(ignored));
    }

    private static Expression renamed(Expression expression, String prefix) {
        if (expression instanceof Expression.Reference reference) {
            return Expression.rule(prefix + reference.rule());
        }
        if (expression instanceof Expression.Sequence sequence) {
            return new Expression.Sequence(renamed(sequence.parts(), prefix));
        }
        if (expression instanceof Expression.Choice choice) {
            return new Expression.Choice(renamed(choice.options(), prefix));
        }
        if (expression instanceof Expression.Repetition repetition) {
            return Expression.repeat(
                    renamed(repetition.part(), prefix), repetition.min(), repetition.max());
        }
        return expression;
    }

    private static List<Expression> renamed(List<Expression> parts, String prefix) {
        List<Expression> result = new ArrayList<>(parts.size());
        parts.forEach(part -> result.add(renamed(part, prefix)));
        return result;
    }
}
