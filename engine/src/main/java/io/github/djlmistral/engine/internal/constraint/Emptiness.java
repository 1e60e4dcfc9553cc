/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

/**
 * Proves that sets of values are empty. True is a proof; false is none, for arrays and objects that
 * nest deeper than is looked at.
 */
final class Emptiness {

    private static final int DEEPEST = 6;

    private final SchemaReader reader;

    Emptiness(SchemaReader reader) {
        this.reader = reader;
    }

    boolean isEmpty(Values values) {
        return isEmpty(values, DEEPEST);
    }

    private boolean isEmpty(Values values, int depth) {
        return !values.isNull()
                && !values.isFalse()
                && !values.isTrue()
                && values.numbers().stream().allMatch(NumberRange::isEmpty)
                && values.strings().isEmpty()
                && values.arrays().stream().allMatch(array -> isEmpty(array, depth))
                && values.objects().stream().allMatch(object -> isEmpty(object, depth));
    }

    private boolean isEmpty(Conjunction conjunction, int depth) {
        return depth > 0 && isEmpty(reader.values(conjunction), depth - 1);
    }

    private boolean isEmpty(ArrayShape array, int depth) {
        if (array.least() > array.most()) {
            return true;
        }
        for (ArrayShape.Contains some : array.contains()) {
            Conjunction item = array.rest().and(Conjunction.of(some.items()));
            boolean behind = array.prefix().size() <= some.from();
            if (some.least() > some.most()
                    || (some.least() > 0 && behind && isEmpty(item, depth))) {
                return true;
            }
        }
        int named = Math.min(array.least(), array.prefix().size());
        for (int i = 0; i < named; i++) {
            if (isEmpty(array.item(i), depth)) {
                return true;
            }
        }
        return array.least() > named && isEmpty(array.rest(), depth);
    }

    private boolean isEmpty(ObjectShape object, int depth) {
        return object.least() > object.most()
                || object.required().size() > object.most()
                || object.required().stream().anyMatch(name -> isEmpty(object.value(name), depth))
                || object.some().stream().anyMatch(some -> isMissing(object, some, depth));
    }

    private boolean isMissing(ObjectShape object, ObjectShape.Names some, int depth) {
        Text known = Text.literals(object.properties().keySet());
        return object.properties().entrySet().stream()
                        .allMatch(
                                p ->
                                        !some.names().contains(p.getKey())
                                                || isEmpty(p.getValue().and(some.value()), depth))
                && object.others().stream()
                        .allMatch(
                                other ->
                                        isEmpty(other.value().and(some.value()), depth)
                                                || other.names()
                                                        .and(some.names())
                                                        .minus(known)
                                                        .isEmpty());
    }
}
