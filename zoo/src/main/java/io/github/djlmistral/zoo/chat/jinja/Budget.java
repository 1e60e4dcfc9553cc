/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.concurrent.CancellationException;

/**
 * The limits of one rendering: steps, bytes allocated in total, and depth of nesting. Memory is
 * charged before it is allocated.
 */
final class Budget {

    /** About one second of evaluation. */
    private static final long STEPS = 20_000_000;

    private static final long BYTES = 64L << 20;
    private static final int DEPTH = 600;

    /** Integers have at most this many bits. */
    static final long INTEGER_BITS = 1 << 16;

    private long steps;
    private long bytes;
    private int depth;

    /**
     * Creates a budget.
     *
     * @param inputSize characters and items of the variables: what the caller passes may be copied
     *     several times
     */
    Budget(long inputSize) {
        steps = STEPS + 4 * inputSize;
        bytes = BYTES + 32 * inputSize;
    }

    /** Charges one step. */
    void step() {
        steps--;
        if ((steps & 0x3ff) == 0) {
            checkSteps();
        }
    }

    /** Charges work whose duration grows with the size of values, such as characters compared. */
    void work(long units) {
        long before = steps;
        steps -= units >> 3;
        if (before >> 10 != steps >> 10) {
            checkSteps();
        }
    }

    private void checkSteps() {
        if (steps <= 0) {
            throw PyError.limit("the template takes more than " + STEPS + " steps");
        }
        if (Thread.currentThread().isInterrupted()) {
            throw new CancellationException("interrupted while a chat template was rendered");
        }
    }

    /** Charges characters of a string that are about to be allocated. */
    void characters(long count) {
        allocate(2 * count);
    }

    /** Charges an object of fixed size. */
    void object() {
        allocate(64);
    }

    /** Charges a list, tuple or dict that is about to be allocated. */
    void items(long count) {
        allocate(24 * count + 56);
    }

    private void allocate(long size) {
        work(size >> 2);
        bytes -= size;
        if (bytes < 0 || size < 0) {
            throw PyError.limit("the template takes more than " + (BYTES >> 20) + " MiB of memory");
        }
    }

    /** Enters one level of nested evaluation; {@link #leave} must follow unless it throws. */
    void enter() {
        step();
        if (++depth > DEPTH) {
            throw PyError.limit("the template nests more than " + DEPTH + " evaluations");
        }
    }

    void leave() {
        depth--;
    }
}
