/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.soak;

import java.io.IOException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.SplittableRandom;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicReference;
import java.util.concurrent.atomic.LongAdder;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * One model and many threads: predictions, batches, streams, cancels, interrupts and errors, mixed
 * at random. Every fourth thread is a virtual one where Java has them (21 and newer).
 */
final class MixedLoad {

    /** The threads that compute stay: they are shared by all models. */
    private static final String SHARED = "mistral-decoder";

    private final int threads;
    private final Duration time;
    private final Consumer<String> log;
    private final Map<Request.Outcome, LongAdder> outcomes = new EnumMap<>(Request.Outcome.class);
    private final AtomicReference<@Nullable Throwable> failure = new AtomicReference<>();
    private final List<Long> resident = new ArrayList<>();
    private long deadline;

    MixedLoad(int threads, Duration time, Consumer<String> log) {
        this.threads = threads;
        this.time = time;
        this.log = log;
        for (Request.Outcome outcome : Request.Outcome.values()) {
            outcomes.put(outcome, new LongAdder());
        }
    }

    /**
     * Runs it.
     *
     * @return the failures, empty if there are none
     */
    List<String> run() throws Exception {
        new SoakModel().close(); // starts the threads that stay
        Set<Thread> before = javaThreads();
        Long nativeBefore = ProcessStatus.threads();
        List<String> faults = new ArrayList<>();
        try (SoakModel model = new SoakModel()) {
            log.accept(model.questions().size() + " questions, " + threads + " threads");
            work(model);
            Throwable thrown = failure.get();
            if (thrown != null) {
                throw new IllegalStateException("a request did not end as it should", thrown);
            }
            faults.addAll(model.leaks());
        }
        Set<Thread> after = javaThreads();
        after.removeAll(before);
        after.removeIf(thread -> !thread.isAlive());
        if (!after.isEmpty()) {
            faults.add("threads that stayed: " + after);
        }
        log.accept("native threads: " + nativeBefore + " before, " + ProcessStatus.threads());
        log.accept("requests: " + outcomes);
        if (outcomes.get(Request.Outcome.ANSWERED).sum() == 0) {
            faults.add("nothing was answered");
        }
        faults.addAll(growth());
        return faults;
    }

    private void work(SoakModel model) throws Exception {
        deadline = System.nanoTime() + time.toNanos();
        ScheduledExecutorService timer = Executors.newScheduledThreadPool(2);
        ExecutorService platform = Executors.newCachedThreadPool();
        ExecutorService virtual = virtualThreads(platform);
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < threads; ++i) {
            SplittableRandom own = random.split();
            (i % 4 == 3 ? virtual : platform).execute(() -> repeat(model, own, timer));
        }
        platform.shutdown();
        virtual.shutdown();
        while (!platform.awaitTermination(1, TimeUnit.SECONDS)) {
            sample();
        }
        while (!virtual.awaitTermination(1, TimeUnit.SECONDS)) {
            sample();
        }
        timer.shutdown();
        timer.awaitTermination(1, TimeUnit.MINUTES);
    }

    private void repeat(SoakModel model, SplittableRandom random, ScheduledExecutorService timer) {
        try {
            while (failure.get() == null && System.nanoTime() < deadline) {
                outcomes.get(Request.run(model, random, timer)).increment();
            }
        } catch (Exception | Error e) {
            failure.compareAndSet(null, e);
        }
    }

    /** Virtual threads, by reflection: the tests compile for Java 17. */
    private static ExecutorService virtualThreads(ExecutorService otherwise) {
        try {
            return (ExecutorService)
                    Executors.class.getMethod("newVirtualThreadPerTaskExecutor").invoke(null);
        } catch (ReflectiveOperationException e) {
            return otherwise;
        }
    }

    private static Set<Thread> javaThreads() {
        Set<Thread> live = new HashSet<>(Thread.getAllStackTraces().keySet());
        live.removeIf(
                thread ->
                        thread.getName().startsWith(SHARED)
                                || thread.getName().equals("Attach Listener")
                                // the JVM's own, which run virtual threads
                                || thread.getName().startsWith("ForkJoinPool-")
                                || thread.getName().startsWith("VirtualThread-"));
        return live;
    }

    private void sample() throws IOException {
        Long now = ProcessStatus.residentMiB();
        if (now == null) {
            return;
        }
        resident.add(now);
        if (resident.size() % 30 == 0) {
            log.accept(
                    String.format(
                            Locale.ROOT,
                            "%4d s  %5d MiB resident  %3d threads  %s",
                            resident.size(),
                            now,
                            ProcessStatus.threads(),
                            outcomes));
        }
    }

    /** Compares the last tenth with the second minute: the first one warms up. */
    private List<String> growth() {
        int seconds = resident.size();
        if (seconds < 180) {
            return List.of();
        }
        long early = median(60, 120);
        long late = median(seconds - seconds / 10, seconds);
        long most = resident.stream().skip(60).mapToLong(Long::longValue).max().orElseThrow();
        log.accept(
                String.format(
                        Locale.ROOT,
                        "resident memory: %d MiB in the second minute, %d in the last tenth, at most %d",
                        early,
                        late,
                        most));
        return late > early * 1.05
                ? List.of("resident memory grew from " + early + " to " + late + " MiB")
                : List.of();
    }

    private long median(int from, int to) {
        return resident.subList(from, to).stream()
                .sorted()
                .skip((to - from) / 2)
                .findFirst()
                .orElseThrow();
    }
}
