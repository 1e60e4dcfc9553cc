/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDManager;

/**
 * The manager of the arrays of one pass. It is not a child of the input's manager, since closing
 * that would free arrays that the pass is using.
 */
final class PassScope implements AutoCloseable {

    private final NDManager input;
    private final NDManager manager;
    private boolean kept;

    /**
     * Creates a manager on the device of another one.
     *
     * @param input the manager of the input
     */
    PassScope(NDManager input) {
        this.input = input;
        manager = input.getEngine().newBaseManager(input.getDevice());
    }

    NDManager manager() {
        return manager;
    }

    /**
     * Keeps the arrays for the backward pass, until the manager of the input is closed: autograd
     * does not own the memory of arrays that were created from Java buffers.
     *
     * @param release runs after the arrays are freed
     */
    void keepForBackward(Runnable release) {
        try {
            input.attachUncappedInternal(
                    NDManager.nextUid(),
                    () -> {
                        manager.close();
                        release.run();
                    });
            kept = true;
        } catch (RuntimeException e) {
            release.run();
            throw e;
        }
    }

    /** Frees the arrays, unless they are kept for the backward pass. */
    @Override
    public void close() {
        if (!kept) {
            manager.close();
        }
    }
}
