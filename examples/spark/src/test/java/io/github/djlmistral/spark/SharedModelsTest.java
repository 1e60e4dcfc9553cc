/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.spark;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CyclicBarrier;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** Time passes when the test runs the tasks of the timer. */
class SharedModelsTest {

    private static final class Model implements AutoCloseable {

        private boolean closed;

        @Override
        public void close() {
            closed = true;
        }
    }

    private final List<Runnable> timer = new ArrayList<>();
    private final SharedModels<String, Model> models =
            new SharedModels<>(
                    key -> new Model(), Duration.ofMinutes(1), (task, delay) -> timer.add(task));

    @Test
    void equalKeysShareAModel() throws Exception {
        try (var first = models.lease("a");
                var second = models.lease("a");
                var other = models.lease("b")) {
            assertThat(second.model()).isSameAs(first.model());
            assertThat(other.model()).isNotSameAs(first.model());
            assertThat(models.loads()).isEqualTo(2);
        }
    }

    @Test
    void anIdleModelIsClosed() throws Exception {
        var lease = models.lease("a");
        assertThat(timer).isEmpty();
        lease.close();
        assertThat(lease.model().closed).isFalse();
        timer.get(0).run();
        assertThat(lease.model().closed).isTrue();
        try (var next = models.lease("a")) {
            assertThat(next.model().closed).isFalse();
        }
    }

    @Test
    void aModelInUseIsKept() throws Exception {
        var first = models.lease("a");
        first.close();
        try (var second = models.lease("a")) {
            timer.get(0).run();
            assertThat(second.model()).isSameAs(first.model());
            assertThat(second.model().closed).isFalse();
        }
    }

    @Test
    void theIdleTimeStartsWithTheLastUse() throws Exception {
        var first = models.lease("a");
        first.close();
        models.lease("a").close();
        timer.get(0).run();
        assertThat(first.model().closed).isFalse();
        timer.get(1).run();
        assertThat(first.model().closed).isTrue();
    }

    @Test
    void closingALeaseTwiceReleasesItOnce() throws Exception {
        var first = models.lease("a");
        try (var second = models.lease("a")) {
            first.close();
            first.close();
            assertThat(timer).isEmpty();
            assertThat(second.model().closed).isFalse();
        }
    }

    @Test
    void aFailedLoadIsTriedAgain() throws Exception {
        List<String> attempts = new ArrayList<>();
        SharedModels<String, Model> failing =
                new SharedModels<>(
                        key -> {
                            attempts.add(key);
                            if (attempts.size() == 1) {
                                throw new IllegalStateException("unreachable");
                            }
                            return new Model();
                        },
                        Duration.ZERO,
                        (task, delay) -> timer.add(task));
        assertThatThrownBy(() -> failing.lease("a")).hasMessage("unreachable");
        try (var lease = failing.lease("a")) {
            assertThat(lease.model().closed).isFalse();
        }
        assertThat(attempts).hasSize(2);
    }

    @Test
    void concurrentTasksWaitForOneLoad() throws Exception {
        int threads = 8;
        CyclicBarrier start = new CyclicBarrier(threads);
        Set<Model> seen = ConcurrentHashMap.newKeySet();
        ExecutorService executor = Executors.newFixedThreadPool(threads);
        try {
            List<Future<?>> tasks = new ArrayList<>();
            for (int i = 0; i < threads; ++i) {
                tasks.add(
                        executor.submit(
                                () -> {
                                    start.await();
                                    return seen.add(models.lease("a").model());
                                }));
            }
            for (Future<?> task : tasks) {
                task.get();
            }
        } finally {
            executor.shutdown();
        }
        assertThat(seen).hasSize(1);
        assertThat(models.loads()).isEqualTo(1);
    }

    @Test
    void aWaitingTaskCanBeInterrupted() {
        Thread.currentThread().interrupt();
        assertThatThrownBy(() -> models.lease("a")).isInstanceOf(InterruptedException.class);
        assertThat(models.loads()).isZero();
    }
}
