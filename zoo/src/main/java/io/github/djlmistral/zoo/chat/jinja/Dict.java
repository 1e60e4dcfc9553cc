/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A Python dict: insertion order, and keys that are equal as Python compares them. */
final class Dict {

    /** A key as it was inserted first, and its value. */
    record Entry(Object key, Object value) {}

    private final Map<Object, Entry> entries = new LinkedHashMap<>();

    static Dict of(Budget budget, Collection<Entry> entries) {
        budget.items(entries.size());
        Dict dict = new Dict();
        for (Entry e : entries) {
            dict.put(budget, e.key(), e.value());
        }
        return dict;
    }

    void put(Budget budget, Object key, Object value) {
        budget.items(2);
        Object hashed = hashed(budget, key);
        Entry old = entries.get(hashed);
        entries.put(hashed, new Entry(old == null ? key : old.key(), value));
    }

    @Nullable Object get(Budget budget, Object key) {
        Entry entry = entries.get(hashed(budget, key));
        return entry == null ? null : entry.value();
    }

    boolean contains(Budget budget, Object key) {
        return entries.containsKey(hashed(budget, key));
    }

    int size() {
        return entries.size();
    }

    Collection<Entry> entries() {
        return entries.values();
    }

    List<Object> keys(Budget budget) {
        budget.items(size());
        List<Object> keys = new ArrayList<>(size());
        for (Entry e : entries.values()) {
            keys.add(e.key());
        }
        return keys;
    }

    List<Object> values(Budget budget) {
        budget.items(size());
        List<Object> values = new ArrayList<>(size());
        for (Entry e : entries.values()) {
            values.add(e.value());
        }
        return values;
    }

    List<Object> pairs(Budget budget) {
        budget.items(4L * size());
        List<Object> pairs = new ArrayList<>(size());
        for (Entry e : entries.values()) {
            pairs.add(Tuple.of(e.key(), e.value()));
        }
        return pairs;
    }

    /**
     * Returns an object whose {@code equals} is Python's equality: 1, 1.0 and True are one key.
     *
     * @throws PyError if the key is unhashable
     */
    static Object hashed(Budget budget, Object key) {
        if (key instanceof Boolean b) {
            return b ? 1L : 0L;
        }
        if (key instanceof Double d) {
            if (d == Math.rint(d) && !Double.isInfinite(d)) {
                return Math.abs(d) < 1e18
                        ? (Object) (long) (double) d
                        : new java.math.BigDecimal(d).toBigInteger();
            }
            return d;
        }
        if (key instanceof Tuple tuple) {
            budget.enter();
            budget.items(tuple.items().size());
            List<Object> items = new ArrayList<>(tuple.items().size());
            for (Object item : tuple.items()) {
                items.add(hashed(budget, item));
            }
            budget.leave();
            return new Tuple(items);
        }
        if (key instanceof Str s) {
            budget.work(s.text().length() >> 2);
            return key;
        }
        if (key instanceof List || key instanceof Dict || key instanceof DictView) {
            throw PyError.type("unhashable type: '" + Types.name(key) + "'");
        }
        if (key instanceof Long || key instanceof BigInteger) {
            return key;
        }
        return key;
    }
}
