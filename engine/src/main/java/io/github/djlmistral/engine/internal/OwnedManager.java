/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal;

import ai.djl.ndarray.NDManager;

/**
 * A manager whose owner is closed together with a parent manager, and closes this one in turn. It
 * is not a child of the parent: closing a manager immediately frees the arrays of its children,
 * even while they are in use.
 */
public final class OwnedManager implements AutoCloseable {

    private final NDManager parent;
    private final NDManager manager;
    private final String uid = NDManager.nextUid();

    /**
     * Makes a manager on the device of its parent.
     *
     * @param parent the parent
     * @param name the name in DJL's debug output
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
     * Closes the owner when the parent is closed.
     *
     * @param owner closes this manager, once the arrays are no longer in use
     * @throws IllegalStateException if the parent is already closed
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

    /** Returns whether the parent is this manager. */
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
