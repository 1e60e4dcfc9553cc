/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.generation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.generation.Batching;
import io.github.djlmistral.engine.internal.generation.Deadline;
import io.github.djlmistral.engine.internal.generation.Scheduler;
import io.github.djlmistral.engine.model.Chunk;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Random;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.BooleanSupplier;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/**
 * What is computed together, with passes that only tell their chunks apart: the logits of a chunk
 * are its first id.
 */
@Timeout(30)
class SchedulerTest {

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final List<List<Long>> passes = Collections.synchronizedList(new ArrayList<>());
    private final Semaphore permits = new Semaphore(0);
    private Duration patience = Duration.ofDays(1);
    private volatile boolean gated;
    private volatile long faulty = -1;

    @AfterEach
    void stopThreads() {
        permits.release(1000);
        threads.shutdown();
    }

    /** A pass that waits for a permit where passes are gated. */
    private float[][] compute(List<Chunk> chunks) {
        passes.add(chunks.stream().map(chunk -> chunk.ids()[0]).toList());
        if (gated) {
            permits.acquireUninterruptibly();
        }
        List<float[]> rows = new ArrayList<>();
        for (Chunk chunk : chunks) {
            if (chunk.ids()[0] == faulty) {
                throw new IllegalCallerException("fault in " + faulty);
            }
            for (int i = 0; i < chunk.logits(); ++i) {
                rows.add(new float[] {chunk.ids()[0]});
            }
        }
        return rows.toArray(new float[0][]);
    }

    private Scheduler scheduler(int sequences, int prefill, long bytes) {
        return new Scheduler(new Batching(sequences, prefill, bytes), patience);
    }

    private Scheduler scheduler() {
        return scheduler(32, 128, Long.MAX_VALUE);
    }

    private static KvCache cache() {
        return (KvCache)
                Proxy.newProxyInstance(
                        KvCache.class.getClassLoader(),
                        new Class<?>[] {KvCache.class},
                        (proxy, method, arguments) -> 10L); // bytes
    }

    /** Tokens of a prompt; the first one names the request. */
    private static List<Chunk> prompt(long name, int tokens, int logits) {
        long[] ids = new long[tokens];
        ids[0] = name;
        return List.of(new Chunk(cache(), ids, logits));
    }

    private static List<Chunk> token(long name) {
        return prompt(name, 1, 1);
    }

    private Scheduler.Request open(Scheduler scheduler) {
        return scheduler.open(this::compute, 1, () -> false, Deadline.NONE);
    }

    private static void await(BooleanSupplier condition) {
        while (!condition.getAsBoolean()) {
            assertThat(Thread.currentThread().isInterrupted()).as("timeout").isFalse();
            Thread.onSpinWait();
        }
    }

    /** Starts a thread that waits for its chunks, and returns once it waits. */
    private Future<float[][]> submit(
            Scheduler scheduler, Scheduler.Request request, List<Chunk> chunks) {
        int before = scheduler.metrics().waiting();
        Future<float[][]> logits = threads.submit(() -> request.forward(chunks));
        await(() -> scheduler.metrics().waiting() > before);
        return logits;
    }

    private Future<float[][]> submit(Scheduler scheduler, List<Chunk> chunks) {
        return submit(scheduler, open(scheduler), chunks);
    }

    /** Starts a pass that lasts until there is a permit, so that later requests wait. */
    private Future<float[][]> occupy(Scheduler scheduler) {
        gated = true;
        Future<float[][]> first = submit(scheduler, token(1));
        await(() -> passes.size() == 1);
        return first;
    }

    private static float name(Future<float[][]> logits) throws Exception {
        float[][] rows = logits.get();
        assertThat(rows).hasDimensions(1, 1);
        return rows[0][0];
    }

    @Test
    void oneRequestIsComputedByItsOwnThread() {
        Thread[] thread = new Thread[1];
        Scheduler scheduler = scheduler();
        Scheduler.Pass pass =
                chunks -> {
                    thread[0] = Thread.currentThread();
                    return compute(chunks);
                };
        try (Scheduler.Request request = scheduler.open(pass, 1, () -> false, Deadline.NONE)) {
            assertThat(request.budget(512)).isEqualTo(512);
            assertThat(request.forward(prompt(5, 3, 0))).isEmpty();
            assertThat(request.forward(prompt(6, 3, 2))).isEqualTo(new float[][] {{6}, {6}});
            assertThat(thread[0]).isSameAs(Thread.currentThread());
            assertThat(scheduler.metrics().running()).isEqualTo(1);
            assertThat(scheduler.metrics().cacheBytes()).isEqualTo(10);
        }
        assertThat(scheduler.metrics().running()).isZero();
        assertThat(scheduler.metrics().cacheBytes()).isZero();
    }

