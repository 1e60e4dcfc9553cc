/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.cache;

import static io.github.djlmistral.tests.Leaks.resources;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.internal.cache.SlotKvCache;
import io.github.djlmistral.engine.internal.kernels.ReferenceKernels;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.tests.model.Fixture;
import java.util.Arrays;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which keys the KV cache keeps, and that cached logits equal uncached ones. */
class KvCacheTest extends Fixture {

    private SlotKvCache cache(boolean rolling, int capacity) {
        Shape shape = new Shape(1, 1, capacity, 2);
        return rolling
                ? SlotKvCache.rolling(manager, new ReferenceKernels(), 1, shape)
                : SlotKvCache.full(manager, new ReferenceKernels(), 1, shape);
    }

    private void see(SlotKvCache cache, int tokens) {
        if (tokens == 0) {
            return;
        }
        try (SlotKvCache.Pass pass = cache.begin(tokens)) {
            pass.finish();
        }
    }

    /** Returns the number of keys that the next tokens could attend to. */
    private int keys(SlotKvCache cache, int tokens) {
        try (SlotKvCache.Pass pass = cache.begin(tokens)) {
            return pass.keys();
        }
    }

    /** By definition: the positions that a window of the capacity lets one of the tokens see. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4, 7})
    void aRollingCacheKeepsWhatItsWindowSees(int capacity) {
        for (int past = 0; past <= 3 * capacity + 1; ++past) {
            for (int tokens = 1; tokens <= 2 * capacity + 2; ++tokens) {
                try (SlotKvCache cache = cache(true, capacity)) {
                    see(cache, past);
                    int oldest = Math.max(0, past - capacity + 1);
                    assertThat(keys(cache, tokens))
                            .as("capacity %d, past %d, tokens %d", capacity, past, tokens)
                            .isEqualTo(past + tokens - oldest);
                    assertThat(cache.length()).isEqualTo(past);
                    assertThat(cache.capacity()).isEqualTo(capacity);
                }
            }
        }
    }

    @ParameterizedTest
    @CsvSource({"0, 1", "0, 9", "4, 5", "8, 1"})
    void aFullCacheKeepsAll(int past, int tokens) {
        try (SlotKvCache cache = cache(false, 9)) {
            see(cache, past);
            assertThat(keys(cache, tokens)).isEqualTo(past + tokens);
        }
    }

    @ParameterizedTest
    @CsvSource({"0, 5", "3, 2", "4, 1"})
    void aFullCacheRefusesMoreAndGoesOn(int past, int tokens) {
        try (SlotKvCache cache = cache(false, 4)) {
            see(cache, past);
            assertThatIllegalStateException()
                    .isThrownBy(() -> cache.begin(tokens))
                    .withMessageContaining("room for 4 tokens and holds " + past)
                    .withMessageContaining(tokens + " more");
            assertThat(cache.length()).isEqualTo(past);
            see(cache, 4 - past);
            assertThat(cache.length()).isEqualTo(4);
        }
    }

    @Test
    void croppingOverwrittenTokensIsRejected() {
        try (SlotKvCache cache = cache(true, 4)) {
            see(cache, 4);
            cache.crop(2);
            assertThat(cache.length()).isEqualTo(2);
            see(cache, 3);
            cache.crop(5);
            assertThatIllegalStateException()
                    .isThrownBy(() -> cache.crop(4))
                    .withMessageContaining("overwritten")
                    .withMessageContaining("full cache");
            assertThat(cache.length()).isEqualTo(5);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {-1, 4})
    void croppingToInvalidLengths(int tokens) {
        try (SlotKvCache cache = cache(false, 9)) {
            see(cache, 3);
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> cache.crop(tokens))
                    .withMessageContaining("crop to " + tokens)
                    .withMessageContaining("seen 3");
        }
    }

    @Test
    void anOrderOfRowsThatAreNotThere() {
        Shape shape = new Shape(2, 1, 4, 2);
        try (SlotKvCache cache = SlotKvCache.full(manager, new ReferenceKernels(), 1, shape)) {
            for (int[] rows : new int[][] {{0}, {0, 1, 0}, {0, 2}, {-1, 0}}) {
                assertThatIllegalArgumentException()
                        .isThrownBy(() -> cache.reorder(rows))
                        .withMessageContaining("rows");
            }
        }
    }

    // with a network

    private NDArray ids(NDManager scope, long[][] rows) {
        long[] flat = Stream.of(rows).flatMapToLong(Arrays::stream).toArray();
        return scope.create(flat, new Shape(rows.length, rows[0].length));
    }

    /** Runs tokens through the cache and returns the last token's logits of each row. */
    private float[][] pass(MistralForCausalLM network, KvCache cache, long[]... rows) {
        try (NDManager scope = manager.newSubManager()) {
            ForwardInput input = ForwardInput.ofIds(ids(scope, rows)).cache(cache).logitsToKeep(1);
            return rows(network.forward(parameters, input, false).logits());
        }
    }

    /** Logits of the last token of the same text, computed without a cache. */
    private float[] plain(MistralForCausalLM network, long[] text) {
        return logits(network, text)[text.length - 1];
    }

    private static KvCache newCache(
            NDManager manager, MistralForCausalLM network, int batch, int tokens) {
        return network.newCache(manager, batch, tokens);
    }

