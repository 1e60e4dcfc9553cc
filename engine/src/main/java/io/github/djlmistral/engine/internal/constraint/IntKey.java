/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.util.Arrays;

/** Integers as the key of a map. The array is not changed afterwards. */
@SuppressWarnings("ArrayRecordComponent") // equals and hashCode compare the contents
record IntKey(int[] values) {

    @Override
    public boolean equals(Object other) {
        return other instanceof IntKey key && Arrays.equals(values, key.values);
    }

    @Override
    public int hashCode() {
        // Arrays.hashCode is the same for many small values in other orders
        int hash = values.length;
        for (int value : values) {
            hash = (hash ^ value) * 0x9E3779B1;
            hash ^= hash >>> 15;
        }
        return hash;
    }

    @Override
    public String toString() {
        return Arrays.toString(values);
    }
}
