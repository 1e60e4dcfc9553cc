/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal;

import java.util.HashMap;
import java.util.Map;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Guards a resource that many threads use and any thread may close. {@link #close} refuses new
 * uses, waits for those under way and then releases the resource; it never releases it under a use.
 *
 * <p>A {@linkplain #hold hold} delays the release beyond {@link #close}, which does not wait for
 * it.
 *
 * <p>A thread that closes from within a use of its own (in a callback, say) does not wait, since it
 * would wait for itself: the last use to end releases the resource.
 *
 * <p>Thread-safe, for virtual threads too.
 */
public final class CloseGate implements AutoCloseable {

    private final Supplier<String> closedMessage;
    private final Runnable release;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    /** How many uses each thread has under way; uses nest. */
    private final Map<Thread, Integer> uses = new HashMap<>();

    private int holds;
    private volatile boolean closed;
    private @Nullable Thread releasing;
    private boolean released;

    /**
     * Makes an open gate.
     *
     * @param closedMessage what is said to those who come after {@link #close}
     * @param release frees the resource; runs once, when no use is under way
     */
    public CloseGate(Supplier<String> closedMessage, Runnable release) {
        this.closedMessage = closedMessage;
        this.release = release;
    }

    /**
     * Begins a use; {@link #exit} must follow on the same thread.
     *
     * @throws IllegalStateException if the gate is closed
     */
    public void enter() {
        lock.lock();
        try {
            requireOpen();
            uses.merge(Thread.currentThread(), 1, Integer::sum);
        } finally {
            lock.unlock();
        }
    }

    /** Ends a use. */
    public void exit() {
        lock.lock();
        try {
            uses.computeIfPresent(
                    Thread.currentThread(), (thread, count) -> count == 1 ? null : count - 1);
            if (!closed || !uses.isEmpty()) {
                return;
            }
            if (!beginRelease()) {
                changed.signalAll(); // a hold delays the release
                return;
            }
        } finally {
            lock.unlock();
        }
        release();
    }

    /**
     * Keeps the resource after {@link #close} until the hold ends. To be called in a use.
     *
     * @return ends the hold, on any thread; to be run once
     */
    public Runnable hold() {
        lock.lock();
        try {
            ++holds;
        } finally {
            lock.unlock();
        }
        return this::endHold;
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
        if (closed) {
            throw new IllegalStateException(closedMessage.get());
        }
    }

    /** Returns whether {@link #close} was called. */
    public boolean isClosed() {
        return closed;
    }

    /**
     * Closes the gate and waits until the resource is released, unless it is held or the calling
     * thread is in a use itself. Interrupts do not end the wait. Closing again waits as well.
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

    /** Returns whether it is for the caller to release, once. */
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