    /**
     * Teacher forcing with random chunks, far beyond the window: after each chunk the logits equal
     * those of the whole text without a cache.
     */
    @ParameterizedTest
    @CsvSource({
        "window8-f32, torch, 300, 1",
        "window8-f32, torch, 300, 2",
        "window8-f32, torch, 300, 3",
        "window4-bf16, torch, 150, 4",
        "window4-bf16, reference, 90, 5",
        "window8-f32, reference, 100, 6",
        "nowindow-tied-sharded, torch, 100, 7"
    })
    void chunksOfAnySizeFarBeyondTheWindow(String checkpoint, String kernels, int length, long seed)
            throws Exception {
        MistralForCausalLM network = load(checkpoint, kernels);
        long[] text = prompt(network, seed, length);
        // one pass gives the logits of every position: later tokens do not change earlier ones
        float[][] expected = logits(network, text);
        Random random = new Random(seed);
        try (KvCache cache = newCache(manager, network, 1, length)) {
            int window = network.config().window();
            assertThat(cache.capacity()).isEqualTo(window == 0 ? length : window);
            for (int from = 0; from < length; ) {
                int to = Math.min(length, from + 1 + random.nextInt(random.nextBoolean() ? 2 : 20));
                float[][] actual = pass(network, cache, Arrays.copyOfRange(text, from, to));
                assertClose(actual[0], expected[to - 1], LOGITS);
                from = to;
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "window8-f32, torch, 6",
        "window8-f32, torch, 13",
        "window8-f32, reference, 13",
        "f16, torch, 9",
        "f16, reference, 5"
    })
    void reorderedRowsGoOnAsTheirTexts(String checkpoint, String kernels, int length)
            throws Exception {
        MistralForCausalLM network = load(checkpoint, kernels);
        long[][] texts = {
            prompt(network, 1, length), prompt(network, 2, length), prompt(network, 3, length)
        };
        long[][] more = {prompt(network, 4, 3), prompt(network, 5, 3), prompt(network, 6, 3)};
        int[][] orders = {{0, 1, 2}, {2, 0, 1}, {1, 1, 1}, {0, 2, 2}};
        for (int[] order : orders) {
            try (KvCache cache = newCache(manager, network, 3, length + 3)) {
                pass(network, cache, texts);
                int held = resources(manager);
                cache.reorder(order);
                assertThat(resources(manager)).isEqualTo(held);
                float[][] actual = pass(network, cache, more);
                for (int i = 0; i < 3; ++i) {
                    assertClose(
                            actual[i], plain(network, concat(texts[order[i]], more[i])), LOGITS);
                }
            }
        }
    }

    private static long[] concat(long[] a, long[] b) {
        long[] both = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, both, a.length, b.length);
        return both;
    }

    @ParameterizedTest
    @CsvSource({
        "f16, torch, 10, 4",
        "f16, reference, 10, 9",
        "f16, torch, 10, 0",
        "window8-f32, torch, 8, 5",
        "window8-f32, reference, 8, 1"
    })
    void croppingRemovesTokens(String checkpoint, String kernels, int length, int kept)
            throws Exception {
        MistralForCausalLM network = load(checkpoint, kernels);
        long[] text = prompt(network, 1, length);
        long[] other = prompt(network, 2, 7);
        try (KvCache cache = newCache(manager, network, 1, 40)) {
            pass(network, cache, text);
            cache.crop(kept);
            float[][] actual = pass(network, cache, other);
            assertClose(
                    actual[0], plain(network, concat(Arrays.copyOf(text, kept), other)), LOGITS);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"torch", "reference"})
    void afterAnOverflowTheCacheIsAsBefore(String kernels) throws Exception {
        MistralForCausalLM network = load("f16", kernels);
        long[] text = prompt(network, 1, 8);
        try (KvCache cache = newCache(manager, network, 1, 8)) {
            pass(network, cache, Arrays.copyOf(text, 6));
            assertThatIllegalStateException()
                    .isThrownBy(() -> pass(network, cache, prompt(network, 2, 3)))
                    .withMessageContaining("3 more do not fit");
            float[][] actual = pass(network, cache, Arrays.copyOfRange(text, 6, 8));
            assertClose(actual[0], plain(network, text), LOGITS);
        }
    }

    /**
     * The cache holds two arrays per layer, of the requested shape, however many tokens pass
     * through.
     */
    @ParameterizedTest
    @CsvSource({"window8-f32, torch", "window8-f32, reference", "f16, torch", "f16, reference"})
    void theMemoryIsConstant(String checkpoint, String kernels) throws Exception {
        MistralForCausalLM network = load(checkpoint, kernels);
        try (NDManager parent = manager.newSubManager();
                KvCache cache = newCache(parent, network, 2, 60)) {
            int held = resources(parent);
            assertThat(held).isEqualTo(1 + 2 * network.config().numHiddenLayers());
            for (int tokens : new int[] {1, 7, 1, 1, 12, 1, 20, 2, 1}) {
                pass(network, cache, prompt(network, 1, tokens), prompt(network, 2, tokens));
                assertThat(resources(parent)).isEqualTo(held);
            }
        }
    }

    @Test
    void aCacheOfAnotherBatchIsRefused() throws Exception {
        MistralForCausalLM network = load("f16", "torch");
        try (KvCache cache = newCache(manager, network, 2, 10)) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> pass(network, cache, prompt(network, 1, 3)))
                    .withMessageContaining("2 rows")
                    .withMessageContaining("1");
        }
    }

    @ParameterizedTest
    @CsvSource({"7, 7", "8, 8", "9, 8", "5000, 8"})
    void aCacheRollsWhereTheTextOutgrowsTheWindow(int tokens, int capacity) throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        MistralConfig config = network.config();
        assertThat(config.window()).isEqualTo(8);
        try (KvCache cache = newCache(manager, network, 1, tokens)) {
            assertThat(cache.capacity()).isEqualTo(capacity);
            assertThat(cache.length()).isZero();
        }
    }
}