    @Test
    void sequencesByState() throws Exception {
        Scheduler scheduler = scheduler();
        gated = true;
        try (Scheduler.Request request = open(scheduler)) {
            Future<float[][]> begin = submit(scheduler, request, prompt(1, 100, 0));
            assertThat(states(scheduler)).isEqualTo("1 0");
            permits.release();
            begin.get();
            assertThat(states(scheduler)).isEqualTo("1 0");
            Future<float[][]> end = submit(scheduler, request, prompt(1, 50, 1));
            assertThat(states(scheduler)).isEqualTo("1 0");
            permits.release();
            end.get();
            assertThat(states(scheduler)).isEqualTo("0 1");
            Future<float[][]> drafts = submit(scheduler, request, prompt(1, 4, 4));
            assertThat(states(scheduler)).isEqualTo("0 1");
            permits.release();
            drafts.get();
            request.finish();
            assertThat(states(scheduler)).isEqualTo("0 0");
        }
        assertThat(scheduler.metrics().requests()).isEqualTo(1);
        assertThat(scheduler.metrics().maxSequences()).isEqualTo(32);
    }

    private static String states(Scheduler scheduler) {
        return scheduler.metrics().prompts() + " " + scheduler.metrics().generating();
    }

    @Test
    void whatWaitsIsComputedTogether() throws Exception {
        Scheduler scheduler = scheduler();
        Future<float[][]> first = occupy(scheduler);
        List<Future<float[][]>> others = new ArrayList<>();
        for (int name = 2; name < 6; ++name) {
            others.add(submit(scheduler, token(name)));
        }
        try (Scheduler.Request another = open(scheduler)) {
            assertThat(another.budget(512)).isEqualTo(128);
            assertThat(another.budget(16)).isEqualTo(16);
        }
        permits.release(2);
        assertThat(name(first)).isEqualTo(1);
        for (int i = 0; i < 4; ++i) {
            assertThat(name(others.get(i))).isEqualTo(i + 2);
        }
        assertThat(passes).containsExactly(List.of(1L), List.of(2L, 3L, 4L, 5L));
        assertThat(scheduler.metrics().passes()).isEqualTo(2);
        assertThat(scheduler.metrics().sequences()).isEqualTo(5);
        assertThat(scheduler.metrics().generatedTokens()).isEqualTo(5);
        assertThat(scheduler.metrics().tokensPerSecond()).isPositive();
        assertThat(scheduler.metrics().waiting()).isZero();
    }

    /** Prompts take turns within the limit; single tokens always go along. */
    @Test
    void promptsTakeTurns() throws Exception {
        Scheduler scheduler = scheduler(32, 100, Long.MAX_VALUE);
        Future<float[][]> first = occupy(scheduler);
        List<Future<float[][]>> others =
                List.of(
                        submit(scheduler, prompt(2, 60, 1)),
                        submit(scheduler, prompt(3, 60, 1)),
                        submit(scheduler, prompt(4, 30, 1)),
                        submit(scheduler, token(5)),
                        // four tokens with logits each are no prompt
                        submit(scheduler, prompt(6, 4, 4)),
                        submit(scheduler, prompt(7, 300, 1)));
        permits.release(1000);
        first.get();
        for (Future<float[][]> other : others) {
            other.get();
        }
        assertThat(passes)
                .containsExactly(List.of(1L), List.of(2L, 5L, 6L), List.of(3L, 4L), List.of(7L));
        assertThat(scheduler.metrics().computedTokens()).isEqualTo(456);
        assertThat(scheduler.metrics().generatedTokens()).isEqualTo(10);
    }

    @Test
    void theNumberOfSequencesIsLimited() throws Exception {
        Scheduler scheduler = scheduler(2, 100, Long.MAX_VALUE);
        Future<float[][]> first = occupy(scheduler);
        List<Chunk> three = new ArrayList<>(token(5));
        three.addAll(token(6));
        three.addAll(token(7));
        List<Future<float[][]>> others =
                List.of(
                        submit(scheduler, token(2)),
                        submit(scheduler, token(3)),
                        submit(scheduler, token(4)),
                        // more than the limit, so alone
                        submit(scheduler, three));
        permits.release(1000);
        first.get();
        for (Future<float[][]> other : others) {
            other.get();
        }
        assertThat(passes)
                .containsExactly(List.of(1L), List.of(2L, 3L), List.of(4L), List.of(5L, 6L, 7L));
    }

