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
 * @param evaluated the items that {@code unevaluatedItems} leaves alone
 */
record ArrayShape(
        List<Conjunction> prefix,
        Conjunction rest,
        int least,
        int most,
        List<Contains> contains,
        @Nullable String unique,
        Evaluated evaluated) {

    /**
     * How many items satisfy a schema.
     *
     * @param items the schema
     * @param from the index of the first item that counts
     * @param least the least number
     * @param most the greatest, {@link Integer#MAX_VALUE} for no limit
     */
    record Contains(Location items, int from, int least, int most) {}

    /**
     * Items that keywords have evaluated.
     *
     * @param first how many items from the first on, {@link Integer#MAX_VALUE} for all
     * @param matching schemas of which an item that satisfies one is evaluated, too
     */
    record Evaluated(int first, Set<Location> matching) {

        static final Evaluated NONE = new Evaluated(0, Set.of());
        static final Evaluated ALL = new Evaluated(Integer.MAX_VALUE, Set.of());

        Evaluated or(Evaluated other) {
            Set<Location> both = new LinkedHashSet<>(matching);
            both.addAll(other.matching);
            return new Evaluated(Math.max(first, other.first), both);
        }
    }

    static final ArrayShape ANY = new ArrayShape(List.of(), Conjunction.ANY, 0, Integer.MAX_VALUE);

    ArrayShape(List<Conjunction> prefix, Conjunction rest, int least, int most) {
        this(prefix, rest, least, most, List.of(), null, Evaluated.NONE);
    }

    /** Arrays with some number of items. */
    static ArrayShape count(int least, int most) {
        return new ArrayShape(List.of(), Conjunction.ANY, least, most);
    }

    /** Arrays of which some items, from an index on, satisfy a schema. */
    static ArrayShape contains(Location items, int from, int least, int most) {
        boolean trivial = least == 0 && most == Integer.MAX_VALUE;
        return new ArrayShape(
                List.of(),
                Conjunction.ANY,
                least == 0 ? 0 : from + least,
                Integer.MAX_VALUE,
                trivial ? List.of() : List.of(new Contains(items, from, least, most)),
                null,
                Evaluated.NONE);
    }

    /** These arrays, of which a keyword has evaluated some items. */
    ArrayShape evaluating(Evaluated items) {
        return new ArrayShape(prefix, rest, least, most, contains, unique, items);
    }

    /** Arrays whose items are different. */
    static ArrayShape unique(String pointer) {
        return new ArrayShape(
                List.of(),
                Conjunction.ANY,
                0,
                Integer.MAX_VALUE,
                List.of(),
                pointer,
                Evaluated.NONE);
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
                evaluated.or(other.evaluated));
    }

    /** The arrays whose other items than the evaluated ones have a value. */
    ArrayShape withUnevaluated(Conjunction value) {
        if (evaluated.first() == Integer.MAX_VALUE) {
            return this;
        }
        List<Location> allowed = new ArrayList<>(evaluated.matching());
        allowed.addAll(value.schemas());
        Conjunction other =
                value.schemas().isEmpty() ? value : Conjunction.of(Location.anyOf(allowed));
        List<Conjunction> items = new ArrayList<>();
        for (int i = 0; i < Math.max(prefix.size(), evaluated.first()); i++) {
            items.add(i < evaluated.first() ? item(i) : item(i).and(other));
        }
        return new ArrayShape(items, rest.and(other), least, most, contains, unique, Evaluated.ALL);
    }
}
