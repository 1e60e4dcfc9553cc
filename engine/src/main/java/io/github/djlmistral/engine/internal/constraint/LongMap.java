/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.util.Arrays;

/** A map from integers from 0 to integers from 0, by open addressing. Not thread-safe. */
final class LongMap {

    /** No value. */
    static final int NONE = -1;

    private static final long FREE = -1;
    private static final int SMALLEST = 64;

    private long[] keys = new long[0];
    private int[] values = new int[0];
    private int size;

    LongMap() {
        clear();
    }

    void clear() {
        keys = new long[SMALLEST];
        values = new int[SMALLEST];
        Arrays.fill(keys, FREE);
        size = 0;
    }

    int size() {
        return size;
    }

    /** Returns the value of a key, or {@link #NONE}. */
    int get(long key) {
        int slot = slot(key);
        return keys[slot] == FREE ? NONE : values[slot];
    }

    void put(long key, int value) {
        int slot = slot(key);
        if (keys[slot] == FREE && 2 * ++size > keys.length) {
            grow();
            slot = slot(key);
        }
        keys[slot] = key;
        values[slot] = value;
    }

    /** The place of a key, or a free one. */
    private int slot(long key) {
        int slot = (int) ((key * 0x9E3779B97F4A7C15L) >>> 32) & (keys.length - 1);
        while (keys[slot] != key && keys[slot] != FREE) {
            slot = (slot + 1) & (keys.length - 1);
        }
        return slot;
    }

    private void grow() {
        long[] oldKeys = keys;
        int[] oldValues = values;
        keys = new long[2 * oldKeys.length];
        values = new int[keys.length];
        Arrays.fill(keys, FREE);
        for (int i = 0; i < oldKeys.length; i++) {
            if (oldKeys[i] != FREE) {
                int slot = slot(oldKeys[i]);
                keys[slot] = oldKeys[i];
                values[slot] = oldValues[i];
            }
        }
    }
}
