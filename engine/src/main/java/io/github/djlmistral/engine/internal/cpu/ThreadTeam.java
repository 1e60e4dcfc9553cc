/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.cpu;

import ai.djl.engine.Engine;
import ai.djl.pytorch.jni.JniUtils;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.IntConsumer;
import java.util.function.LongConsumer;
import org.jspecify.annotations.Nullable;

/**
 * A team of threads with a barrier, shared by all models. The calling thread is a member; all
 * members that take part in a task run it and synchronize at {@link #barrier}.
 *
 * <p>Waking a thread up takes as long as a large matrix product (0.3 to 0.7 ms in a virtual
 * machine), so members spin for a few milliseconds before they park: between two tokens they stay
 * awake, while a model is idle they use no processor time. A task does not wait for a member that
 * is still asleep, or has lost its processor to another program: the member takes part from the
 * moment it arrives, but no longer once another one has reached a barrier or the end.
 */
public final class ThreadTeam {

    /** Threads: PyTorch's number, but no more than the processors this process may use. */
    public static final ThreadTeam SHARED = new ThreadTeam(threads());

    /** How long a member spins before it parks; sampling a token takes less. */
    private static final long AWAKE_NANOS = 3_000_000;

    /** Whether no more members may take part in the task. */
    private static final long CLOSED = 1L << 31;

    /** Spins between two yields, about 20 microseconds. */
    private static final int SPINS = 500;

    private final ReentrantLock turn = new ReentrantLock(true); // fair: two models take turns
    private final Member[] members;

    /** The memory at {@link #scratch}, which is freed when it is unreachable. */
    private @Nullable Tensor memory;

    private long scratch;
    private long scratchBytes;
    private final AtomicInteger arrived = new AtomicInteger();
    private final AtomicInteger next = new AtomicInteger();
    private final AtomicInteger done = new AtomicInteger();
    private volatile int barriers;

    /** The number of the task in the upper half; below, {@link #CLOSED} and the members in it. */
    private final AtomicLong state = new AtomicLong(CLOSED);

    private volatile @Nullable IntConsumer task;

    /** The first failure of a task; later ones are suppressed in it. */
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();

    /**
     * Starts a team.
     *
     * @param size the number of members, the calling thread included
     */
    public ThreadTeam(int size) {
        members = new Member[size - 1];
        for (int i = 0; i < members.length; ++i) {
            members[i] = new Member(i + 1);
            members[i].start();
        }
    }

    private static int threads() {
        Engine.getEngine("PyTorch"); // loads the native library
        // PyTorch counts the processors of the machine, Java those of the container
        int processors = Runtime.getRuntime().availableProcessors();
        return Math.max(1, Math.min(processors, JniUtils.getNumThreads()));
    }

    /** Returns the number of members, the calling thread included. */
    public int size() {
        return members.length + 1;
    }

    /** A task of all members. */
    @FunctionalInterface
    public interface Task {

        /**
         * Runs the task on one member.
         *
         * @param scratch address of memory that the members share
         * @param member the number of the member, from 0
         */
        void run(long scratch, int member);
    }

    /** A task for consecutive units of work. */
    @FunctionalInterface
    public interface Share {

        /** Runs the task for the units from, inclusive, to to, exclusive. */
        void run(int from, int to);
    }

    /**
     * Runs a task for units of work, which members take in shares.
     *
     * @param units the number of units
     * @param share the number of consecutive units that a member takes at once
     * @param work the task
     */
    public void forEach(int units, int share, Share work) {
        if (units <= share) {
            work.run(0, units);
            return;
        }
        run(
                0,
                (scratch, member) -> {
                    for (int i = take(share); i < units; i = take(share)) {
                        work.run(i, Math.min(units, i + share));
                    }
                });
    }

    /**
     * Calls a function that runs several tasks with the same memory.
     *
     * @param bytes the size of the memory
     * @param tasks the function of the address, which is aligned to 64 bytes
     */
    public void share(long bytes, LongConsumer tasks) {
        turn.lock();
        try {
            tasks.accept(scratch(bytes));
        } finally {
            turn.unlock();
        }
    }

