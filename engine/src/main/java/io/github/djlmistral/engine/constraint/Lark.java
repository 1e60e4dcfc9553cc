/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.constraint;

import static java.lang.Integer.MAX_VALUE;

import io.github.djlmistral.engine.internal.constraint.GrammarText;
import io.github.djlmistral.engine.internal.constraint.LarkCommon;
import io.github.djlmistral.engine.internal.constraint.LarkNode;
import io.github.djlmistral.engine.internal.constraint.LarkParser;
import io.github.djlmistral.engine.internal.constraint.Regex;
import io.github.djlmistral.engine.internal.constraint.RegexParser;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The reader of grammars in the notation of the parser generator Lark, as llguidance takes it:
 * rules in lower case, terminals in upper case. The start is the rule {@code start}. Example:
 *
 * <pre>{@code
 * start: "sum of " expr | call
 * expr: NUMBER | expr ("+" | "-") expr
 * call: /[a-z]+/i "(" expr ~ 1..3 ")" %json {"type": "object"}
 * NUMBER: INT & ~"0"
 * %import common.INT
 * %ignore / /
 * }</pre>
 *
 * <p>Supported are strings and ranges of characters, regular expressions ({@link
 * RegularExpression}; flags i, s, u), {@code | ? * + ~n ~n..m {n,m} [x]}, {@code &} and {@code ~}
 * in terminals, {@code %ignore}, {@code %import common}, {@code %json}, and the attributes {@code
 * lazy} and {@code suffix}. Refused by name are tokens ({@code <think>}), templates, priorities,
 * other attributes and other directives.
 *
 * <p>There is no lexer that takes the longest match: a text may be split into terminals in any way.
 * What is ignored may stand any number of times before, between and behind terminals, but with at
 * most as many white space characters in a row as {@link JsonSchema#FLEXIBLE} allows, so that a
 * model cannot write them without an end; so it is in a {@code %json}.
 */
public final class Lark {

    private final LarkParser parser;
    private final Grammar.Builder builder = Grammar.builder("");
    private final Map<String, Regex> terminals = new HashMap<>();
    private final Set<String> open = new HashSet<>();
    private Regex ignored = Regex.EMPTY;
    private int schemas;

    private Lark(String text) {
        parser = new LarkParser(text);
    }

    /**
     * Reads a grammar.
     *
     * @param text the grammar
     * @return the grammar
     * @throws IllegalArgumentException if the grammar is wrong or has what is not supported; the
     *     message begins with the line and the column
     */
    public static Grammar parse(String text) {
        return new Lark(text).grammar();
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
                                    "[\\s\\S]*\\s{"
                                            + (JsonSchema.FLEXIBLE.whitespace() + 1)
                                            + "}[\\s\\S]*"));
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
        return new Regex.Difference(
                regex, new Regex.Concat(List.of(regex, Regex.CHARACTER, Regex.ANY)));
    }

    private Expression leaf(Regex regex) {
        return Expression.regex(new RegularExpression(regex));
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
            return new Regex.Difference(Regex.ANY, regex(not.part()));
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
            grammar = JsonSchema.FLEXIBLE.grammar(json.schema());
        } catch (IllegalArgumentException e) {
            throw parser.in.error(json.position(), "%json: " + e.getMessage());
        }
        Expression start = builder.include("%json " + schemas++ + " ", grammar);
        return Expression.sequence(start, leaf(ignored));
    }
}