    @Test
    void highPriorityComesFirst() throws Exception {
        Scheduler scheduler = scheduler(1, 100, Long.MAX_VALUE);
        Future<float[][]> first = occupy(scheduler);
        List<Future<float[][]>> others = new ArrayList<>();
        int[] priorities = {0, 1, -1, 1};
        for (int i = 0; i < 4; ++i) {
            Scheduler.Request request = open(scheduler);
            request.priority(priorities[i]);
            others.add(submit(scheduler, request, token(i + 2)));
        }
        permits.release(1000);
        first.get();
        for (Future<float[][]> other : others) {
            other.get();
        }
        assertThat(passes.stream().map(pass -> pass.get(0))).containsExactly(1L, 3L, 5L, 2L, 4L);
    }

    @Test
    void aFailingRequestFailsAlone() throws Exception {
        Scheduler scheduler = scheduler();
        Future<float[][]> first = occupy(scheduler);
        faulty = 3;
        Future<float[][]> second = submit(scheduler, token(2));
        Scheduler.Request culprit = open(scheduler);
        Future<float[][]> third = submit(scheduler, culprit, token(3));
        Future<float[][]> fourth = submit(scheduler, token(4));
        permits.release(1000);
        assertThat(name(first)).isEqualTo(1);
        assertThat(name(second)).isEqualTo(2);
        assertThat(name(fourth)).isEqualTo(4);
        assertThatThrownBy(third::get)
                .isInstanceOf(ExecutionException.class)
                .hasRootCauseInstanceOf(IllegalCallerException.class)
                .hasRootCauseMessage("fault in 3");
        assertThat(passes)
                .containsExactly(
                        List.of(1L), List.of(2L, 3L, 4L), List.of(2L), List.of(3L), List.of(4L));
        faulty = -1;
        assertThat(culprit.forward(token(3))).isEqualTo(new float[][] {{3}});
    }

    @Test
    void aWaitingRequestIsStopped() throws Exception {
        Scheduler scheduler = scheduler();
        Future<float[][]> first = occupy(scheduler);
        AtomicBoolean stopped = new AtomicBoolean();
        Scheduler.Request request = scheduler.open(this::compute, 1, stopped::get, Deadline.NONE);
        Future<float[][]> second = submit(scheduler, request, token(2));
        stopped.set(true);
        request.wake();
        assertThat(second.get()).isNull();
        Future<float[][]> third = submit(scheduler, token(3));
        permits.release(2);
        assertThat(name(first)).isEqualTo(1);
        assertThat(name(third)).isEqualTo(3);
        assertThat(passes).containsExactly(List.of(1L), List.of(3L));
    }

    /** A request that is being computed gets its logits, even if the thread is interrupted. */
    @Test
    void anInterruptedThreadLeavesBetweenPasses() throws Exception {
        Scheduler scheduler = scheduler();
        Thread[] interrupted = new Thread[2];
        boolean[] flags = new boolean[2];
        List<Future<float[][]>> logits = new ArrayList<>();
        gated = true;
        for (int i = 0; i < 2; ++i) {
            int index = i;
            logits.add(
                    threads.submit(
                            () -> {
                                interrupted[index] = Thread.currentThread();
                                float[][] rows = open(scheduler).forward(token(index + 1));
                                flags[index] = Thread.currentThread().isInterrupted();
                                return rows;
                            }));
            await(() -> scheduler.metrics().waiting() == index + 1);
            await(() -> passes.size() == 1);
        }
        interrupted[1].interrupt();
        assertThat(logits.get(1).get()).isNull();
        interrupted[0].interrupt();
        permits.release(1);
        assertThat(name(logits.get(0))).isEqualTo(1);
        assertThat(flags).containsExactly(true, true);
        assertThat(scheduler.metrics().waiting()).isZero();
        gated = false;
        try (Scheduler.Request request = open(scheduler)) {
            assertThat(request.forward(token(4))).isEqualTo(new float[][] {{4}});
        }
    }

