/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.constraint;

import static io.github.djlmistral.engine.constraint.Expression.UNBOUNDED;

import io.github.djlmistral.engine.internal.constraint.CodePoints;
import io.github.djlmistral.engine.internal.constraint.GrammarText;
import io.github.djlmistral.engine.internal.constraint.Regex;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The reader of grammars in GBNF, llama.cpp's notation.
 *
 * <p>All of it is supported but tokens ({@code <think>}, {@code <[1000]>}), and left recursion
 * besides, which llama.cpp refuses. The start is the rule {@code root}. Example:
 *
 * <pre>{@code
 * root ::= item ("," item){0,9}
 * item ::= [a-z]+ | "(" root ")"   # a comment
 * }</pre>
 */
public final class Gbnf {

    private final GrammarText in;
    private final Map<String, Expression> rules = new LinkedHashMap<>();

    /** The first use of each rule that is referred to. */
    private final Map<String, Integer> uses = new LinkedHashMap<>();

    private int depth;

    private Gbnf(String text) {
        in = new GrammarText(text);
    }

    /**
     * Reads a grammar.
     *
     * @param text the grammar
     * @return the grammar
     * @throws IllegalArgumentException if the grammar is wrong; the message begins with the line
     *     and the column
     */
    public static Grammar parse(String text) {
        return new Gbnf(text).grammar();
    }

    private Grammar grammar() {
        space(true);
        while (!in.atEnd()) {
            rule();
            space(true);
        }
        uses.forEach(
                (name, at) -> {
                    if (!rules.containsKey(name)) {
                        throw in.error(at, "the rule " + name + " is not defined");
                    }
                });
        if (!rules.containsKey("root")) {
            throw in.error("the rule root, where a text begins, is not defined");
        }
        Grammar.Builder builder = Grammar.builder("root");
        rules.forEach(builder::rule);
        return builder.build();
    }

    private void rule() {
        int start = in.position();
        String name = name();
        space(false);
        in.expect("::=");
        space(true);
        if (rules.containsKey(name)) {
            throw in.error(start, "the rule " + name + " is defined twice");
        }
        rules.put(name, alternatives(false));
        if (!in.atLineEnd()) {
            throw in.error("expected the end of the line");
        }
    }

    /**
     * @param nested whether this stands in parentheses, where lines may end anywhere
     */
    private Expression alternatives(boolean nested) {
        List<Expression> options = new ArrayList<>();
        options.add(sequence(nested));
        while (in.take("|")) {
            space(true);
            options.add(sequence(nested));
        }
        return choice(options);
    }

    private Expression sequence(boolean nested) {
        List<Expression> parts = new ArrayList<>();
        while (!in.atEnd() && "|)\r\n".indexOf(in.peek(0)) < 0) {
            Expression part = atom();
            space(nested);
            while (!in.atEnd() && "*+?{".indexOf(in.peek(0)) >= 0) {
                part = repeated(part);
                space(nested);
            }
            parts.add(part);
        }
        return joined(parts);
    }

    private Expression atom() {
        int start = in.position();
        if (isName(in.peek(0))) {
            String name = name();
            uses.putIfAbsent(name, start);
            return Expression.rule(name);
        }
        return switch (in.next()) {
            case '"' -> literal();
            case '[' -> characters(start);
            case '.' -> terminal(CodePoints.ALL);
            case '(' -> {
                if (++depth > GrammarText.DEPTH_LIMIT) {
                    throw in.error(
                            start,
                            "parentheses nest deeper than "
                                    + GrammarText.DEPTH_LIMIT
                                    + ": name the inner parts as rules");
                }
                space(true);
                Expression inner = alternatives(true);
                in.expect(")");
                depth--;
                yield inner;
            }
            case '<', '!' ->
                    throw in.error(
                            start, "tokens (<...>) are not supported; Expression.token names one");
            case '*', '+', '?', '{' ->
                    throw in.error(start, "a repetition without anything before it");
            default -> throw in.error(start, "expected a literal, a class, a rule or a group");
        };
    }

    private Expression literal() {
        List<Expression> parts = new ArrayList<>();
        while (!in.take("\"")) {
            parts.add(terminal(CodePoints.of(character())));
        }
        return joined(parts);
    }

