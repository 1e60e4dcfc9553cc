/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.cache;

import static io.github.djlmistral.tests.Leaks.resources;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.model.Chunk;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.tests.model.Fixture;
import io.github.djlmistral.tests.model.Reference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** KV caches: passes over chunks of sequences, forks, cropping, memory. */
class KvCacheTest extends Fixture {

    /** Runs a pass over chunks and returns the requested logits. */
    private float[][] pass(MistralForCausalLM network, Chunk... chunks) {
        try (NDManager scope = manager.newSubManager()) {
            NDArray logits = network.forward(scope, List.of(chunks));
            return logits == null ? new float[0][] : rows(logits);
        }
    }

    private static Chunk chunk(KvCache cache, long... ids) {
        return new Chunk(cache, ids, 1);
    }

    /** Logits of the last token of the same text, computed without a cache. */
    private float[] plain(MistralForCausalLM network, long[] text) {
        return logits(network, text)[text.length - 1];
    }

    private static long[] concat(long[] a, long... b) {
        long[] both = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, both, a.length, b.length);
        return both;
    }

    /**
     * Teacher forcing with random chunks, far beyond the window: after each chunk the logits equal
     * those of the whole text without a cache.
     */
    @ParameterizedTest
    @CsvSource({
        "window8-f32, torch, 300, 1",
        "window8-f32, torch, 300, 2",
        "window8-f32, native, 1200, 3",
        "window4-bf16, torch, 150, 4",
        "window4-bf16, reference, 90, 5",
        "window8-f32, reference, 100, 6",
        "nowindow-tied-sharded, torch, 100, 7",
        "nowindow-tied-sharded, native, 1100, 8"
    })
    void chunksOfAnySizeFarBeyondTheWindow(String checkpoint, String kernels, int length, long seed)
            throws Exception {
        MistralForCausalLM network = load(checkpoint, kernels);
        long[] text = prompt(network, seed, length);
        // one pass gives the logits of every position: later tokens do not change earlier ones
        float[][] expected = logits(network, text);
        Random random = new Random(seed);
        try (KvCache cache = network.newCache(manager)) {
            for (int from = 0; from < length; ) {
                int to = Math.min(length, from + 1 + random.nextInt(random.nextBoolean() ? 2 : 20));
                float[][] actual = pass(network, chunk(cache, Arrays.copyOfRange(text, from, to)));
                assertClose(actual[0], expected[to - 1], LOGITS);
                from = to;
            }
            assertThat(cache.length()).isEqualTo(length);
            assertThat(cache.ids()).isEqualTo(text);
        }
    }

    /** Prompts and single tokens of sequences of different lengths go through one pass. */
    @ParameterizedTest
    @CsvSource({
        "window8-f32, torch",
        "window8-f32, reference",
        "window8-f32, native",
        "nowindow-tied-sharded, torch",
        "nowindow-tied-sharded, native"
    })
    void chunksOfDifferentSequencesInOnePass(String checkpoint, String kernels) throws Exception {
        MistralForCausalLM network = load(checkpoint, kernels);
        int[] lengths = {1, 23, 2, 140};
        Random random = new Random(5);
        List<KvCache> caches = caches(network, manager, lengths.length);
        for (int round = 0; round < 4; ++round) {
            List<Chunk> chunks = new ArrayList<>();
            List<float[]> expected = new ArrayList<>();
            for (int i = 0; i < lengths.length; ++i) {
                KvCache cache = caches.get(i);
                long[] ids = prompt(network, 10L * round + i, round % 2 == 0 ? lengths[i] : 1);
                int logits = random.nextInt(Math.min(3, ids.length) + 1);
                float[][] all = logits(network, concat(cache.ids(), ids));
                expected.addAll(List.of(all).subList(all.length - logits, all.length));
                chunks.add(new Chunk(cache, ids, logits));
            }
            float[][] actual = pass(network, chunks.toArray(Chunk[]::new));
            assertThat(actual).hasNumberOfRows(expected.size());
            for (int i = 0; i < actual.length; ++i) {
                assertClose(actual[i], expected.get(i), LOGITS);
            }
        }
    }

    /** A cache and its forks, and forks of these, go on as their own texts. */
    @ParameterizedTest
    @CsvSource({
        "window8-f32, torch, 6",
        "window8-f32, reference, 200",
        "window8-f32, native, 700",
        "f16, torch, 9",
        "f16, reference, 5",
        "f16, native, 31",
        "f16, native, 512"
    })
    void forksGoOnAsTheirTexts(String checkpoint, String kernels, int length) throws Exception {
        MistralForCausalLM network = load(checkpoint, kernels);
        List<KvCache> caches = new ArrayList<>(List.of(network.newCache(manager)));
        List<long[]> texts = new ArrayList<>(List.of(prompt(network, 1, length)));
        pass(network, new Chunk(caches.get(0), texts.get(0), 0));
        Random random = new Random(length);
        for (int i = 0; i < 6; ++i) {
            int parent = random.nextInt(caches.size());
            caches.add(caches.get(parent).fork());
            texts.add(texts.get(parent));
            for (int j = 0; j < caches.size(); ++j) {
                long[] more = prompt(network, 100L * i + j, 1 + random.nextInt(3));
                texts.set(j, concat(texts.get(j), more));
                float[] expected = plain(network, texts.get(j));
                assertClose(pass(network, chunk(caches.get(j), more))[0], expected, LOGITS);
                assertThat(caches.get(j).ids()).isEqualTo(texts.get(j));
            }
            if (i == 3) {
                caches.remove(0).close();
                texts.remove(0);
            }
        }
    }

    @ParameterizedTest
    @CsvSource({
        "f16, torch, 10, 4",
        "f16, reference, 10, 9",
        "f16, torch, 10, 0",
        "f16, native, 700, 500",
        "window8-f32, torch, 8, 5",
        "window8-f32, reference, 8, 1",
        "window8-f32, torch, 300, 172",
        "window8-f32, reference, 300, 172",
        "window8-f32, native, 700, 572"
    })
    void croppingRemovesTokens(String checkpoint, String kernels, int length, int kept)
            throws Exception {
        MistralForCausalLM network = load(checkpoint, kernels);
        long[] text = prompt(network, 1, length);
        long[] other = prompt(network, 2, 7);
        try (KvCache cache = network.newCache(manager)) {
            for (int from = 0; from < length; from += 50) {
                int to = Math.min(length, from + 50);
                pass(network, new Chunk(cache, Arrays.copyOfRange(text, from, to), 0));
            }
            cache.crop(kept);
            long[] whole = concat(Arrays.copyOf(text, kept), other);
            assertClose(pass(network, chunk(cache, other))[0], plain(network, whole), LOGITS);
            assertThat(cache.ids()).isEqualTo(whole);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"torch", "reference", "native"})
    void croppingToWhatWasDropped(String kernels) throws Exception {
        MistralForCausalLM network = load("window8-f32", kernels);
        try (KvCache cache = network.newCache(manager)) {
            for (int i = 0; i < 30; ++i) {
                pass(network, new Chunk(cache, prompt(network, i, 50), 0));
            }
            assertThat(cache.dropped()).isPositive();
            assertThatIllegalStateException()
                    .isThrownBy(() -> cache.crop(10))
                    .withMessageContaining("seen 1500 tokens")
                    .withMessageContaining("compute the sequence again");
            assertThat(cache.length()).isEqualTo(1500);
            for (int tokens : new int[] {-1, 1501}) {
                assertThatIllegalArgumentException()
                        .isThrownBy(() -> cache.crop(tokens))
                        .withMessageContaining("crop to " + tokens)
                        .withMessageContaining("seen 1500");
            }
        }
    }

    /** With a sliding window the memory stays constant; without, it follows the text. */
    @ParameterizedTest
    @ValueSource(strings = {"torch", "reference", "native"})
    void memory(String kernels) throws Exception {
        MistralForCausalLM rolling = load("window8-f32", kernels);
        MistralForCausalLM full = load("nowindow-tied-sharded", kernels);
        try (KvCache one = rolling.newCache(manager);
                KvCache two = full.newCache(manager)) {
            assertThat(one.bytes()).isZero();
            pass(rolling, chunk(one, 1));
            pass(full, chunk(two, 1));
            long token = 2L * full.config().numHiddenLayers() * full.config().numKeyValueHeads();
            token *= (long) full.config().headDim() * two.dtype().bytes();
            assertThat(two.bytes()).isBetween(token, 32 * token);
            long most = 0;
            for (int i = 0; i < 40; ++i) {
                pass(rolling, new Chunk(one, prompt(rolling, i, 40), 0));
                pass(full, new Chunk(two, prompt(full, i, 40), 0));
                most = i < 20 ? Math.max(most, one.bytes()) : most;
                assertThat(one.bytes()).isLessThanOrEqualTo(Math.max(most, one.bytes() / 40));
                assertThat(two.bytes())
                        .isBetween(token * two.length(), token * 2 * (two.length() + 32));
            }
        }
    }

    /** With int8 a head takes a byte a number and 4 for a scale; the logits change little. */
    @Test
    void eightBits() throws Exception {
        assumeAvailable("native");
        MistralForCausalLM exact = load("nowindow-tied-sharded", "native");
        MistralForCausalLM network =
                MistralForCausalLM.load(
                        Reference.checkpoint("nowindow-tied-sharded").directory(),
                        manager,
                        new ComputeOptions("native", "float32", "auto", "int8"));
        assertThat(network.kernelReason()).contains("KV caches in int8");
        long[] text = prompt(network, 1, 600);
        try (KvCache eight = network.newCache(manager);
                KvCache all = exact.newCache(manager)) {
            float[] actual = pass(network, chunk(eight, text))[0];
            float[] expected = pass(exact, chunk(all, text))[0];
            assertThat(eight.dtype()).isEqualTo(Dtype.INT8);
            int size = network.config().headDim();
            assertThat(eight.bytes() * 4 * size).isEqualTo(all.bytes() * (size + 4));
            double[] p = softmax(expected);
            double[] q = softmax(actual);
            double divergence = 0;
            for (int i = 0; i < p.length; ++i) {
                divergence += p[i] * Math.log(p[i] / q[i]);
            }
            assertThat(divergence).isBetween(0.0, 5e-3);
        }
        for (String kernels : new String[] {"torch", "reference"}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(
                            () ->
                                    MistralForCausalLM.load(
                                            Reference.checkpoint("f16").directory(),
                                            manager,
                                            new ComputeOptions(kernels, "auto", "auto", "int8")))
                    .withMessageContaining("needs the native kernels")
                    .withMessageContaining(kernels);
        }
    }

    /** Caches and forks free their arrays, and are closed with their manager. */
    @ParameterizedTest
    @ValueSource(strings = {"torch", "reference", "native"})
    void nothingIsLeftBehind(String kernels) throws Exception {
        MistralForCausalLM network = load("f16", kernels);
        int before = resources(manager);
        NDManager parent = manager.newSubManager();
        KvCache cache = network.newCache(parent);
        int held = resources(parent);
        for (int i = 0; i < 20; ++i) {
            pass(network, chunk(cache, prompt(network, i, 30)));
            try (KvCache fork = cache.fork()) {
                pass(network, chunk(fork, 5));
            }
            assertThat(resources(parent)).isEqualTo(held);
        }
        KvCache fork = cache.fork();
        parent.close();
        for (KvCache closed : List.of(cache, fork)) {
            assertThatIllegalStateException()
                    .isThrownBy(() -> pass(network, chunk(closed, 5)))
                    .withMessageContaining("closed");
        }
        assertThat(resources(manager)).isEqualTo(before);
    }

    @Test
    void chunksThatDoNotFit() throws Exception {
        MistralForCausalLM network = load("f16", "torch");
        KvCache cache = network.newCache(manager);
        long[] ids = {1, 2};
        for (int logits : new int[] {-1, 3}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> new Chunk(cache, ids, logits))
                    .withMessageContaining("2 tokens cannot have " + logits + " logits");
        }
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Chunk(cache, new long[0], 0))
                .withMessageContaining("0 tokens");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> network.forward(manager, List.of()))
                .withMessageContaining("at least one chunk");
        int vocabulary = network.config().vocabSize();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> pass(network, chunk(cache, 1, vocabulary)))
                .withMessageContaining("the vocabulary has 0 to " + (vocabulary - 1));
        assertThatIllegalStateException()
                .isThrownBy(() -> pass(network, chunk(cache, 1), chunk(cache, 2)))
                .withMessageContaining("each sequence of a pass needs its own");
        assertThat(cache.length()).isZero();
        assertClose(pass(network, chunk(cache, ids))[0], plain(network, ids), LOGITS);
    }

    @Test
    void embeddingsHaveNoIds() throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        KvCache cache = network.newCache(manager);
        NDArray input =
                manager.zeros(new Shape(1, 2, network.config().hiddenSize()), DataType.FLOAT32);
        network.forward(parameters, ForwardInput.ofEmbeddings(input).cache(cache), false);
        assertThat(cache.length()).isEqualTo(2);
        assertThatIllegalStateException()
                .isThrownBy(cache::ids)
                .withMessageContaining("given embeddings");
    }
}