    @Test
    void aRequestWaitsForMemory() throws Exception {
        Scheduler scheduler = scheduler(32, 100, 100);
        Scheduler.Request first = scheduler.open(this::compute, 60, () -> false, Deadline.NONE);
        assertThat(name(threads.submit(() -> first.forward(token(1))))).isEqualTo(1);
        AtomicBoolean stopped = new AtomicBoolean();
        Scheduler.Request second = scheduler.open(this::compute, 50, stopped::get, Deadline.NONE);
        Future<float[][]> cancelled = threads.submit(() -> second.forward(token(2)));
        await(() -> scheduler.metrics().queued() == 1);
        Scheduler.Request third = scheduler.open(this::compute, 50, () -> false, Deadline.NONE);
        Future<float[][]> waits = threads.submit(() -> third.forward(token(3)));
        await(() -> scheduler.metrics().queued() == 2);
        Scheduler.Request small = scheduler.open(this::compute, 1, () -> false, Deadline.NONE);
        small.priority(1);
        assertThat(small.forward(token(4))).isEqualTo(new float[][] {{4}});
        small.close();
        stopped.set(true);
        second.wake();
        assertThat(cancelled.get()).isNull();
        assertThat(scheduler.metrics().running()).isEqualTo(1);
        first.close();
        assertThat(name(waits)).isEqualTo(3);
        third.close();
        assertThat(scheduler.metrics().queued()).isZero();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> scheduler.open(this::compute, 101, () -> false, Deadline.NONE))
                .withMessageContaining("101 bytes, above max_cache_bytes of this model, 100")
                .withMessageContaining("lower max_new_tokens");
        scheduler.open(this::compute, 100, () -> false, Deadline.NONE).close();
    }

    /** max_time ends while the memory is reserved by another request, or its pass is computed. */
    @Test
    void aRequestWaitsUntilItsDeadline() throws Exception {
        Scheduler scheduler = scheduler(32, 100, 100);
        Scheduler.Request first = scheduler.open(this::compute, 60, () -> false, Deadline.NONE);
        gated = true;
        Future<float[][]> computed = submit(scheduler, first, token(1));
        await(() -> passes.size() == 1);
        AtomicLong now = new AtomicLong();
        for (int bytes : new int[] {50, 1}) {
            Deadline deadline = new Deadline(1e-9, now::incrementAndGet);
            try (Scheduler.Request late =
                    scheduler.open(this::compute, bytes, () -> false, deadline)) {
                assertThat(late.forward(token(2))).isNull();
            }
        }
        permits.release();
        assertThat(name(computed)).isEqualTo(1);
        first.close();
        gated = false;
        // what does not have to wait is computed
        Deadline over = new Deadline(1e-9, () -> now.addAndGet(10));
        try (Scheduler.Request alone = scheduler.open(this::compute, 50, () -> false, over)) {
            assertThat(alone.forward(token(3))).isEqualTo(new float[][] {{3}});
        }
        assertThat(passes).containsExactly(List.of(1L), List.of(3L));
        assertThat(scheduler.metrics().queued()).isZero();
        assertThat(scheduler.metrics().running()).isZero();
    }

    /** Two streams that one thread reads in turns would wait for each other for ever. */
    @Test
    void aRequestDoesNotWaitForRequestsThatNobodyReads() {
        patience = Duration.ofMillis(1);
        Scheduler scheduler = scheduler(32, 100, 100);
        Scheduler.Request first = scheduler.open(this::compute, 60, () -> false, Deadline.NONE);
        Scheduler.Request second = scheduler.open(this::compute, 60, () -> false, Deadline.NONE);
        assertThat(first.forward(token(1))).isNotNull();
        assertThatThrownBy(() -> second.forward(token(2)))
                .isInstanceOf(RejectedExecutionException.class)
                .hasMessageContaining("max_cache_bytes, 100")
                .hasMessageContaining("beside those of 1 others")
                .hasMessageContaining("close them");
        first.close();
        assertThat(second.forward(token(2))).isNotNull();
    }

    /** Random requests, of which some are cancelled, interrupted or fail. */
    @Test
    void manyThreads() throws Exception {
        faulty = 3;
        Scheduler scheduler = scheduler(3, 5, 4);
        List<Future<?>> tasks = new ArrayList<>();
        for (int task = 0; task < 8; ++task) {
            int name = task;
            tasks.add(threads.submit(() -> steps(scheduler, name)));
        }
        for (Future<?> task : tasks) {
            task.get();
        }
        assertThat(scheduler.metrics().running()).isZero();
        assertThat(scheduler.metrics().waiting()).isZero();
        assertThat(scheduler.metrics().queued()).isZero();
        assertThat(passes).allMatch(pass -> pass.size() <= 3);
    }

    private void steps(Scheduler scheduler, int name) {
        Random random = new Random(name);
        for (int i = 0; i < 30; ++i) {
            AtomicBoolean stopped = new AtomicBoolean();
            try (Scheduler.Request request =
                    scheduler.open(this::compute, 1, stopped::get, Deadline.NONE)) {
                for (int step = 0; step < 20; ++step) {
                    boolean interrupted = random.nextInt(10) == 0;
                    if (interrupted) {
                        Thread.currentThread().interrupt();
                    }
                    stopped.set(random.nextInt(10) == 0);
                    float[][] logits;
                    try {
                        logits = request.forward(prompt(name, 1 + random.nextInt(4), 1));
                        assertThat(name).isNotEqualTo(logits == null ? -1 : 3);
                    } catch (IllegalCallerException e) {
                        assertThat(name).isEqualTo(3);
                        continue;
                    } finally {
                        assertThat(Thread.interrupted()).isEqualTo(interrupted);
                    }
                    if (logits == null) {
                        assertThat(stopped.get() || interrupted).isTrue();
                    } else {
                        assertThat(logits).isEqualTo(new float[][] {{name}});
                    }
                }
            }
        }
    }
}