    private Expression characters(int start) {
        boolean negated = in.take("^");
        CodePoints set = CodePoints.NONE;
        while (!in.take("]")) {
            int at = in.position();
            int first = character();
            int last = first;
            if (in.peekIs('-') && in.peek(1) != ']') {
                in.next();
                last = character();
            }
            if (last < first) {
                throw in.error(at, "a range that is not from a character to a later one");
            }
            set = set.union(CodePoints.range(first, last));
        }
        CodePoints result = negated ? set.complement() : set;
        if (result.isEmpty()) {
            throw in.error(start, "a class without characters");
        }
        return terminal(result);
    }

    /** Reads a character of a literal or class. */
    private int character() {
        int start = in.position();
        int c = in.next();
        if (c != '\\') {
            return c;
        }
        int escape = in.next();
        int value =
                switch (escape) {
                    case 'n' -> '\n';
                    case 'r' -> '\r';
                    case 't' -> '\t';
                    case '\\', '"', '[', ']', '-', '^' -> escape;
                    case 'x' -> in.hex(2);
                    case 'u' -> in.hex(4);
                    case 'U' -> in.hex(8);
                    default ->
                            throw in.error(
                                    start, "no escape \\" + Character.toString(escape) + " exists");
                };
        if (value >= 0xD800 && value <= 0xDFFF) {
            throw in.error(start, "half a surrogate pair: write \\U and eight digits");
        }
        return value;
    }

    private Expression repeated(Expression part) {
        int start = in.position();
        return switch (in.next()) {
            case '*' -> repeat(part, 0, UNBOUNDED);
            case '+' -> repeat(part, 1, UNBOUNDED);
            case '?' -> repeat(part, 0, 1);
            default -> {
                space(false);
                int min = in.count();
                int max = min;
                space(false);
                if (in.take(",")) {
                    space(false);
                    max = in.peekIs('}') ? UNBOUNDED : in.count();
                    space(false);
                }
                in.expect("}");
                if (max < min) {
                    throw in.error(start, "a repetition whose least count is above its greatest");
                }
                yield repeat(part, min, max);
            }
        };
    }

    private String name() {
        int start = in.position();
        while (isName(in.peek(0))) {
            in.next();
        }
        if (in.position() == start) {
            throw in.error(
                    in.peekIs('|')
                            ? "a line cannot begin with |: end the line before it with |"
                            : "expected the name of a rule");
        }
        return in.since(start);
    }

    private static boolean isName(char c) {
        return (c >= 'a' && c <= 'z')
                || (c >= 'A' && c <= 'Z')
                || (c >= '0' && c <= '9')
                || c == '-'
                || c == '_';
    }

    private void space(boolean lines) {
        in.space(lines, "#");
    }

    private Expression terminal(CodePoints set) {
        return Expression.regex(new RegularExpression(new Regex.Chars(set)));
    }

    /**
     * Neighbouring terminals become one: {@code "\"" [a-z]{0,64} "\"" ws} is a terminal and a
     * reference, since an automaton costs less than Earley's parser.
     */
    private static Expression joined(List<Expression> parts) {
        List<Expression> result = new ArrayList<>();
        List<RegularExpression> terminals = new ArrayList<>();
        for (Expression part : parts) {
            if (part instanceof Expression.Regex terminal) {
                terminals.add(terminal.regex());
            } else {
                flush(terminals, result);
                result.add(part);
            }
        }
        flush(terminals, result);
        return result.size() == 1 ? result.get(0) : new Expression.Sequence(result);
    }

    private static void flush(List<RegularExpression> terminals, List<Expression> result) {
        if (!terminals.isEmpty()) {
            result.add(Expression.regex(RegularExpression.sequence(terminals)));
            terminals.clear();
        }
    }

    private static Expression choice(List<Expression> options) {
        if (options.size() == 1) {
            return options.get(0);
        }
        List<RegularExpression> terminals = new ArrayList<>();
        for (Expression option : options) {
            if (option instanceof Expression.Regex terminal) {
                terminals.add(terminal.regex());
            }
        }
        return terminals.size() == options.size()
                ? Expression.regex(RegularExpression.anyOf(terminals))
                : new Expression.Choice(options);
    }

    private static Expression repeat(Expression part, int min, int max) {
        return part instanceof Expression.Regex terminal
                ? Expression.regex(terminal.regex().repeat(min, max))
                : Expression.repeat(part, min, max);
    }
}
