/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import static io.github.djlmistral.engine.constraint.Expression.UNBOUNDED;
import static io.github.djlmistral.engine.constraint.Expression.optional;
import static io.github.djlmistral.engine.constraint.Expression.repeat;
import static io.github.djlmistral.engine.constraint.Expression.sequence;

import io.github.djlmistral.engine.constraint.Expression;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/** The properties of an object, in their order; whether one stands before decides on commas. */
final class ObjectMembers {

    private final SchemaRules rules;
    private final SchemaReader reader;
    private final Function<Conjunction, Expression> values;
    private final ObjectShape object;
    private final String rule;
    private final List<String> names;
    private final List<Expression> pairs = new ArrayList<>();
    private final Expression others;

    // to this number properties are counted; above, it does not matter how many there are
    private final int counted;
    private final int least;

    /**
     * Prepares the members of an object.
     *
     * @param values the expression of a value
     * @param rule the beginning of the names of rules
     */
    ObjectMembers(
            SchemaRules rules,
            SchemaReader reader,
            Function<Conjunction, Expression> values,
            ObjectShape object,
            String rule) {
        this.rules = rules;
        this.reader = reader;
        this.values = values;
        this.object = object;
        this.rule = rule;
        names = List.copyOf(object.properties().keySet());
        for (String name : names) {
            pairs.add(
                    sequence(
                            SchemaRules.string(name),
                            rules.colon,
                            values.apply(object.value(name))));
        }
        others = others();
        int required = object.required().size();
        least = object.least() <= required ? 0 : object.least();
        counted = Math.max(1, object.most() == Integer.MAX_VALUE ? least : object.most());
    }

    /** A property that is not known by name. */
    private Expression others() {
        Text known = Text.literals(object.properties().keySet());
        List<Expression> options = new ArrayList<>();
        for (ObjectShape.Names other : object.others()) {
            Text left = other.names().minus(known);
            boolean none =
                    left.isEmpty() || new Emptiness(reader).isEmpty(reader.values(other.value()));
            if (!none) {
                options.add(sequence(rules.string(left), rules.colon, values.apply(other.value())));
            }
        }
        return new Expression.Choice(options);
    }

    /** The members of the object, without braces. */
    Expression members() {
        return from(0, 0);
    }

    /** The properties from an index, of which so many stand before. */
    private Expression from(int index, int count) {
        return rules.later(rule + " " + index + " " + count, () -> members(index, count));
    }

    private Expression members(int index, int count) {
        if (index == names.size()) {
            return rest(count);
        }
        List<Expression> options = new ArrayList<>();
        if (count < object.most()) {
            Expression pair = pairs.get(index);
            Expression tail = from(index + 1, Math.min(count + 1, counted));
            options.add(count == 0 ? sequence(pair, tail) : sequence(rules.comma, pair, tail));
        }
        if (!object.required().contains(names.get(index))) {
            options.add(from(index + 1, count));
        }
        return new Expression.Choice(options);
    }

    private Expression rest(int count) {
        int missing = Math.max(0, least - count);
        int most = object.most() == Integer.MAX_VALUE ? UNBOUNDED : object.most() - count;
        if (most < missing) {
            return new Expression.Choice(List.of());
        }
        if (missing > 1 && !((Expression.Choice) others).options().isEmpty()) {
            // the names could be the same, which a grammar cannot forbid
            throw SchemaDocument.error(
                    rule.replaceAll(" .*", ""),
                    "minProperties is supported only up to one more than are required, or"
                            + " without additionalProperties");
        }
        if (most == 0) {
            return sequence();
        }
        if (count > 0) {
            return repeat(sequence(rules.comma, others), missing, most);
        }
        Expression some =
                sequence(
                        others,
                        repeat(
                                sequence(rules.comma, others),
                                Math.max(0, missing - 1),
                                most == UNBOUNDED ? UNBOUNDED : most - 1));
        return missing == 0 ? optional(some) : some;
    }
}
