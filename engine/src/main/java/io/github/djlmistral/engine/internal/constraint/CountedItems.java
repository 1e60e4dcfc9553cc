/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import static io.github.djlmistral.engine.constraint.Expression.sequence;

import io.github.djlmistral.engine.constraint.Expression;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;

/**
 * The items of an array of which some satisfy a schema: a rule for each index and number of such
 * items so far.
 */
final class CountedItems {

    /** Limit on the rules of an array. */
    private static final int MOST = 10_000;

    private final SchemaRules rules;
    private final Function<Conjunction, Expression> values;
    private final ArrayShape array;
    private final String rule;

    /** To this index items are counted; above, it does not matter how many there are. */
    private final int counted;

    CountedItems(
            SchemaRules rules,
            Function<Conjunction, Expression> values,
            ArrayShape array,
            String rule) {
        this.rules = rules;
        this.values = values;
        this.array = array;
        this.rule = rule;
        counted =
                array.most() < Integer.MAX_VALUE
                        ? array.most()
                        : Math.max(
                                Math.max(1, array.least()),
                                Math.max(array.prefix().size(), lastFrom(array)));
        double count = counted + 1.0;
        for (ArrayShape.Contains some : array.contains()) {
            count *= 1.0 + (isLimited(some) ? some.most() : some.least());
        }
        if (count > MOST) {
            throw SchemaDocument.error(
                    array.contains().get(0).items().pointer(),
                    "contains with these limits would take more than "
                            + MOST
                            + " rules: lower maxItems, minContains or maxContains");
        }
    }

    private static int lastFrom(ArrayShape array) {
        return array.contains().stream().mapToInt(ArrayShape.Contains::from).max().orElse(0);
    }

    private static boolean isLimited(ArrayShape.Contains some) {
        return some.most() < Integer.MAX_VALUE;
    }

    /** The items of an array, without brackets. */
    Expression items() {
        return from(0, new int[array.contains().size()]);
    }

    private Expression from(int index, int[] counts) {
        return rules.later(
                rule + " " + index + " " + Arrays.toString(counts), () -> rest(index, counts));
    }

    private Expression rest(int index, int[] counts) {
        List<Expression> options = new ArrayList<>();
        if (index >= array.least() && areEnough(counts)) {
            options.add(sequence());
        }
        if (index < array.most()) {
            addItems(0, array.item(index), index, counts, options);
        }
        return new Expression.Choice(options);
    }

    private boolean areEnough(int[] counts) {
        for (int i = 0; i < counts.length; i++) {
            if (counts[i] < array.contains().get(i).least()) {
                return false;
            }
        }
        return true;
    }

    /** Adds the ways of an item to satisfy the schemas from one on, or not. */
    private void addItems(
            int schema, Conjunction item, int index, int[] counts, List<Expression> options) {
        if (schema == counts.length) {
            Expression value = values.apply(item);
            Expression tail = from(Math.min(index + 1, counted), counts);
            options.add(index == 0 ? sequence(value, tail) : sequence(rules.comma, value, tail));
            return;
        }
        ArrayShape.Contains some = array.contains().get(schema);
        if (index < some.from()) {
            addItems(schema + 1, item, index, counts, options);
            return;
        }
        boolean limited = isLimited(some);
        if (counts[schema] < (limited ? some.most() : some.least())) {
            int[] more = counts.clone();
            more[schema]++;
            addItems(schema + 1, item.and(Conjunction.of(some.items())), index, more, options);
        }
        // below a limit each item counts; otherwise some that satisfy the schema need not
        Conjunction other = limited ? item.and(Conjunction.of(some.items().opposite())) : item;
        addItems(schema + 1, other, index, counts, options);
    }
}
