/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal;

import ai.djl.ndarray.NDManager;

/**
 * A manager that is closed with another one, but by its owner. A child of that other manager would
 * not do: closing a manager frees the arrays of its children at once, in any order, whoever
 * computes with them.
 */
public final class OwnedManager implements AutoCloseable {

    private final NDManager parent;
    private final NDManager manager;
    private final String uid = NDManager.nextUid();

    /**
     * Makes a manager on the device of another one.
     *
     * @param parent the other one
     * @param name its name, for DJL's dumps
     */
    public OwnedManager(NDManager parent, String name) {
        this.parent = parent;
        manager = parent.getEngine().newBaseManager(parent.getDevice());
        manager.setName(name);
    }

    /** Returns the manager. */
    public NDManager manager() {
        return manager;
    }

    /**
     * Has the owner closed when the parent is closed.
     *
     * @param owner closes this in turn, once nothing computes with the arrays any more
     * @throws IllegalStateException if the parent is closed already
     */
    public void closeWithParent(AutoCloseable owner) {
        try {
            parent.attachUncappedInternal(uid, owner);
        } catch (IllegalStateException e) {
            throw new IllegalStateException(
                    "the manager is closed, and with it the model if it is the model's: load the"
                            + " model again",
                    e);
        }
    }

    /** Returns whether this is the other manager. */
    @SuppressWarnings("ReferenceEquality") // equals() compares ids only
    public boolean isClosedWith(NDManager other) {
        return parent == other;
    }

    /** Frees the arrays. */
    @Override
    public void close() {
        parent.detachInternal(uid);
        manager.close();
    }
}
