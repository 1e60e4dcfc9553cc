/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Arrays.
 *
 * @param prefix the first items
 * @param rest the items behind them
 * @param least the least number of items
 * @param most the greatest, {@link Integer#MAX_VALUE} for no limit
 * @param contains how many items satisfy some schemas
 * @param unique the place of the {@code uniqueItems} that asks for different items, or null
 * @param evaluated the number of first items that {@code unevaluatedItems} leaves alone, {@link
 *     Integer#MAX_VALUE} for all, {@link #SOME} if they are not the first ones
 */
record ArrayShape(
        List<Conjunction> prefix,
        Conjunction rest,
        int least,
        int most,
        List<Contains> contains,
        @Nullable String unique,
        int evaluated) {

    /**
     * How many items satisfy a schema.
     *
     * @param items the schema
     * @param least the least number
     * @param most the greatest, {@link Integer#MAX_VALUE} for no limit
     */
    record Contains(Location items, int least, int most) {}

    /** Evaluated are the items that satisfy a schema, wherever they stand. */
    static final int SOME = -1;

    static final ArrayShape ANY = new ArrayShape(List.of(), Conjunction.ANY, 0, Integer.MAX_VALUE);

    ArrayShape(List<Conjunction> prefix, Conjunction rest, int least, int most) {
        this(prefix, rest, least, most, List.of(), null, 0);
    }

    /** Arrays of which some items satisfy a schema. */
    static ArrayShape contains(Location items, int least, int most) {
        boolean trivial = least == 0 && most == Integer.MAX_VALUE;
        return new ArrayShape(
                List.of(),
                Conjunction.ANY,
                least,
                Integer.MAX_VALUE,
                trivial ? List.of() : List.of(new Contains(items, least, most)),
                null,
                SOME);
    }

    /** Arrays whose items are different. */
    static ArrayShape unique(String pointer) {
        return new ArrayShape(
                List.of(), Conjunction.ANY, 0, Integer.MAX_VALUE, List.of(), pointer, 0);
    }

    Conjunction item(int index) {
        return index < prefix.size() ? prefix.get(index) : rest;
    }

    ArrayShape and(ArrayShape other) {
        List<Conjunction> items = new ArrayList<>();
        for (int i = 0; i < Math.max(prefix.size(), other.prefix.size()); i++) {
            items.add(item(i).and(other.item(i)));
        }
        Set<Contains> both = new LinkedHashSet<>(contains);
        both.addAll(other.contains);
        return new ArrayShape(
                items,
                rest.and(other.rest),
                Math.max(least, other.least),
                Math.min(most, other.most),
                List.copyOf(both),
                unique == null ? other.unique : unique,
                Math.min(evaluated, other.evaluated) == SOME
                        ? Math.max(evaluated, other.evaluated) == Integer.MAX_VALUE
                                ? Integer.MAX_VALUE
                                : SOME
                        : Math.max(evaluated, other.evaluated));
    }

    /** The arrays whose other items than the evaluated ones have a value. */
    ArrayShape withUnevaluated(Conjunction value) {
        if (evaluated == SOME && !value.schemas().isEmpty()) {
            throw new IllegalArgumentException(
                    "unevaluatedItems is not supported beside \"contains\"");
        }
        if (evaluated == Integer.MAX_VALUE) {
            return this;
        }
        List<Conjunction> items = new ArrayList<>();
        for (int i = 0; i < Math.max(prefix.size(), evaluated); i++) {
            items.add(i < evaluated ? item(i) : item(i).and(value));
        }
        return new ArrayShape(
                items, rest.and(value), least, most, contains, unique, Integer.MAX_VALUE);
    }
}