    /**
     * Runs a task on the members that are awake, and returns when all of these have finished. Calls
     * by several threads are served one after the other, in order.
     *
     * @param bytes the size of the memory that the task needs; within {@link #share}, no more than
     *     its memory
     * @param work the task
     * @throws IllegalStateException if a member failed; the first failure is the cause
     */
    public void run(long bytes, Task work) {
        turn.lock();
        try {
            long at = scratch(bytes);
            failure.set(null);
            arrived.set(0);
            next.set(0);
            done.set(0);
            task = member -> work.run(at, member);
            // the next number, open, with the calling thread as a member
            state.set(((state.get() >>> 32) + 1) << 32 | 1);
            for (Member member : members) {
                if (member.asleep) {
                    LockSupport.unpark(member);
                }
            }
            attempt(task, 0);
            int participants = close();
            for (int spins = 1; done.get() < participants; ++spins) {
                pause(spins);
            }
            task = null;
            Throwable thrown = failure.get();
            if (thrown != null) {
                throw new IllegalStateException("the kernels failed: " + thrown, thrown);
            }
        } finally {
            turn.unlock();
        }
    }

    /** Returns the address of memory that is kept for the next task, aligned to 64 bytes. */
    private long scratch(long bytes) {
        if (bytes > scratchBytes) {
            if (turn.getHoldCount() > 1) {
                throw new IllegalStateException("the memory is in use by the tasks around this");
            }
            scratchBytes = bytes;
            memory = Tensor.allocate("scratch", Dtype.UINT8, bytes);
            scratch = AddressChecks.kept(memory.data(), bytes);
        }
        return scratch;
    }

    private void attempt(IntConsumer work, int member) {
        try {
            work.accept(member);
        } catch (Aborted e) {
            // the failure of another member, which is recorded already
        } catch (Throwable e) {
            fail(e);
        } finally {
            done.incrementAndGet();
        }
    }

    /** Records a failure; the other members abort at the next barrier. */
    private void fail(Throwable thrown) {
        if (!failure.compareAndSet(null, thrown)) {
            Throwable first = failure.get();
            if (first != null && !first.equals(thrown)) {
                first.addSuppressed(thrown);
            }
        }
    }

    /** Leaves the task of a team in which another member failed. */
    private static final class Aborted extends RuntimeException {

        private static final long serialVersionUID = 1;

        Aborted() {
            super(null, null, false, false);
        }
    }

    /** Returns the number of members that take part in the task. There will be no more. */
    private int close() {
        long now = state.get();
        while ((now & CLOSED) == 0 && !state.compareAndSet(now, now | CLOSED)) {
            now = state.get();
        }
        return (int) (now & CLOSED - 1);
    }

    /** Waits until all members that take part have arrived, and resets {@link #take}. */
    public void barrier() {
        int number = barriers;
        if (arrived.incrementAndGet() == close()) {
            arrived.set(0);
            next.set(0);
            barriers = number + 1;
            return;
        }
        for (int spins = 1; barriers == number; ++spins) {
            if (failure.get() != null) {
                throw new Aborted();
            }
            pause(spins);
        }
    }

    @SuppressWarnings("ThreadPriorityCheck") // a yield only saves time
    private static void pause(int spins) {
        if (spins % SPINS == 0) {
            Thread.yield(); // to a member, perhaps, that waits for this processor
        } else {
            Thread.onSpinWait();
        }
    }

    /**
     * Takes the next units of work, which are numbered from 0 after each barrier.
     *
     * @param count the number of consecutive units
     * @return the first of them; a number beyond the last unit means that no work is left
     */
    public int take(int count) {
        return next.getAndAdd(count);
    }

    private final class Member extends Thread {

        private final int number;
        private volatile boolean asleep;

        Member(int number) {
            super("mistral-kernels-" + number);
            this.number = number;
            setDaemon(true);
        }

        @Override
        public void run() {
            long seen = 0;
            while (true) {
                await(seen);
                long now = state.get();
                while ((now & CLOSED) == 0 && !state.compareAndSet(now, now + 1)) {
                    now = state.get();
                }
                seen = now >>> 32;
                IntConsumer work = task;
                if ((now & CLOSED) == 0 && work != null) {
                    attempt(work, number);
                }
            }
        }

        private void await(long seen) {
            long begin = System.nanoTime();
            for (int spins = 1; state.get() >>> 32 == seen; ++spins) {
                if (spins % 64 != 0 || System.nanoTime() - begin < AWAKE_NANOS) {
                    Thread.onSpinWait();
                    continue;
                }
                asleep = true;
                // checked again after the flag is set: a caller from now on sees the flag
                while (state.get() >>> 32 == seen) {
                    LockSupport.park(this);
                }
                asleep = false;
            }
        }
    }
}
