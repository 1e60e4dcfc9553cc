/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;

/**
 * All values that are not in a set, for {@code not}, {@code if}, {@code oneOf} and {@code
 * maxContains}.
 */
final class Complement {

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
        Values all = Values.ALL;
        for (NumberRange range : values.numbers()) {
            result = result.and(ofTypes(numbers(range), all.arrays(), all.objects()));
        }
        for (ArrayShape array : values.arrays()) {
            result = result.and(ofTypes(all.numbers(), arrays(array), all.objects()));
        }
        for (ObjectShape object : values.objects()) {
            result = result.and(ofTypes(all.numbers(), all.arrays(), objects(object)));
        }
        return result;
    }

    private static Values ofTypes(
            List<NumberRange> numbers, List<ArrayShape> arrays, List<ObjectShape> objects) {
        return new Values(true, true, true, numbers, Text.ANY, arrays, objects);
    }

    private static List<NumberRange> numbers(NumberRange range) {
        BigDecimal least = range.least();
        BigDecimal most = range.most();
        List<NumberRange> others = new ArrayList<>();
        if (least != null) {
            others.add(NumberRange.most(least, !range.leastOpen()));
        }
        if (most != null) {
            others.add(NumberRange.least(most, !range.mostOpen()));
        }
        if (range.multiple() != null && !range.isSingle()) {
            others.add(NumberRange.notMultipleOf(range.multiple()));
        }
        range.notMultiples().forEach(n -> others.add(NumberRange.multipleOf(n)));
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
        int named = array.prefix().size();
        if (array.rest().isNone()) {
            others.add(ArrayShape.count(named + 1, Integer.MAX_VALUE));
        } else if (array.most() > named) {
            for (Location schema : array.rest().schemas()) {
                others.add(ArrayShape.contains(schema.opposite(), named, 1, Integer.MAX_VALUE));
            }
        }
        if (array.unique() != null) {
            throw SchemaDocument.error(
                    array.unique(),
                    "the keyword cannot be enforced within \"not\", \"if\", \"oneOf\" or"
                            + " \"maxContains\", which need its opposite");
        }
        for (ArrayShape.Contains some : array.contains()) {
            if (some.least() > 0) {
                others.add(ArrayShape.contains(some.items(), some.from(), 0, some.least() - 1));
            }
            if (some.most() < Integer.MAX_VALUE) {
                others.add(
                        ArrayShape.contains(
                                some.items(), some.from(), some.most() + 1, Integer.MAX_VALUE));
            }
        }
        if (array.least() > 0) {
            others.add(ArrayShape.count(0, array.least() - 1));
        }
        if (array.most() < Integer.MAX_VALUE) {
            others.add(ArrayShape.count(array.most() + 1, Integer.MAX_VALUE));
        }
        return others;
    }

    private static List<ObjectShape> objects(ObjectShape object) {
        List<ObjectShape> others = new ArrayList<>();
        object.properties()
                .forEach(
                        (name, value) -> {
                            for (Location schema : value.schemas()) {
                                Conjunction opposite = Conjunction.of(schema.opposite());
                                others.add(ObjectShape.property(name, opposite, true));
                            }
                        });
        for (String name : object.required()) {
            others.add(ObjectShape.absent(name));
        }
        for (ObjectShape.Names other : object.others()) {
            if (!other.value().schemas().isEmpty()) {
                others.add(object.withSome(other.names(), other.value().opposite()));
            }
        }
        for (ObjectShape.Names some : object.some()) {
            others.add(ObjectShape.all(some.names(), some.value().opposite()));
        }
        if (object.least() > 0) {
            others.add(ObjectShape.count(0, object.least() - 1));
        }
        if (object.most() < Integer.MAX_VALUE) {
            others.add(ObjectShape.count(object.most() + 1, Integer.MAX_VALUE));
        }
        return others;
    }
}
