/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import static io.github.djlmistral.engine.constraint.Expression.literal;
import static io.github.djlmistral.engine.constraint.Expression.regex;
import static io.github.djlmistral.engine.constraint.Expression.rule;
import static io.github.djlmistral.engine.constraint.Expression.sequence;

import io.github.djlmistral.engine.constraint.Expression;
import io.github.djlmistral.engine.constraint.RegularExpression;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.function.Supplier;

/**
 * The rules of a grammar of JSON texts as they are written, and what is written alike everywhere:
 * punctuation, numbers and strings.
 *
 * <p>Names of properties and strings of {@code enum} and {@code const} are written in one way, with
 * the short escapes; other strings in all ways of JSON.
 */
final class SchemaRules {

    private final Function<Regex, RegularExpression> terminals;
    private final String space;

    // separators with the white space around them
    final Expression comma;
    final Expression colon;

    private final Map<String, Expression> rules = new LinkedHashMap<>();
    private final Deque<Runnable> pending = new ArrayDeque<>();
    private final Map<NumberRange, Expression> numbers = new HashMap<>();

    /**
     * Starts without rules.
     *
     * @param terminals makes terminals
     * @param whitespace the longest white space between two tokens of JSON
     * @param spaced whether one space stands behind each comma and colon
     */
    SchemaRules(Function<Regex, RegularExpression> terminals, int whitespace, boolean spaced) {
        this.terminals = terminals;
        space = whitespace == 0 ? "" : "[ \\n\\r\\t]{0," + whitespace + "}";
        String behind = spaced ? " " : space;
        comma = punctuation(space + "," + behind);
        colon = punctuation(space + ":" + behind);
    }

    private static Expression punctuation(String pattern) {
        return pattern.length() == 1 ? literal(pattern) : regex(pattern);
    }

    /** A reference to a rule, whose right side is written once, by {@link #finish}. */
    Expression later(String name, Supplier<Expression> expression) {
        if (!rules.containsKey(name)) {
            rules.put(name, new Expression.Choice(List.of()));
            pending.add(() -> rules.put(name, expression.get()));
        }
        return rule(name);
    }

    /** Writes all rules that are referred to. */
    Map<String, Expression> finish() {
        while (!pending.isEmpty()) {
            pending.remove().run();
        }
        return rules;
    }

    Expression emptyArray() {
        return punctuation("\\[" + space + "\\]");
    }

    Expression inBrackets(Expression items) {
        return sequence(punctuation("\\[" + space), items, punctuation(space + "\\]"));
    }

    Expression inBraces(Expression members) {
        return sequence(punctuation("\\{" + space), members, punctuation(space + "\\}"));
    }

    Expression number(NumberRange range) {
        return numbers.computeIfAbsent(range, this::newNumber);
    }

    private Expression newNumber(NumberRange range) {
        return range.isAny()
                ? regex(NumberRange.ANY_PATTERN)
                : new AutomatonRules(range.automaton(), "number " + numbers.size(), rules::put)
                        .expression();
    }

    Expression string(Text strings) {
        Set<String> literals = strings.literals();
        if (literals == null) {
            return regex(terminals.apply(JsonStrings.quoted(strings.regex())));
        }
        List<Expression> options = new ArrayList<>();
        literals.forEach(text -> options.add(string(text)));
        return new Expression.Choice(options);
    }

    /** A JSON string with the short escapes where there are some, and others only if needed. */
    static Expression string(String text) {
        StringBuilder json = new StringBuilder("\"");
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            int escape = "\"\\\b\f\n\r\t".indexOf(c);
            if (escape >= 0) {
                json.append('\\').append("\"\\bfnrt".charAt(escape));
            } else if (c < ' ') {
                json.append("\\u00").append(c < 0x10 ? "0" : "").append(Integer.toHexString(c));
            } else {
                json.append(c);
            }
        }
        return literal(json.append('"').toString());
    }
}
