/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import static io.github.djlmistral.engine.constraint.Expression.literal;
import static io.github.djlmistral.engine.constraint.Expression.sequence;

import io.github.djlmistral.engine.constraint.Expression;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The items of an array that are all different and from few values: a rule for each selection. */
final class UniqueItems {

    /** Limit on the values, of which every selection is a rule. */
    private static final int MOST = 12;

    private final SchemaRules rules;
    private final SchemaReader reader;
    private final ArrayShape array;
    private final String rule;

    /** The values, by what is equal for them. */
    private final Map<String, Expression> values = new LinkedHashMap<>();

    UniqueItems(SchemaRules rules, SchemaReader reader, ArrayShape array, String rule) {
        this.rules = rules;
        this.reader = reader;
        this.array = array;
        this.rule = rule;
    }

    /** The items of an array, without brackets. */
    Expression items() {
        for (int index = 0; index <= array.prefix().size() && index < array.most(); index++) {
            values.putAll(values(index));
            if (values.size() > MOST) {
                throw unsupported("of at most " + MOST + " values");
            }
        }
        return from(0, 0);
    }

    /** The values of an item. */
    private Map<String, Expression> values(int index) {
        Values all = reader.values(array.item(index));
        Set<String> strings = all.strings().literals();
        boolean few =
                (strings != null || all.strings().isEmpty())
                        && all.arrays().isEmpty()
                        && all.objects().isEmpty()
                        && all.numbers().stream().allMatch(n -> n.isEmpty() || n.isSingle());
        if (!few) {
            throw unsupported("from a list of values without arrays and objects");
        }
        Map<String, Expression> found = new LinkedHashMap<>();
        if (all.isNull()) {
            found.put("null", literal("null"));
        }
        if (all.isTrue()) {
            found.put("true", literal("true"));
        }
        if (all.isFalse()) {
            found.put("false", literal("false"));
        }
        if (strings != null) {
            strings.forEach(text -> found.put('"' + text, SchemaRules.string(text)));
        }
        for (NumberRange number : all.numbers()) {
            if (!number.isEmpty()) {
                String key = number.single().stripTrailingZeros().toPlainString();
                found.put(key, rules.number(number));
            }
        }
        return found;
    }

    private SchemaException unsupported(String items) {
        return SchemaDocument.error(
                String.valueOf(array.unique()),
                "the keyword can only be enforced for items "
                        + items
                        + ": give an enum, or remove it");
    }

    private Expression from(int index, int used) {
        return rules.later(rule + " unique " + used, () -> rest(index, used));
    }

    private Expression rest(int index, int used) {
        List<Expression> options = new ArrayList<>();
        if (index >= array.least()) {
            options.add(sequence());
        }
        List<String> keys = List.copyOf(values.keySet());
        Map<String, Expression> here = index < array.most() ? values(index) : Map.of();
        for (Map.Entry<String, Expression> value : here.entrySet()) {
            int bit = 1 << keys.indexOf(value.getKey());
            if ((used & bit) == 0) {
                Expression tail = from(index + 1, used | bit);
                options.add(
                        index == 0
                                ? sequence(value.getValue(), tail)
                                : sequence(rules.comma, value.getValue(), tail));
            }
        }
        return new Expression.Choice(options);
    }
}
