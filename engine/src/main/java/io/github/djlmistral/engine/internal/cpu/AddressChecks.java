/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.cpu;

import java.nio.ByteBuffer;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Addresses of arrays. With {@code -Dmistral.native.checks=true} each array is registered, and
 * every call of a kernel compares what it accesses with the size of the array, see {@code
 * checks.h}: a wrong one is an {@link IllegalStateException}, and not a damaged heap.
 */
final class AddressChecks {

    private static final boolean ENABLED = Boolean.getBoolean("mistral.native.checks");

    /** The table in {@code checks.h} has twice as many arrays: half of them are kept ones. */
    private static final int ARRAYS = 1 << 14;

    private static final AtomicInteger KEPT = new AtomicInteger();
    private static final AtomicInteger PASSING = new AtomicInteger();

    private AddressChecks() {}

    /**
     * Returns the address of an array that is used as long as a model, such as a weight. The checks
     * support 16383 of these.
     *
     * @param buffer begins with the array
     * @param bytes the size of the array, which may be larger than a buffer
     */
    static long kept(ByteBuffer buffer, long bytes) {
        long address = NativeLibrary.address(buffer);
        // 0 is for what is not registered
        return ENABLED
                ? NativeLibrary.register(
                        1 + Math.floorMod(KEPT.getAndIncrement(), ARRAYS - 1), address, bytes)
                : address;
    }

    /**
     * Returns the address of an array for one operation. The checks forget it after the 16384th one
     * that follows.
     *
     * @param address where the array begins
     * @param bytes its size
     */
    static long passing(long address, long bytes) {
        return ENABLED
                ? NativeLibrary.register(
                        ARRAYS + Math.floorMod(PASSING.getAndIncrement(), ARRAYS), address, bytes)
                : address;
    }
}
