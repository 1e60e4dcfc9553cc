/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import io.github.djlmistral.engine.constraint.Expression;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiConsumer;
import org.jspecify.annotations.Nullable;

/**
 * The grammar of an automaton over digits, points and signs. Where the only loops are at single
 * states this is one regular expression; else, for multiples of a number, a rule for each state.
 */
final class AutomatonRules {

    private static final int LONGEST_PATTERN = 4000;

    private final Automaton automaton;
    private final String name;
    private final BiConsumer<String, Expression> rules;
    private final Map<Integer, String> patterns = new HashMap<>();
    private final Set<Integer> open = new HashSet<>();

    AutomatonRules(Automaton automaton, String name, BiConsumer<String, Expression> rules) {
        this.automaton = automaton;
        this.name = name;
        this.rules = rules;
    }

    Expression expression() {
        if (automaton.isEmpty()) {
            return new Expression.Choice(List.of());
        }
        String pattern = pattern();
        if (pattern != null) {
            return Expression.regex(pattern);
        }
        for (int i = 0; i < automaton.states(); i++) {
            List<Expression> options = new ArrayList<>();
            if (automaton.accepting(i)) {
                options.add(Expression.sequence());
            }
            automaton
                    .transitions(i)
                    .forEach(
                            (to, set) ->
                                    options.add(
                                            Expression.sequence(
                                                    Expression.regex(characters(set)), state(to))));
            rules.accept(name + " " + i, new Expression.Choice(options));
        }
        return state(0);
    }

    private Expression state(int state) {
        return Expression.rule(name + " " + state);
    }

    /** The automaton as a regular expression, or null if that is too long or it has long loops. */
    @Nullable String pattern() {
        return pattern(0);
    }

    private @Nullable String pattern(int state) {
        String known = patterns.get(state);
        if (known != null) {
            return known;
        }
        if (!open.add(state)) {
            return null;
        }
        String loop = "";
        List<String> options = new ArrayList<>();
        for (Map.Entry<Integer, CodePoints> transition : automaton.transitions(state).entrySet()) {
            if (transition.getKey() == state) {
                loop = characters(transition.getValue()) + "*";
                continue;
            }
            String rest = pattern(transition.getKey());
            if (rest == null) {
                return null;
            }
            options.add(characters(transition.getValue()) + rest);
        }
        String all = options.isEmpty() ? "" : "(" + String.join("|", options) + ")";
        String pattern = loop + all + (automaton.accepting(state) && !all.isEmpty() ? "?" : "");
        if (pattern.length() > LONGEST_PATTERN) {
            return null;
        }
        patterns.put(state, pattern);
        return pattern;
    }

    private static String characters(CodePoints set) {
        StringBuilder all = new StringBuilder("[");
        int[] ranges = set.ranges();
        for (int i = 0; i < ranges.length; i += 2) {
            all.append(escaped(ranges[i]));
            if (ranges[i + 1] > ranges[i]) {
                all.append('-').append(escaped(ranges[i + 1]));
            }
        }
        return all.append(']').toString();
    }

    private static String escaped(int c) {
        return c == '-' ? "\\-" : Character.toString(c);
    }
}
