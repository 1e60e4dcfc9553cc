/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * All values that are not in a set, for {@code not}, {@code if} and {@code oneOf}. What needs that
 * some item or property exists, wherever it may stand, cannot be written as a grammar.
 */
final class Complement {

    private static final String IMPOSSIBLE =
            "its opposite, which \"not\", \"if\", \"oneOf\" or \"maxContains\" needs, cannot be enforced: ";

    private Complement() {}

    static Values of(Values values) {
        Values result =
                new Values(
                        !values.isNull(),
                        !values.isFalse(),
                        !values.isTrue(),
                        Values.ALL.numbers(),
                        Text.ANY.minus(values.strings()),
                        Values.ALL.arrays(),
                        Values.ALL.objects());
        for (NumberRange range : values.numbers()) {
            Values others = Values.NONE;
            for (NumberRange other : numbers(range)) {
                others = others.or(Values.numbersOf(other));
            }
            result = result.and(otherwise(others, Values.ALL, 0));
        }
        for (ArrayShape array : values.arrays()) {
            Values others = Values.NONE;
            for (ArrayShape other : arrays(array)) {
                others = others.or(Values.arraysOf(other));
            }
            result = result.and(otherwise(others, Values.ALL, 1));
        }
        for (ObjectShape object : values.objects()) {
            Values others = Values.NONE;
            for (ObjectShape other : objects(object)) {
                others = others.or(Values.objectsOf(other));
            }
            result = result.and(otherwise(others, Values.ALL, 2));
        }
        return result;
    }

    /** Values of one type, where there may be none, and all of the other types. */
    private static Values otherwise(Values some, Values all, int type) {
        return new Values(
                true,
                true,
                true,
                type == 0 ? some.numbers() : all.numbers(),
                Text.ANY,
                type == 1 ? some.arrays() : all.arrays(),
                type == 2 ? some.objects() : all.objects());
    }

    private static List<NumberRange> numbers(NumberRange range) {
        BigDecimal least = range.least();
        BigDecimal most = range.most();
        if (range.multiple() != null && !range.isSingle()) {
            throw new IllegalArgumentException(
                    IMPOSSIBLE + "numbers that are not multiples of " + range.multiple());
        }
        List<NumberRange> others = new ArrayList<>();
        if (least != null) {
            others.add(NumberRange.most(least, !range.leastOpen()));
        }
        if (most != null) {
            others.add(NumberRange.least(most, !range.mostOpen()));
        }
        return others;
    }

    private static List<ArrayShape> arrays(ArrayShape array) {
        List<ArrayShape> others = new ArrayList<>();
        for (int i = 0; i < array.prefix().size(); i++) {
            for (Location schema : array.prefix().get(i).schemas()) {
                List<Conjunction> items = new ArrayList<>(Collections.nCopies(i, Conjunction.ANY));
                items.add(Conjunction.of(schema.opposite()));
                others.add(new ArrayShape(items, Conjunction.ANY, i + 1, Integer.MAX_VALUE));
            }
        }
        if (array.most() > array.prefix().size() && !array.rest().schemas().isEmpty()) {
            if (!array.prefix().isEmpty()) {
                throw new IllegalArgumentException(IMPOSSIBLE + "an array with some other item");
            }
            for (Location schema : array.rest().schemas()) {
                others.add(ArrayShape.contains(schema.opposite(), 1, Integer.MAX_VALUE));
            }
        }
        if (array.unique() != null) {
            throw new IllegalArgumentException(IMPOSSIBLE + "an array with equal items");
        }
        for (ArrayShape.Contains some : array.contains()) {
            if (some.least() > 0) {
                others.add(ArrayShape.contains(some.items(), 0, some.least() - 1));
            }
            if (some.most() < Integer.MAX_VALUE) {
                others.add(ArrayShape.contains(some.items(), some.most() + 1, Integer.MAX_VALUE));
            }
        }
        if (array.least() > 0) {
            others.add(new ArrayShape(List.of(), Conjunction.ANY, 0, array.least() - 1));
        }
        if (array.most() < Integer.MAX_VALUE) {
            others.add(
                    new ArrayShape(
                            List.of(), Conjunction.ANY, array.most() + 1, Integer.MAX_VALUE));
        }
        return others;
    }

    private static List<ObjectShape> objects(ObjectShape object) {
        for (ObjectShape.Names other : object.others()) {
            if (!other.value().schemas().isEmpty()) {
                throw new IllegalArgumentException(IMPOSSIBLE + "an object with some property");
            }
        }
        List<ObjectShape> others = new ArrayList<>();
        object.properties()
                .forEach(
                        (name, value) -> {
                            for (Location schema : value.schemas()) {
                                Conjunction opposite = Conjunction.of(schema.opposite());
                                others.add(property(name, opposite, true));
                            }
                        });
        for (String name : object.required()) {
            others.add(absent(name));
        }
        ObjectShape any = ObjectShape.ANY;
        if (object.least() > 0) {
            others.add(new ObjectShape(Map.of(), Set.of(), any.others(), 0, object.least() - 1));
        }
        if (object.most() < Integer.MAX_VALUE) {
            others.add(
                    new ObjectShape(
                            Map.of(),
                            Set.of(),
                            any.others(),
                            object.most() + 1,
                            Integer.MAX_VALUE));
        }
        return others;
    }

    /** Objects without a property. */
    static ObjectShape absent(String name) {
        return property(name, Conjunction.NONE, false);
    }

    /** Objects whose property, if they have it, has one of some values. */
    static ObjectShape property(String name, Conjunction value, boolean required) {
        Map<String, Conjunction> properties = new LinkedHashMap<>();
        properties.put(name, value);
        return new ObjectShape(
                properties,
                required ? Set.of(name) : Set.of(),
                ObjectShape.ANY.others(),
                0,
                Integer.MAX_VALUE);
    }
}
