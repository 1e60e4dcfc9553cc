/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.cache;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.cache.PrefixCache;
import java.lang.reflect.Proxy;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

/** Which prefixes are found, shared and evicted, with caches of one byte a token. */
@Timeout(30)
class PrefixCacheTest {

    private static final int SYSTEM = 20;

    private final AtomicInteger open = new AtomicInteger();
    private final PrefixCache prefixes = new PrefixCache(1000);

    @AfterEach
    void closingClosesTheCaches() {
        prefixes.close();
        assertThat(open).hasValue(0);
        prefixes.keep(cache(text(1, 30)));
        assertThat(open).hasValue(0);
    }

    /** A cache that remembers ids only. It can be cropped by {@code stepBack} tokens at most. */
    private KvCache cache(long[] ids, int stepBack) {
        open.incrementAndGet();
        long[][] tokens = {ids};
        boolean[] closed = new boolean[1];
        return (KvCache)
                Proxy.newProxyInstance(
                        KvCache.class.getClassLoader(),
                        new Class<?>[] {KvCache.class},
                        (proxy, method, arguments) -> {
                            switch (method.getName()) {
                                case "length" -> {
                                    return tokens[0].length;
                                }
                                case "ids" -> {
                                    return tokens[0].clone();
                                }
                                case "isCurrent" -> {
                                    return true;
                                }
                                case "bytes" -> {
                                    return (long) tokens[0].length;
                                }
                                case "fork" -> {
                                    if (closed[0]) {
                                        throw new IllegalStateException("closed");
                                    }
                                    return cache(tokens[0].clone(), stepBack);
                                }
                                case "crop" -> {
                                    int length = (int) arguments[0];
                                    if (tokens[0].length - length > stepBack) {
                                        throw new IllegalStateException("rolled");
                                    }
                                    tokens[0] = Arrays.copyOf(tokens[0], length);
                                    return null;
                                }
                                case "close" -> {
                                    if (!closed[0]) {
                                        closed[0] = true;
                                        open.decrementAndGet();
                                    }
                                    return null;
                                }
                                default -> {
                                    return method.invoke(tokens, arguments);
                                }
                            }
                        });
    }

    private KvCache cache(long[] ids) {
        return cache(ids, Integer.MAX_VALUE);
    }

    private static long[] text(long seed, int length) {
        return new Random(seed).longs(length, 0, 1000).toArray();
    }

    private static long[] join(long[]... parts) {
        return Arrays.stream(parts).flatMapToLong(LongStream::of).toArray();
    }

    /** Takes a prefix, checks that it is one, and returns its length; 0 if there is none. */
    private int taken(long[] prompt) {
        try (KvCache cache = prefixes.take(prompt)) {
            if (cache == null) {
                return 0;
            }
            assertThat(prompt).startsWith(cache.ids());
            return cache.length();
        }
    }

    @Test
    void aConversationContinuesOnItsCache() {
        KvCache first = cache(text(1, 30));
        prefixes.keep(first);
        long[] second = join(first.ids(), text(2, 10));
        assertThat(prefixes.take(second)).isSameAs(first);
        assertThat(prefixes.metrics()).isEqualTo(new PrefixCache.Metrics(1, 1, 30, 0, 0, 1000));
        // in use by the first request, so the same conversation elsewhere begins anew
        assertThat(taken(second)).isZero();
        first.close();
    }

    @Test
    void twoTextsShareTheirBeginning() {
        long[] system = text(1, SYSTEM);
        KvCache kept = cache(join(system, text(2, 10)));
        prefixes.keep(kept);
        assertThat(taken(join(system, text(3, 10)))).isEqualTo(SYSTEM);
        prefixes.keep(cache(join(system, text(3, 10))));
        assertThat(prefixes.metrics())
                .isEqualTo(new PrefixCache.Metrics(1, 1, SYSTEM, 2, 60, 1000));
        for (int turn = 2; turn < 4; ++turn) {
            assertThat(taken(join(system, text(4, 10)))).isEqualTo(SYSTEM);
            assertThat(taken(join(system, Arrays.copyOf(text(turn, 10), 7), text(5, 2))))
                    .isEqualTo(SYSTEM + 7);
        }
        assertThat(kept.ids()).isEqualTo(join(system, text(2, 10)));
        assertThat(open).hasValue(2);
    }

    /** The last token is computed again, because its logits are needed. */
    @Test
    void theSameTextAgain() {
        long[] ids = text(1, 30);
        prefixes.keep(cache(ids));
        for (int i = 0; i < 2; ++i) {
            assertThat(taken(ids)).isEqualTo(29);
            assertThat(taken(Arrays.copyOf(ids, 25))).isEqualTo(24);
        }
        prefixes.keep(cache(ids));
        assertThat(prefixes.metrics().entries()).isEqualTo(1);
        assertThat(open).hasValue(1);
    }

    @Test
    void fewCommonTokensAreComputedAgain() {
        long[] ids = text(1, 30);
        prefixes.keep(cache(ids));
        assertThat(taken(join(Arrays.copyOf(ids, 15), text(2, 9)))).isZero();
        assertThat(taken(join(Arrays.copyOf(ids, 16), text(2, 9)))).isEqualTo(16);
        assertThat(taken(text(2, 30))).isZero();
        assertThat(taken(Arrays.copyOf(ids, 1))).isZero();
        prefixes.keep(cache(text(3, 15)));
        assertThat(prefixes.metrics()).isEqualTo(new PrefixCache.Metrics(4, 1, 16, 1, 30, 1000));
    }

