/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import io.github.djlmistral.engine.generation.Batching;
import io.github.djlmistral.engine.generation.BatchingMetrics;
import io.github.djlmistral.engine.model.Chunk;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * Continuous batching: computes the chunks of concurrent requests in common passes.
 *
 * <p>A request asks for one pass at a time and waits. One of the waiting threads, the leader,
 * computes a pass for all that wait; once it has its own logits, another waiting thread takes over.
 * So there is no thread to manage, a single request is computed by its own thread without any
 * handover, and everything else that belongs to a request (selecting tokens, decoding text, the
 * user's processors) runs on the request's thread.
 *
 * <p>Threads that were just served come back for their next token after a moment, for which the
 * leader waits, see {@link ReturningRequests}. Example, three requests; {@code .} is the moment:
 *
 * <pre>
 * thread 1  [pass 1 2 3].[pass 1 2 3].
 * thread 2                .           [pass 1 2 3]
 * thread 3                .
 * </pre>
 *
 * <p>Thread-safe, also for virtual threads.
 */
public final class Scheduler {

    /** How long a request waits for the memory of others that nobody reads. */
    private static final Duration IDLE = Duration.ofSeconds(30);

    private final Batching limits;
    private final CacheBudget memory;
    private final ReentrantLock lock = new ReentrantLock();

    /** Requests that have memory, until they are closed. */
    private final Set<Request> running = new HashSet<>();

    /** Requests that wait for a pass, in the order of their arrival. */
    private final List<Request> waiting = new ArrayList<>();

    private final ReturningRequests returning = new ReturningRequests(lock);
    private final PassCounters counters = new PassCounters();
    private List<Request> computing = List.of();
    private boolean leading;

    /** Computes a forward pass. */
    @FunctionalInterface
    public interface Pass {

        /**
         * Computes the new tokens of some sequences.
         *
         * @param chunks the new tokens, each of another sequence
         * @return the requested logits, in the order of the chunks, V in each row
         */
        float[][] compute(List<Chunk> chunks);
    }

    /**
     * Creates a scheduler without requests.
     *
     * @param limits the limits
     * @param patience how long a request waits for the memory of others that compute nothing
     */
    public Scheduler(Batching limits, Duration patience) {
        this.limits = limits;
        memory = new CacheBudget(limits.maxCacheBytes(), patience);
    }

    /**
     * Returns the scheduler of a network, so that the requests of all generators come together.
     *
     * @param network the network
     * @param limits the limits; other limits have another scheduler
     * @throws IllegalStateException if the network is closed
     */
    public static Scheduler shared(MistralForCausalLM network, Batching limits) {
        return network.attachment(Scheduler.class, limits, () -> new Scheduler(limits, IDLE));
    }

    /**
     * Opens a request. It takes part in passes from its first call of {@link Request#forward}.
     *
     * @param pass computes a pass of this request, or of this one and others
     * @param bytes the memory of its KV caches at their longest
     * @param stopped whether the request was cancelled or closed; call {@link Request#wake} after a
     *     change
     * @param deadline until when the request may wait for memory or for the passes of others
     * @return the request, to be closed
     * @throws IllegalArgumentException if it needs more memory than all requests together may
     */
    public Request open(Pass pass, long bytes, BooleanSupplier stopped, Deadline deadline) {
        return new Request(pass, memory.ticket(bytes, deadline), stopped, deadline);
    }

    /** Returns the counters. */
    public BatchingMetrics metrics() {
        int queued = memory.queued();
        lock.lock();
        try {
            return counters.metrics(
                    queued,
                    running.size(),
                    waiting.size() + computing.size(),
                    running.stream().mapToInt(request -> request.prompts).sum(),
                    running.stream().mapToInt(request -> request.generating).sum(),
                    limits.maxSequences(),
                    running.stream().mapToLong(request -> request.cacheBytes).sum());
        } finally {
            lock.unlock();
        }
    }

    /** A request; one thread at a time may call its methods, except for {@link #wake}. */
    public final class Request implements AutoCloseable {

        private final Pass pass;
        private final CacheBudget.Ticket ticket;
        private final BooleanSupplier stopped;
        private final Deadline deadline;
        private final Condition turn = lock.newCondition();

        /** The chunks to be computed; null before they arrive, and once they are computed. */
        private @Nullable List<Chunk> chunks;

        private float @Nullable [][] logits;
        private @Nullable Throwable failure;
        private long servedAt;
        private boolean slow;
        private long cacheBytes;
        private int prompts;
        private int generating;

        private Request(
                Pass pass, CacheBudget.Ticket ticket, BooleanSupplier stopped, Deadline deadline) {
            this.pass = pass;
            this.ticket = ticket;
            this.stopped = stopped;
            this.deadline = deadline;
        }

        /**
         * Sets the priority, 0 by default. Where there is no room for all in a pass or in memory,
         * requests of higher priority come first.
         */
        public void priority(int value) {
            ticket.priority(value);
        }

        /**
         * Returns how many prompt tokens a chunk should have.
         *
         * @param most the request's own limit
         */
        public int budget(int most) {
            lock.lock();
            try {
                boolean alone = running.isEmpty() || running.equals(Set.of(this));
                return alone ? most : Math.min(most, limits.maxPrefillTokens());
            } finally {
                lock.unlock();
            }
        }

        /**
         * Computes chunks together with those of other requests. If a common pass fails, each
         * request is computed alone, so that an exception concerns this request only.
         *
         * @param wanted the chunks
         * @return their logits; null if the request was stopped, the thread interrupted, or the
         *     deadline passed while others were computed, before they were computed themselves
         * @throws RejectedExecutionException if the request waits for the memory of others that
         *     nobody reads
         */
        public float @Nullable [][] forward(List<Chunk> wanted) {
            if (!ticket.enter(stopped)) {
                return null;
            }
            lock.lock();
            try {
                arrive(wanted);
                while (chunks != null) {
                    if (mayLeave() || (leading && isLate())) {
                        withdraw();
                        return null;
                    }
                    if (leading) {
                        await();
                    } else {
                        lead();
                    }
                }
                return result();
            } finally {
                lock.unlock();
                ticket.rest();
            }
        }

        private boolean mayLeave() {
            return !computing.contains(this)
                    && (stopped.getAsBoolean() || Thread.currentThread().isInterrupted());
        }

        private boolean isLate() {
            return !computing.contains(this) && deadline.isOver();
        }

        @SuppressWarnings("WaitNotInLoop") // the caller loops
        private void await() {
            if (computing.contains(this)) {
                turn.awaitUninterruptibly();
                return;
            }
            try {
                long unused = turn.awaitNanos(deadline.nanosLeft());
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt(); // checked by the caller
            }
        }

        private void arrive(List<Chunk> wanted) {
            if (running.add(this)) {
                counters.addRequest();
            }
            slow = returning.isSlow(servedAt);
            chunks = wanted;
            cacheBytes = wanted.stream().mapToLong(chunk -> chunk.cache().bytes()).sum();
            waiting.add(this);
            track(wanted, chunk -> chunk.logits() < chunk.ids().length);
            returning.remove(this);
        }

        private void track(List<Chunk> sequences, Predicate<Chunk> isPrompt) {
            prompts = (int) sequences.stream().filter(isPrompt).count();
            generating = sequences.size() - prompts;
        }

        private void withdraw() {
            waiting.remove(this);
            chunks = null;
            passOn();
        }

        private float[][] result() {
            float[][] rows = logits;
            Throwable thrown = failure;
            logits = null;
            failure = null;
            if (thrown instanceof RuntimeException e) {
                throw e;
            }
            if (thrown instanceof Error e) {
                throw e;
            }
            return rows == null ? new float[0][] : rows;
        }

        /** Computes passes until this request is served. */
        private void lead() {
            leading = true;
            try {
                while (chunks != null) {
                    returning.await(() -> waiting.size() >= limits.maxSequences() || mayLeave());
                    if (mayLeave()) {
                        return;
                    }
                    compute(pass, select());
                }
            } finally {
                leading = false;
                passOn();
            }
        }

        private int tokens() {
            return chunks().stream().mapToInt(chunk -> chunk.ids().length).sum();
        }

        private int rows() {
            return chunks().stream().mapToInt(Chunk::logits).sum();
        }

        private List<Chunk> chunks() {
            return chunks == null ? List.of() : chunks;
        }

        /** Makes a waiting thread check whether the request was stopped. */
        public void wake() {
            lock.lock();
            try {
                turn.signal();
                returning.wake();
            } finally {
                lock.unlock();
            }
            ticket.wake();
        }

        /** Tells that the request asks for no more passes. Its memory is counted until closed. */
        public void finish() {
            lock.lock();
            try {
                returning.remove(this);
                track(List.of(), chunk -> false);
            } finally {
                lock.unlock();
            }
        }

        /** Ends the request. To be called when its caches are closed, and not during a pass. */
        @Override
        public void close() {
            lock.lock();
            try {
                returning.remove(this);
                running.remove(this);
            } finally {
                lock.unlock();
            }
            ticket.close();
        }
    }

    /** Lets one of the waiting threads lead, if none does. */
    private void passOn() {
        if (!leading && !waiting.isEmpty()) {
            waiting.get(0).turn.signal();
        }
    }

    /** Removes the requests of the next pass from those that wait. */
    private List<Request> select() {
        waiting.sort(Comparator.comparingInt(request -> -request.ticket.priority())); // stable
        List<Request> selected = new ArrayList<>();
        int count = 0;
        int prompts = 0;
        boolean full = false;
        for (Request request : waiting) {
            int chunks = request.chunks().size();
            // what needs the logits of each token decodes
            int tokens = request.tokens() > request.rows() ? request.tokens() : 0;
            if (count > 0 && count + chunks > limits.maxSequences()) {
                break;
            }
            // a prompt that does not fit comes first next time: no later one overtakes it
            full |= prompts > 0 && prompts + tokens > limits.maxPrefillTokens();
            if (tokens == 0 || !full) {
                selected.add(request);
                count += chunks;
                prompts += tokens;
            }
        }
        waiting.removeAll(selected);
        return selected;
    }

    /** Computes a pass, without the lock. */
    private void compute(Pass pass, List<Request> requests) {
        computing = requests;
        long start = System.nanoTime();
        lock.unlock();
        try {
            run(pass, requests);
        } finally {
            lock.lock();
            computing = List.of();
            long end = System.nanoTime();
            returning.passed(start, end);
            count(requests, (end - start) * 1e-9);
            for (Request request : requests) {
                request.track(request.chunks(), chunk -> chunk.logits() == 0);
                request.chunks = null;
                request.servedAt = end;
                if (!request.slow) {
                    returning.expect(request);
                }
                request.turn.signal();
            }
        }
    }

    private void count(List<Request> requests, double seconds) {
        counters.add(
                requests.stream().mapToInt(request -> request.chunks().size()).sum(),
                requests.stream().mapToInt(Request::tokens).sum(),
                requests.stream().mapToInt(Request::rows).sum(),
                seconds);
    }

    private static void run(Pass pass, List<Request> requests) {
        try {
            List<Chunk> chunks = new ArrayList<>();
            requests.forEach(request -> chunks.addAll(request.chunks()));
            float[][] rows = pass.compute(chunks);
            int from = 0;
            for (Request request : requests) {
                int to = from + request.rows();
                request.logits = Arrays.copyOfRange(rows, from, to);
                from = to;
            }
        } catch (RuntimeException | Error e) {
            if (requests.size() == 1) {
                requests.get(0).failure = e;
            } else {
                requests.forEach(request -> run(pass, List.of(request)));
            }
        }
    }
}
