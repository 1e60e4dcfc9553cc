/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import java.util.Map;
import java.util.TreeMap;
import java.util.function.BiConsumer;

/**
 * Which bytes of a file are there: stretches that neither touch nor overlap. Not for two threads.
 */
final class Extents {

    /** Where each ends, by where it begins. */
    private final TreeMap<Long, Long> ends = new TreeMap<>();

    private long total;

    /** How many bytes there are. */
    long total() {
        return total;
    }

    /**
     * Adds the bytes from one position up to, without, another.
     *
     * @return how many of them are new
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

    /** The first byte that is not there, at a position or behind it. */
    long firstMissing(long from) {
        Map.Entry<Long, Long> at = ends.floorEntry(from);
        return at != null && at.getValue() > from ? at.getValue() : from;
    }

    /**
     * The first byte that is there, at a position or behind it; a limit if there is none before.
     */
    long firstPresent(long from, long limit) {
        Long next = ends.ceilingKey(from);
        return firstMissing(from) > from ? from : next == null ? limit : Math.min(next, limit);
    }

    /** Where the last one ends. */
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
