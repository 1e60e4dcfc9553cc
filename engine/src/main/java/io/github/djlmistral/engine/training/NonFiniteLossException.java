/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.training;

/** The loss or a gradient became infinite or NaN, which ends a training. */
public final class NonFiniteLossException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    /** The step, from 1. */
    private final int step;

    /**
     * Creates the exception.
     *
     * @param step the step, from 1
     * @param message what is not finite, at which step and examples, and what to do
     */
    NonFiniteLossException(int step, String message) {
        super(message);
        this.step = step;
    }

    /** Returns the step, from 1. */
    public int step() {
        return step;
    }
}
