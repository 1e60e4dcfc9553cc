/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiConsumer;

/** Set of disjoint byte ranges of a file. Not thread-safe. */
final class ByteRanges {

    /** End (exclusive) of each range by its begin. */
    private final TreeMap<Long, Long> ends = new TreeMap<>();

    private long total;

    /** Returns the number of bytes in all ranges. */
    long total() {
        return total;
    }

    /**
     * Adds the range [from, to).
     *
     * @return how many of its bytes were not in the set
     */
    long add(long from, long to) {
        if (from >= to) {
            return 0;
        }
        long before = total;
        long start = from;
        long end = to;
        Map.Entry<Long, Long> left = ends.floorEntry(start);
        if (left != null && left.getValue() >= start) {
            start = left.getKey();
            end = Math.max(end, left.getValue());
        }
        for (Map.Entry<Long, Long> next = ends.ceilingEntry(start);
                next != null && next.getKey() <= end;
                next = ends.ceilingEntry(start)) {
            end = Math.max(end, next.getValue());
            total -= next.getValue() - next.getKey();
            ends.remove(next.getKey());
        }
        ends.put(start, end);
        total += end - start;
        return total - before;
    }

    /** Returns the first position at or after {@code from} that is not in the set. */
    long firstMissing(long from) {
        Map.Entry<Long, Long> at = ends.floorEntry(from);
        return at != null && at.getValue() > from ? at.getValue() : from;
    }

    /**
     * Returns the first position at or after {@code from} that is in the set, at most {@code
     * limit}.
     */
    long firstPresent(long from, long limit) {
        Long next = ends.ceilingKey(from);
        return firstMissing(from) > from ? from : next == null ? limit : Math.min(next, limit);
    }

    /** Returns the end (exclusive) of the last range, 0 if there is none. */
    long end() {
        return ends.isEmpty() ? 0 : ends.lastEntry().getValue();
    }

    void forEach(BiConsumer<Long, Long> action) {
        ends.forEach(action);
    }

    void clear() {
        ends.clear();
        total = 0;
    }
}
