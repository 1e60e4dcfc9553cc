/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import io.github.djlmistral.engine.constraint.Expression;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Removes what no text satisfies, such as an optional property whose schema is false, or a
 * recursion without an end: otherwise a constraint would lead into texts that cannot be completed.
 */
final class Productive {

    private final Map<String, Expression> rules;
    private final Set<String> productive = new HashSet<>();

    Productive(Map<String, Expression> rules) {
        this.rules = rules;
        boolean more = true;
        while (more) {
            more = false;
            for (Map.Entry<String, Expression> rule : rules.entrySet()) {
                if (!productive.contains(rule.getKey()) && reduced(rule.getValue()) != null) {
                    productive.add(rule.getKey());
                    more = true;
                }
            }
        }
    }

    /** The rules that some text satisfies, without options that none does. */
    Map<String, Expression> reduced() {
        Map<String, Expression> result = new LinkedHashMap<>();
        rules.forEach(
                (name, expression) -> {
                    Expression reduced = reduced(expression);
                    if (reduced != null) {
                        result.put(name, reduced);
                    }
                });
        return result;
    }

    private @Nullable Expression reduced(Expression expression) {
        if (expression instanceof Expression.Reference reference) {
            return productive.contains(reference.rule()) ? expression : null;
        }
        if (expression instanceof Expression.Sequence sequence) {
            List<Expression> parts = new ArrayList<>();
            for (Expression part : sequence.parts()) {
                Expression reduced = reduced(part);
                if (reduced == null) {
                    return null;
                }
                parts.add(reduced);
            }
            return new Expression.Sequence(parts);
        }
        if (expression instanceof Expression.Choice choice) {
            List<Expression> options = new ArrayList<>();
            for (Expression option : choice.options()) {
                Expression reduced = reduced(option);
                if (reduced != null && !options.contains(reduced)) {
                    options.add(reduced);
                }
            }
            return options.isEmpty()
                    ? null
                    : options.size() == 1 ? options.get(0) : new Expression.Choice(options);
        }
        if (expression instanceof Expression.Repetition repetition) {
            Expression part = reduced(repetition.part());
            if (part == null) {
                return repetition.min() == 0 ? Expression.sequence() : null;
            }
            return new Expression.Repetition(part, repetition.min(), repetition.max());
        }
        return expression;
    }
}