    /** A rolling cache has overwritten what a shorter prefix needs. */
    @Test
    void aRollingCacheServesItsContinuationOnly() {
        long[] system = text(1, SYSTEM);
        long[] chat = join(system, text(2, 20));
        prefixes.keep(cache(chat, 2));
        assertThat(taken(join(system, text(3, 10)))).isZero();
        assertThat(taken(chat)).isEqualTo(39);
        prefixes.keep(cache(system, 2));
        assertThat(taken(join(system, text(3, 10)))).isEqualTo(SYSTEM);
        assertThat(taken(join(chat, text(3, 10)))).isEqualTo(40);
        assertThat(open).hasValue(1);
    }

    @Test
    void theLeastRecentlyUsedLeafIsEvicted() {
        long[][] texts = IntStream.range(0, 4).mapToObj(i -> text(i, 300)).toArray(long[][]::new);
        for (int i = 0; i < 3; ++i) {
            prefixes.keep(cache(texts[i]));
        }
        assertThat(taken(texts[0])).isEqualTo(299);
        prefixes.keep(cache(texts[3]));
        assertThat(Arrays.stream(texts).map(this::taken)).containsExactly(299, 0, 299, 299);
        assertThat(prefixes.metrics().bytes()).isEqualTo(900);
        prefixes.keep(cache(text(5, 1001)));
        assertThat(taken(text(5, 1001))).isZero();
        assertThat(prefixes.metrics().entries()).isEqualTo(3);
        prefixes.clear();
        assertThat(open).hasValue(0);
        assertThat(taken(texts[0])).isZero();
    }

    @Test
    void aPrefixOutlivesItsContinuations() {
        long[] system = text(1, 200);
        prefixes.keep(cache(join(system, text(2, 100))));
        prefixes.keep(cache(system));
        prefixes.keep(cache(join(system, text(3, 100))));
        assertThat(prefixes.metrics().bytes()).isEqualTo(800);
        prefixes.keep(cache(text(4, 250)));
        assertThat(prefixes.metrics().bytes()).isEqualTo(750);
        assertThat(taken(join(system, text(2, 100)))).isEqualTo(200);
        assertThat(taken(join(system, text(3, 100)))).isEqualTo(299);
    }

    @Test
    void aBudgetOfZeroKeepsNothing() {
        try (PrefixCache none = new PrefixCache(0)) {
            none.keep(cache(text(1, 30)));
            assertThat(none.take(text(1, 30))).isNull();
        }
        assertThat(open).hasValue(0);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new PrefixCache(-1))
                .withMessageContaining("-1 bytes");
    }

    @Test
    void idleCachesAreClosed() {
        try (PrefixCache idle = new PrefixCache(1000, Duration.ofNanos(1))) {
            for (int i = 0; i < 2; ++i) {
                idle.keep(cache(text(1, 30)));
                while (open.get() > 0) {
                    assertThat(Thread.currentThread().isInterrupted()).as("timeout").isFalse();
                    Thread.onSpinWait();
                }
                assertThat(idle.metrics().bytes()).isZero();
            }
        }
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new PrefixCache(0, Duration.ofSeconds(-1)))
                .withMessageContaining("PT-1S");
    }

    /** Random texts over two letters, against a search through all kept texts. */
    @Test
    void findsWhatASearchThroughAllTextsFinds() {
        Random random = new Random(7);
        List<long[]> kept = new ArrayList<>();
        try (PrefixCache all = new PrefixCache(Long.MAX_VALUE)) {
            for (int i = 0; i < 500; ++i) {
                long[] ids = join(text(1, 14), random.longs(12, 0, 2).toArray());
                long[] prompt = Arrays.copyOf(ids, 16 + random.nextInt(10));
                int best = kept.stream().mapToInt(other -> common(prompt, other)).max().orElse(0);
                int expected = Math.min(best, prompt.length - 1);
                KvCache cache = all.take(prompt);
                if (cache == null) {
                    assertThat(expected).isLessThan(16);
                    cache = cache(ids);
                } else {
                    long[] found = cache.ids();
                    assertThat(found).hasSize(expected);
                    assertThat(prompt).startsWith(found);
                    cache.close();
                    cache = cache(ids);
                    kept.removeIf(
                            other -> Arrays.equals(other, found) && !hasContinuation(kept, other));
                }
                all.keep(cache);
                kept.removeIf(other -> Arrays.equals(other, ids));
                kept.add(ids);
                assertThat(all.metrics().entries()).isEqualTo(kept.size());
            }
        }
        assertThat(open).hasValue(0);
    }

    private static int common(long[] a, long[] b) {
        int mismatch = Arrays.mismatch(a, b);
        return mismatch < 0 ? a.length : mismatch;
    }

    private static boolean hasContinuation(List<long[]> texts, long[] ids) {
        return texts.stream()
                .anyMatch(other -> other.length > ids.length && common(other, ids) == ids.length);
    }

    @Test
    void manyThreads() throws Exception {
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            List<Callable<Void>> tasks = new ArrayList<>();
            for (int task = 0; task < 4; ++task) {
                Random random = new Random(task);
                tasks.add(
                        () -> {
                            for (int i = 0; i < 500; ++i) {
                                long[] prompt = join(text(random.nextInt(3), 20), text(i % 20, 9));
                                KvCache cache = prefixes.take(prompt);
                                if (cache != null) {
                                    assertThat(prompt).startsWith(cache.ids());
                                    cache.close();
                                }
                                prefixes.keep(cache(prompt));
                            }
                            return null;
                        });
            }
            for (Future<Void> task : threads.invokeAll(tasks)) {
                task.get();
            }
        } finally {
            threads.shutdown();
        }
        PrefixCache.Metrics metrics = prefixes.metrics();
        assertThat(metrics.lookups()).isEqualTo(2000);
        assertThat(metrics.bytes()).isEqualTo(29L * metrics.entries());
        assertThat(open).hasValue(metrics.entries());
    }
}
