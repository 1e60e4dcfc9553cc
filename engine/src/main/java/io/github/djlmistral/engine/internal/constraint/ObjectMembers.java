/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import static io.github.djlmistral.engine.constraint.Expression.UNBOUNDED;
import static io.github.djlmistral.engine.constraint.Expression.repeat;
import static io.github.djlmistral.engine.constraint.Expression.sequence;

import io.github.djlmistral.engine.constraint.Expression;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.function.Function;

/**
 * The properties of an object in their order: those known by name, then the others, at last those
 * that must be among the others. A rule stands for an index, the number of properties before it
 * (whether there is one decides on the comma), and what is still missing.
 */
final class ObjectMembers {

    private final SchemaRules rules;
    private final SchemaReader reader;
    private final Function<Conjunction, Expression> values;
    private final ObjectShape object;
    private final String rule;
    private final List<String> names;
    private final List<Expression> pairs = new ArrayList<>();
    private final List<ObjectShape.Names> others;

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
        names.forEach(name -> pairs.add(pair(name, object.value(name))));
        others = restricted(new ObjectShape.Names(Text.ANY, Conjunction.ANY));
        int required = object.required().size();
        least = object.least() <= required ? 0 : object.least();
        counted = Math.max(1, object.most() == Integer.MAX_VALUE ? least : object.most());
    }

    /** The properties not known by name that have one of some names and one of some values. */
    private List<ObjectShape.Names> restricted(ObjectShape.Names some) {
        List<ObjectShape.Names> result = new ArrayList<>();
        Text known = Text.literals(object.properties().keySet());
        for (ObjectShape.Names other : object.others()) {
            Text both = other.names().and(some.names()).minus(known);
            Conjunction value = other.value().and(some.value());
            if (!both.isEmpty() && !new Emptiness(reader).isEmpty(reader.values(value))) {
                result.add(new ObjectShape.Names(both, value));
            }
        }
        return result;
    }

    private Expression pair(String name, Conjunction value) {
        return sequence(SchemaRules.string(name), rules.colon, values.apply(value));
    }

    private Expression anyOf(List<ObjectShape.Names> properties) {
        return new Expression.Choice(
                properties.stream()
                        .map(
                                p ->
                                        sequence(
                                                rules.string(p.names()),
                                                rules.colon,
                                                values.apply(p.value())))
                        .toList());
    }

    /** The members of the object, without braces. */
    Expression members() {
        BitSet missing = new BitSet();
        missing.set(0, object.some().size());
        return from(0, 0, missing);
    }

    /**
     * The properties from an index.
     *
     * @param count how many stand before
     * @param missing of the properties of which there must be some, those that do not
     */
    private Expression from(int index, int count, BitSet missing) {
        String name = rule + " " + index + " " + count + (missing.isEmpty() ? "" : missing);
        return rules.later(
                name,
                () -> index < names.size() ? members(index, count, missing) : rest(count, missing));
    }

    private Expression members(int index, int count, BitSet missing) {
        List<Expression> options = new ArrayList<>();
        if (count < object.most()) {
            addPairs(index, count, missing, 0, object.value(names.get(index)), options);
        }
        if (!object.required().contains(names.get(index))) {
            options.add(from(index + 1, count, missing));
        }
        return new Expression.Choice(options);
    }

    /** Adds the ways of a property to be one of those that are missing, from a bit on. */
    private void addPairs(
            int index,
            int count,
            BitSet missing,
            int bit,
            Conjunction value,
            List<Expression> options) {
        String name = names.get(index);
        int next = missing.nextSetBit(bit);
        if (next < 0) {
            boolean plain = value.equals(object.value(name));
            Expression pair = plain ? pairs.get(index) : pair(name, value);
            Expression tail = from(index + 1, Math.min(count + 1, counted), missing);
            options.add(count == 0 ? sequence(pair, tail) : sequence(rules.comma, pair, tail));
            return;
        }
        addPairs(index, count, missing, next + 1, value, options);
        ObjectShape.Names some = object.some().get(next);
        if (some.names().contains(name)) {
            BitSet fewer = (BitSet) missing.clone();
            fewer.clear(next);
            addPairs(index, count, fewer, next + 1, value.and(some.value()), options);
        }
    }

    private Expression rest(int count, BitSet missing) {
        List<Expression> last = new ArrayList<>();
        for (List<ObjectShape.Names> some : last(missing)) {
            last.add(anyOf(some));
        }
        int few = Math.max(0, least - count);
        int most = object.most() == Integer.MAX_VALUE ? UNBOUNDED : object.most() - count;
        if (most < Math.max(few, last.size())) {
            return new Expression.Choice(List.of());
        }
        if (few > Math.max(1, last.size()) && !others.isEmpty()) {
            // the names could be the same, which a grammar cannot forbid
            throw SchemaDocument.error(
                    place(),
                    "minProperties is supported only up to one more than are required, or"
                            + " without additionalProperties");
        }
        int from = Math.max(0, few - last.size());
        int to = most == UNBOUNDED ? UNBOUNDED : most - last.size();
        Expression other = anyOf(others);
        Expression more = sequence(rules.comma, other);
        if (count > 0) {
            return sequence(repeat(more, from, to), separated(true, last));
        }
        List<Expression> options = new ArrayList<>();
        if (from == 0) {
            options.add(separated(false, last));
        }
        if (to > 0) {
            int upTo = to == UNBOUNDED ? UNBOUNDED : to - 1;
            options.add(
                    sequence(
                            other,
                            repeat(more, Math.max(0, from - 1), upTo),
                            separated(true, last)));
        }
        return new Expression.Choice(options);
    }

    private Expression separated(boolean behind, List<Expression> properties) {
        List<Expression> parts = new ArrayList<>();
        for (Expression property : properties) {
            if (behind || !parts.isEmpty()) {
                parts.add(rules.comma);
            }
            parts.add(property);
        }
        return new Expression.Sequence(parts);
    }

    /**
     * The missing properties, each of which is another one. They stand last, where they count even
     * if a name comes twice.
     */
    private List<List<ObjectShape.Names>> last(BitSet missing) {
        List<ObjectShape.Names> some = new ArrayList<>();
        for (ObjectShape.Names next : missing.stream().mapToObj(object.some()::get).toList()) {
            if (some.stream().noneMatch(one -> implies(one, next))) {
                some.removeIf(one -> implies(next, one));
                some.add(next);
            }
        }
        List<List<ObjectShape.Names>> result = new ArrayList<>();
        for (ObjectShape.Names next : some) {
            List<ObjectShape.Names> properties = restricted(next);
            for (List<ObjectShape.Names> before : result) {
                if (!names(before).and(names(properties)).isEmpty()) {
                    throw SchemaDocument.error(
                            place(),
                            "that several schemas of \"not\", \"if\" or \"oneOf\" ask for other"
                                    + " properties cannot be enforced; name the properties");
                }
            }
            result.add(properties);
        }
        return result;
    }

    /** Whether one of the other properties is such a one, if it is such another one. */
    private boolean implies(ObjectShape.Names one, ObjectShape.Names other) {
        return one.value().schemas().containsAll(other.value().schemas())
                && names(restricted(one)).minus(other.names()).isEmpty();
    }

    private static Text names(List<ObjectShape.Names> properties) {
        return properties.stream().map(ObjectShape.Names::names).reduce(Text.NONE, Text::or);
    }

    private String place() {
        return rule.replaceAll(" .*", "");
    }
}
