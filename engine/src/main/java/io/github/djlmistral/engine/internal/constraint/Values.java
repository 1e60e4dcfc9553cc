/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.util.ArrayList;
import java.util.List;

/**
 * A set of JSON values, by type: the union of what is listed. A keyword of JSON Schema restricts
 * one type and lets the others through, so that every keyword is such a set, and a schema is the
 * intersection of its keywords.
 *
 * @param isNull whether null is in the set
 * @param isFalse whether false is in the set
 * @param isTrue whether true is in the set
 * @param numbers ranges of numbers
 * @param strings strings
 * @param arrays arrays
 * @param objects objects
 */
record Values(
        boolean isNull,
        boolean isFalse,
        boolean isTrue,
        List<NumberRange> numbers,
        Text strings,
        List<ArrayShape> arrays,
        List<ObjectShape> objects) {

    /** Limit on alternatives, of which an intersection takes the product. */
    private static final int MOST = 1000;

    static final Values ALL =
            new Values(
                    true,
                    true,
                    true,
                    List.of(NumberRange.ANY),
                    Text.ANY,
                    List.of(ArrayShape.ANY),
                    List.of(ObjectShape.ANY));

    static final Values NONE =
            new Values(false, false, false, List.of(), Text.NONE, List.of(), List.of());

    static final Values NULL =
            new Values(true, false, false, List.of(), Text.NONE, List.of(), List.of());

    static Values bool(boolean value) {
        return new Values(false, !value, value, List.of(), Text.NONE, List.of(), List.of());
    }

    static Values onlyNumbers(NumberRange range) {
        return new Values(false, false, false, List.of(range), Text.NONE, List.of(), List.of());
    }

    static Values onlyStrings(Text strings) {
        return new Values(false, false, false, List.of(), strings, List.of(), List.of());
    }

    static Values onlyArrays(ArrayShape shape) {
        return new Values(false, false, false, List.of(), Text.NONE, List.of(shape), List.of());
    }

    static Values onlyObjects(ObjectShape shape) {
        return new Values(false, false, false, List.of(), Text.NONE, List.of(), List.of(shape));
    }

    /** All values, but of the numbers these. */
    static Values numbersOf(NumberRange range) {
        return new Values(true, true, true, List.of(range), Text.ANY, ALL.arrays, ALL.objects);
    }

    /** All values, but of the strings these. */
    static Values stringsOf(Text strings) {
        return new Values(true, true, true, ALL.numbers, strings, ALL.arrays, ALL.objects);
    }

    /** All values, but of the arrays these. */
    static Values arraysOf(ArrayShape shape) {
        return new Values(true, true, true, ALL.numbers, Text.ANY, List.of(shape), ALL.objects);
    }

    /** All values, but of the objects these. */
    static Values objectsOf(ObjectShape shape) {
        return new Values(true, true, true, ALL.numbers, Text.ANY, ALL.arrays, List.of(shape));
    }

    /** These values, of which the items that no keyword has evaluated are restricted. */
    Values withUnevaluatedItems(Conjunction items) {
        List<ArrayShape> shapes = arrays.stream().map(a -> a.withUnevaluated(items)).toList();
        return new Values(isNull, isFalse, isTrue, numbers, strings, shapes, objects);
    }

    /** The same of the properties of objects. */
    Values withUnevaluatedProperties(Conjunction properties) {
        List<ObjectShape> shapes =
                objects.stream().map(o -> o.withUnevaluated(properties)).toList();
        return new Values(isNull, isFalse, isTrue, numbers, strings, arrays, shapes);
    }

    @SuppressWarnings("ReferenceEquality") // a shortcut for the constant
    Values and(Values other) {
        if (this == ALL) {
            return other;
        }
        if (other == ALL) {
            return this;
        }
        List<NumberRange> ranges = new ArrayList<>();
        List<ArrayShape> lists = new ArrayList<>();
        List<ObjectShape> maps = new ArrayList<>();
        for (NumberRange left : numbers) {
            for (NumberRange right : other.numbers) {
                NumberRange both = left.and(right);
                if (!both.isEmpty() && !ranges.contains(both)) {
                    ranges.add(both);
                }
            }
        }
        for (ArrayShape left : arrays) {
            for (ArrayShape right : other.arrays) {
                ArrayShape both = left.and(right);
                if (both.least() <= both.most()) {
                    lists.add(both);
                }
            }
        }
        for (ObjectShape left : objects) {
            for (ObjectShape right : other.objects) {
                ObjectShape both = left.and(right);
                if (!both.isAbsurd() && !maps.contains(both)) {
                    maps.add(both);
                }
            }
        }
        return limited(
                new Values(
                        isNull && other.isNull,
                        isFalse && other.isFalse,
                        isTrue && other.isTrue,
                        ranges,
                        strings.and(other.strings),
                        lists,
                        maps));
    }

    Values or(Values other) {
        return limited(
                new Values(
                        isNull || other.isNull,
                        isFalse || other.isFalse,
                        isTrue || other.isTrue,
                        join(numbers, other.numbers),
                        strings.or(other.strings),
                        join(arrays, other.arrays),
                        join(objects, other.objects)));
    }

    private static <T> List<T> join(List<T> left, List<T> right) {
        List<T> all = new ArrayList<>(left);
        for (T element : right) {
            if (!all.contains(element)) {
                all.add(element);
            }
        }
        return all;
    }

    private static Values limited(Values values) {
        int count = Math.max(values.arrays.size(), values.objects.size());
        if (Math.max(count, values.numbers.size()) > MOST) {
            throw new IllegalArgumentException(
                    "its alternatives multiply to more than " + MOST + " in allOf or anyOf");
        }
        return values;
    }
}
