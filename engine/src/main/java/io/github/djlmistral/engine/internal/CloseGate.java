/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Guards a resource that many threads use and any thread may close. {@link #close} rejects new
 * uses, waits for running ones to end, and then releases the resource.
 *
 * <p>A {@linkplain #hold hold} postpones the release without blocking {@link #close}.
 *
 * <p>A thread that closes during its own use, for example in a callback, does not wait, which would
 * be a deadlock: the last use to end releases the resource.
 *
 * <p>Thread-safe, also for virtual threads.
 */
public final class CloseGate implements AutoCloseable {

    private final @Nullable CloseGate outer;
    private final Supplier<String> closedMessage;
    private final Runnable release;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    /** Number of running uses of each thread; uses nest. */
    private final Map<Thread, Integer> uses = new HashMap<>();

    private int holds;
    private volatile boolean closed;
    private @Nullable Thread releasing;
    private boolean released;

    /**
     * Makes an open gate.
     *
     * @param closedMessage the message of exceptions after {@link #close}
     * @param release frees the resource; called once, when no use is running
     */
    public CloseGate(Supplier<String> closedMessage, Runnable release) {
        this(null, closedMessage, release);
    }

    /**
     * Makes an open gate of a resource that is used only together with that of another gate: each
     * use and hold of this one is one of the other gate as well.
     *
     * @param outer the other gate, or null; closing this one leaves it open
     * @param closedMessage as above
     * @param release as above
     */
    public CloseGate(@Nullable CloseGate outer, Supplier<String> closedMessage, Runnable release) {
        this.outer = outer;
        this.closedMessage = closedMessage;
        this.release = release;
    }

    /**
     * Begins a use; {@link #exit} must follow on the same thread.
     *
     * @throws IllegalStateException if the gate is closed
     */
    public void enter() {
        if (outer != null) {
            outer.enter();
        }
        lock.lock();
        try {
            if (!closed) {
                uses.merge(Thread.currentThread(), 1, Integer::sum);
                return;
            }
        } finally {
            lock.unlock();
        }
        if (outer != null) {
            outer.exit();
        }
        requireOpen();
    }

    /** Ends a use. */
    public void exit() {
        try {
            exitThis();
        } finally {
            if (outer != null) {
                outer.exit();
            }
        }
    }

    private void exitThis() {
        lock.lock();
        try {
            uses.computeIfPresent(
                    Thread.currentThread(), (thread, count) -> count == 1 ? null : count - 1);
            if (!closed || !uses.isEmpty()) {
                return;
            }
            if (!beginRelease()) {
                changed.signalAll(); // a hold postpones the release
                return;
            }
        } finally {
            lock.unlock();
        }
        release();
    }

    /**
     * Keeps the resource, even after {@link #close}, until the hold ends. Call it during a use.
     *
     * @return ends the hold; to be run once, on any thread
     */
    public Runnable hold() {
        Runnable endOuter = outer == null ? () -> {} : outer.hold();
        lock.lock();
        try {
            ++holds;
        } finally {
            lock.unlock();
        }
        return () -> {
            try {
                endHold();
            } finally {
                endOuter.run();
            }
        };
    }

    private void endHold() {
        lock.lock();
        try {
            --holds;
            if (!closed || !uses.isEmpty() || !beginRelease()) {
                return;
            }
        } finally {
            lock.unlock();
        }
        release();
    }

    /**
     * Checks that the gate is open.
     *
     * @throws IllegalStateException if it is closed
     */
    public void requireOpen() {
        if (outer != null) {
            outer.requireOpen();
        }
        if (closed) {
            throw new IllegalStateException(closedMessage.get());
        }
    }

    /** Returns whether {@link #close} was called, on this gate or the outer one. */
    public boolean isClosed() {
        return closed || (outer != null && outer.isClosed());
    }

    /**
     * Closes the gate and waits until the resource is released. Does not wait for holds, nor if the
     * calling thread has a running use. Not interruptible. Repeated calls wait as well.
     */
    @Override
    public void close() {
        Thread self = Thread.currentThread();
        lock.lock();
        try {
            closed = true;
            if (uses.containsKey(self)) {
                return;
            }
            while (!uses.isEmpty() || (releasing != null && releasing != self && !released)) {
                changed.awaitUninterruptibly();
            }
            if (!beginRelease()) {
                return;
            }
        } finally {
            lock.unlock();
        }
        release();
    }

    /** Returns whether the caller has to release the resource; true only once. */
    private boolean beginRelease() {
        if (releasing != null || holds > 0) {
            return false;
        }
        releasing = Thread.currentThread();
        return true;
    }

    private void release() {
        try {
            release.run();
        } finally {
            lock.lock();
            try {
                released = true;
                changed.signalAll();
            } finally {
                lock.unlock();
            }
        }
    }
}
