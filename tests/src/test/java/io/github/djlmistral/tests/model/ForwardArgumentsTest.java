/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.model;

import static io.github.djlmistral.tests.Leaks.resources;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.tests.kernels.RandomNetwork;
import java.lang.reflect.Proxy;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Wrong arguments of a pass are refused before anything is computed, whatever the kernels. */
class ForwardArgumentsTest extends Fixture {

    private static final int VOCABULARY = 77;

    private MistralForCausalLM network(String kernels) throws Exception {
        assumeAvailable(kernels);
        MistralConfig config = RandomNetwork.config(0);
        return RandomNetwork.load(
                config, "float32", manager, new ComputeOptions(kernels, "float32"));
    }

    private NDArray ids(long... ids) {
        return manager.create(ids, new Shape(1, ids.length));
    }

    /** Asserts that the input is rejected with and without a cache, which is left unchanged. */
    private void refused(MistralForCausalLM network, ForwardInput input, String... messages) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> network.forward(parameters, input, false))
                .satisfies(e -> assertThat(e).hasMessageContainingAll(messages));
        try (KvCache cache = network.newCache(manager)) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> network.forward(parameters, input.cache(cache), false));
            assertThat(cache.length()).isZero();
            // and goes on
            network.forward(parameters, ForwardInput.ofIds(ids(1, 2)).cache(cache), false);
            assertThat(cache.length()).isEqualTo(2);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "reference, -1",
        "reference, 77",
        "torch, -1",
        "torch, 77",
        "native, -1",
        "native, 77",
        "native, 9223372036854775807",
        "native, 4294967297"
    })
    void tokensOutsideTheVocabulary(String kernels, long id) throws Exception {
        MistralForCausalLM network = network(kernels);
        refused(network, ForwardInput.ofIds(ids(3, id)), "hold " + id, "0 to 76", "tokenizer");
        refused(network, ForwardInput.ofIds(ids(id)), "hold " + id);
    }

    @ParameterizedTest
    @ValueSource(strings = {"reference", "torch", "native"})
    void tokensOfAnotherShapeOrType(String kernels) throws Exception {
        MistralForCausalLM network = network(kernels);
        refused(
                network,
                ForwardInput.ofIds(manager.create(new long[] {1, 2})),
                "input_ids",
                "(batch, tokens)");
        refused(
                network,
                ForwardInput.ofIds(manager.create(new float[] {1, 2}, new Shape(1, 2))),
                "integers");
        refused(
                network,
                ForwardInput.ofIds(manager.create(new Shape(1, 0), DataType.INT64)),
                "input_ids");
        // 32-bit integers do
        NDArray ints = manager.create(new int[] {1, 2}, new Shape(1, 2));
        assertClose(
                network.forward(parameters, ForwardInput.ofIds(ints), false).logits(),
                network.forward(parameters, ForwardInput.ofIds(ids(1, 2)), false).logits(),
                0);
    }

    @ParameterizedTest
    @ValueSource(strings = {"reference", "torch", "native"})
    void embeddingsOfAnotherShapeOrType(String kernels) throws Exception {
        MistralForCausalLM network = network(kernels);
        refused(
                network,
                ForwardInput.ofEmbeddings(manager.zeros(new Shape(1, 2, 64))),
                "inputs_embeds",
                "128");
        refused(network, ForwardInput.ofEmbeddings(manager.zeros(new Shape(1, 128))), "hidden");
        refused(
                network,
                ForwardInput.ofEmbeddings(manager.zeros(new Shape(1, 2, 128), DataType.FLOAT16)),
                "float32");
    }

    @ParameterizedTest
    @ValueSource(strings = {"reference", "torch", "native"})
    void positionsThatDoNotFit(String kernels) throws Exception {
        MistralForCausalLM network = network(kernels);
        for (long[] shape : new long[][] {{2}, {1, 1}, {1, 3}, {2, 2}, {1, 2, 1}, {0}}) {
            NDArray positions = manager.zeros(new Shape(shape), DataType.INT64);
            refused(
                    network,
                    ForwardInput.ofIds(ids(1, 2)).positionIds(positions),
                    "position_ids",
                    "(1, 2)");
        }
        for (long position : new long[] {-1, Long.MIN_VALUE, 1L << 31}) {
            refused(
                    network,
                    ForwardInput.ofIds(ids(1, 2)).positionIds(ids(0, position)),
                    "position_ids hold " + position);
        }
        refused(
                network,
                ForwardInput.ofIds(ids(1, 2))
                        .positionIds(manager.create(new float[2], new Shape(1, 2))),
                "integers");
    }

    @ParameterizedTest
    @ValueSource(strings = {"reference", "torch", "native"})
    void masksThatDoNotFit(String kernels) throws Exception {
        MistralForCausalLM network = network(kernels);
        for (long[] shape : new long[][] {{2}, {1, 1}, {1, 3}, {2, 2}, {1, 1, 2}}) {
            refused(
                    network,
                    ForwardInput.ofIds(ids(1, 2)).attentionMask(manager.ones(new Shape(shape))),
                    "attention_mask");
        }
        for (long[] shape : new long[][] {{1, 1, 2, 3}, {1, 1, 1, 2}, {2, 1, 2, 2}, {1, 8, 2, 2}}) {
            refused(
                    network,
                    ForwardInput.ofIds(ids(1, 2)).attentionMask(manager.zeros(new Shape(shape))),
                    "4D attention mask",
                    "(1, 1, 2, 2)");
        }
        NDArray integers = manager.zeros(new Shape(1, 1, 2, 2), DataType.INT64);
        refused(network, ForwardInput.ofIds(ids(1, 2)).attentionMask(integers), "float32");
    }

    private void refused(MistralForCausalLM network, KvCache cache, String... messages) {
        for (NDArray ids : new NDArray[] {ids(1), ids(1, 2, 3, 4, 5, 6, 7, 8, 9)}) {
            assertThatIllegalArgumentException()
                    .isThrownBy(
                            () ->
                                    network.forward(
                                            parameters,
                                            ForwardInput.ofIds(ids).cache(cache),
                                            false))
                    .satisfies(e -> assertThat(e).hasMessageContainingAll(messages));
        }
        cache.close();
    }

    @ParameterizedTest
    @ValueSource(strings = {"reference", "torch", "native"})
    void cachesOfOtherNetworks(String kernels) throws Exception {
        MistralForCausalLM network = network(kernels);
        refused(network, network(kernels).newCache(manager), "another network's", "newCache");
        Class<?>[] types = {KvCache.class};
        KvCache foreign =
                (KvCache)
                        Proxy.newProxyInstance(
                                KvCache.class.getClassLoader(),
                                types,
                                (self, method, args) -> null);
        refused(network, foreign, "another network's", "newCache");
    }

    @ParameterizedTest
    @ValueSource(strings = {"reference", "torch", "native"})
    void cachesOfOtherRows(String kernels) throws Exception {
        MistralForCausalLM network = network(kernels);
        List<KvCache> three = caches(network, manager, 3);
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () ->
                                network.forward(
                                        parameters,
                                        ForwardInput.ofIds(ids(1)).caches(three),
                                        false))
                .withMessageContaining("3 caches")
                .withMessageContaining("1 rows");
        KvCache one = network.newCache(manager);
        NDArray two = ids(1, 2).reshape(2, 1);
        assertThatIllegalStateException()
                .isThrownBy(
                        () ->
                                network.forward(
                                        parameters,
                                        ForwardInput.ofIds(two).caches(List.of(one, one)),
                                        false))
                .withMessageContaining("each sequence of a pass needs its own");
        assertThat(one.length()).isZero();
    }

    @ParameterizedTest
    @ValueSource(strings = {"reference", "torch", "native"})
    void aClosedCache(String kernels) throws Exception {
        MistralForCausalLM network = network(kernels);
        KvCache cache = network.newCache(manager);
        cache.close();
        assertThatIllegalStateException()
                .isThrownBy(
                        () ->
                                network.forward(
                                        parameters, ForwardInput.ofIds(ids(1)).cache(cache), false))
                .withMessageContaining("closed");
    }

    /** One of two threads waits in a pass with the cache; the other is refused. */
    @ParameterizedTest
    @ValueSource(strings = {"reference", "torch"})
    void aCacheThatAnotherThreadUses(String kernels) throws Exception {
        CountDownLatch inside = new CountDownLatch(1);
        CountDownLatch refused = new CountDownLatch(1);
        MistralForCausalLM network = network(kernels);
        MistralForCausalLM waiting =
                through(
                        before(
                                network.kernels(),
                                "swiGlu",
                                () -> {
                                    inside.countDown();
                                    await(refused);
                                }),
                        network);
        ExecutorService thread = Executors.newSingleThreadExecutor();
        try (KvCache cache = waiting.newCache(manager)) {
            ForwardInput input = ForwardInput.ofIds(ids(1, 2)).cache(cache);
            Future<?> pass = thread.submit(() -> waiting.forward(parameters, input, false));
            await(inside);
            assertThatIllegalStateException()
                    .isThrownBy(() -> waiting.forward(parameters, input, false))
                    .withMessageContaining("another thread");
            assertThatIllegalStateException()
                    .isThrownBy(() -> cache.crop(0))
                    .withMessageContaining("another thread");
            refused.countDown();
            pass.get(60, TimeUnit.SECONDS);
            assertThat(cache.length()).isEqualTo(2);
        } finally {
            thread.shutdownNow();
        }
    }

    private static void await(CountDownLatch latch) {
        try {
            assertThat(latch.await(60, TimeUnit.SECONDS)).isTrue();
        } catch (InterruptedException e) {
            throw new AssertionError(e);
        }
    }

    /** Intermediate arrays are freed; the output belongs to the input's manager. */
    @ParameterizedTest
    @ValueSource(strings = {"reference", "torch", "native"})
    void theOutputBelongsToTheInputsManager(String kernels) throws Exception {
        MistralForCausalLM network = network(kernels);
        NDArray ids = ids(1, VOCABULARY - 1, 0);
        network.forward(parameters, ForwardInput.ofIds(ids), false); // constants are made once
        int before = resources(manager);
        NDArray logits = network.forward(parameters, ForwardInput.ofIds(ids), false).logits();
        assertThat(logits.getManager()).isSameAs(manager);
        assertThat(resources(manager)).isEqualTo(before + 1);
    }
}
