/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.simd;

import ai.djl.engine.Engine;
import ai.djl.pytorch.jni.JniUtils;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * The threads that compute, one team for all models. The thread that asks is its first member; all
 * members run the same code and meet at barriers.
 *
 * <p>A wake-up by the operating system takes as long as a large matrix product (0.3 to 0.7 ms in a
 * virtual machine), so members wait for work with their eyes open for a moment before they go to
 * sleep: between two tokens they stay awake, of an idle model nothing is seen.
 */
final class Team {

    /** As many threads as PyTorch has, one option for both. */
    static final Team SHARED = new Team(threads());

    /** How long a member looks out for work; sampling a token takes less. */
    private static final long AWAKE_NANOS = 3_000_000;

    /** After so many looks the processor is left to others, if others there are. */
    private static final int LOOKS = 20_000;

    private final ReentrantLock turn = new ReentrantLock(true); // fair: two models take turns
    private final Member[] members;
    private final AtomicInteger arrived = new AtomicInteger();
    private final AtomicInteger next = new AtomicInteger();
    private final AtomicInteger done = new AtomicInteger();
    private volatile int barriers;
    private final AtomicInteger calls = new AtomicInteger();
    private volatile @Nullable Runnable task;
    private volatile boolean moreToCome;
    private volatile @Nullable Throwable failure;

    Team(int size) {
        members = new Member[size - 1];
        for (int i = 0; i < members.length; ++i) {
            members[i] = new Member(i + 1);
            members[i].start();
        }
    }

    private static int threads() {
        Engine.getEngine("PyTorch"); // loads the library that the next line calls
        return Math.max(1, JniUtils.getNumThreads());
    }

    int size() {
        return members.length + 1;
    }

    /** Lets all members run a task and returns when all are done; the next is expected soon. */
    void run(Runnable work) {
        run(work, true);
    }

    /**
     * Lets all members run a task and returns when all are done.
     *
     * @param more whether another one is expected soon; if not, members go to sleep at once and
     *     leave the processor to PyTorch
     */
    void run(Runnable work, boolean more) {
        turn.lock();
        try {
            failure = null;
            arrived.set(0);
            next.set(0);
            done.set(0);
            moreToCome = more;
            task = work;
            calls.incrementAndGet();
            for (Member member : members) {
                if (member.asleep) {
                    LockSupport.unpark(member);
                }
            }
            attempt(work);
            while (done.get() < size()) {
                Thread.onSpinWait();
            }
            task = null;
            Throwable thrown = failure;
            if (thrown != null) {
                throw new IllegalStateException(
                        "a thread of the decoder failed: " + thrown, thrown);
            }
        } finally {
            turn.unlock();
        }
    }

    private void attempt(Runnable work) {
        try {
            work.run();
        } catch (RuntimeException | Error e) {
            failure = e; // the others leave at a barrier
        } finally {
            done.incrementAndGet();
        }
    }

    /** Waits until all members are here, and lets the shares of {@link #take} begin again. */
    void barrier() {
        int number = barriers;
        if (arrived.incrementAndGet() == size()) {
            arrived.set(0);
            next.set(0);
            barriers = number + 1;
            return;
        }
        for (int looks = 1; barriers == number; ++looks) {
            if (failure != null) {
                throw new IllegalStateException("another thread of the decoder failed");
            }
            if (looks % LOOKS == 0) {
                LockSupport.parkNanos(1); // lets another program have the processor
            } else {
                Thread.onSpinWait();
            }
        }
    }

    /**
     * Takes a share of the work up to the next barrier.
     *
     * @param count how many units in a row
     * @return the number of the first; units beyond the last mean that there are none left
     */
    int take(int count) {
        return next.getAndAdd(count);
    }

    private final class Member extends Thread {

        private volatile boolean asleep;

        Member(int number) {
            super("mistral-decoder-" + number);
            setDaemon(true);
        }

        @Override
        public void run() {
            int seen = 0;
            while (true) {
                await(seen);
                seen++;
                Runnable work = task;
                if (work != null) {
                    attempt(work);
                }
            }
        }

        private void await(int seen) {
            long begin = System.nanoTime();
            for (int looks = 1; calls.get() == seen; ++looks) {
                if (moreToCome && (looks % 64 != 0 || System.nanoTime() - begin < AWAKE_NANOS)) {
                    Thread.onSpinWait();
                    continue;
                }
                asleep = true;
                // looked at again after saying so: whoever calls now sees it
                while (calls.get() == seen) {
                    LockSupport.park(this);
                }
                asleep = false;
            }
        }
    }
}
