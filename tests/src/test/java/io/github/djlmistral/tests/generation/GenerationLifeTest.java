/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.generation;

import static io.github.djlmistral.tests.Leaks.resources;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.generation.FinishReason;
import io.github.djlmistral.engine.generation.Generation;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.GenerationResult;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.engine.generation.Token;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.tests.model.Fixture;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Cancellation, close and failure at every point, and resource leaks afterwards. */
class GenerationLifeTest extends Fixture {

    private static GenerationConfig.Builder options(int tokens) {
        return GenerationConfig.builder().maxNewTokens(tokens);
    }

    private List<Sequence> rows(
            MistralForCausalLM network, List<long[]> prompts, GenerationConfig.Builder options) {
        return new Generator(network, manager, null).generate(prompts, options.build()).sequences();
    }

    /** Texts that may be compared: see {@link #assertDecided}. */
    private List<Sequence> decided(
            MistralForCausalLM network, List<long[]> prompts, GenerationConfig.Builder options) {
        List<Sequence> rows = rows(network, prompts, options);
        assertDecided(network, prompts, options.build(), rows);
        return rows;
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 7})
    void theCallbackCancels(int after) throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        long[] prompt = prompt(network, 1, 5);
        List<Token> seen = new ArrayList<>();
        GenerationResult result =
                new Generator(network, manager, null)
                        .generate(
                                List.of(prompt),
                                options(20).build(),
                                token -> {
                                    seen.add(token);
                                    return seen.size() < after;
                                });
        Sequence row = result.sequences().get(0);
        assertThat(seen).hasSize(after);
        assertThat(row.finishReason()).isEqualTo(FinishReason.CANCELLED);
        assertThat(row.generated())
                .isEqualTo(
                        Arrays.copyOf(
                                decided(network, List.of(prompt), options(20)).get(0).generated(),
                                after));
    }

    @Test
    void finishedRowIsNotCancelled() throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        List<long[]> prompts = List.of(prompt(network, 1, 5), prompt(network, 2, 5));
        long[] first = decided(network, prompts, options(20)).get(0).generated();
        try (Generation generation =
                new Generator(network, manager, null)
                        .start(prompts, options(20).eosTokenIds(List.of((int) first[0])).build())) {
            generation.next();
            generation.cancel();
            assertThat(generation.next()).isEmpty();
            assertThat(generation.result().sequences())
                    .extracting(Sequence::finishReason)
                    .containsExactly(FinishReason.EOS, FinishReason.CANCELLED);
        }
    }

    @Test
    void anotherThreadCancels() throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        CountDownLatch fifth = new CountDownLatch(1);
        CountDownLatch cancelled = new CountDownLatch(1);
        ExecutorService thread = Executors.newSingleThreadExecutor();
        try (Generation generation =
                new Generator(network, manager, null)
                        .start(List.of(prompt(network, 1, 5)), options(400).build())) {
            Future<?> canceller =
                    thread.submit(
                            () -> {
                                fifth.await();
                                generation.cancel();
                                cancelled.countDown();
                                return null;
                            });
            int tokens = 0;
            while (!generation.next().isEmpty()) {
                if (++tokens == 5) {
                    fifth.countDown();
                    cancelled.await();
                }
            }
            canceller.get();
            assertThat(tokens).isEqualTo(5);
            Sequence row = generation.result().sequences().get(0);
            assertThat(row.generatedLength()).isEqualTo(5);
            assertThat(row.finishReason()).isEqualTo(FinishReason.CANCELLED);
            assertThat(generation.next()).isEmpty();
        } finally {
            thread.shutdown();
        }
    }

    /** No token is sampled from the logits of an incomplete prompt. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4})
    void cancelledWithinThePrompt(int pass) throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        Generation[] generation = new Generation[1];
        int[] passes = new int[1];
        Kernels kernels =
                before(
                        network.kernels(),
                        "embedding",
                        () -> {
                            if (++passes[0] == pass) {
                                generation[0].cancel();
                            }
                        });
        MistralForCausalLM observed = through(kernels, network);
        GenerationConfig config = options(5).prefillChunkSize(3).build();
        try (Generation started =
                new Generator(observed, manager, null)
                        .start(List.of(prompt(network, 1, 12)), config)) {
            generation[0] = started;
            assertThat(started.next()).isEmpty();
            Sequence row = started.result().sequences().get(0);
            assertThat(row.generatedLength()).isZero();
            assertThat(row.finishReason()).isEqualTo(FinishReason.CANCELLED);
            // the chunk that was being computed is the last
            assertThat(passes[0]).isEqualTo(pass);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {0, 1, 3})
    void closedInTheMiddle(int tokens) throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        int before = resources(manager);
        Generation generation =
                new Generator(network, manager, null)
                        .start(List.of(prompt(network, 1, 5)), options(20).build());
        for (int i = 0; i < tokens; ++i) {
            generation.next();
        }
        generation.close();
        generation.close();
        assertThat(resources(manager)).isLessThanOrEqualTo(before + KERNEL_CONSTANTS);
        assertThatIllegalStateException()
                .isThrownBy(generation::next)
                .withMessageContaining("closed");
        Sequence row = generation.result().sequences().get(0);
        assertThat(row.generatedLength()).isEqualTo(tokens);
        assertThat(row.finishReason()).isEqualTo(FinishReason.CANCELLED);
    }

    /** Constants that the torch kernels cache: epsilon, window and data type. */
    private static final int KERNEL_CONSTANTS = 4;

    /** After the first generation, which creates the cached constants, nothing may leak. */
    @ParameterizedTest
    @CsvSource({
        "window8-f32, torch", "window8-f32, reference",
        "nowindow-tied-sharded, torch", "nowindow-tied-sharded, reference"
    })
    void nothingStays(String checkpoint, String kernels) throws Exception {
        MistralForCausalLM network = load(checkpoint, kernels);
        List<long[]> prompts = List.of(prompt(network, 1, 11), prompt(network, 2, 5));
        GenerationConfig.Builder options = options(12).prefillChunkSize(4);
        rows(network, prompts, options);
        rows(network, prompts.subList(1, 2), options);
        int before = resources(manager);
        int arrays = manager.getManagedArrays().size();
        Generator generator = new Generator(network, manager, null);
        for (int i = 0; i < 3; ++i) {
            rows(network, prompts, options);
            rows(network, prompts.subList(1, 2), options.copy().temperature(2));
            generator.generate(prompts, options.build(), token -> false);
            generator.start(prompts, options.build()).close();
            assertThatThrownBy(
                            () ->
                                    generator.generate(
                                            prompts,
                                            options.build(),
                                            token -> {
                                                throw new IllegalCallerException("enough");
                                            }))
                    .isInstanceOf(IllegalCallerException.class);
            assertThatThrownBy(() -> generator.generate(List.of(new long[0]), options.build()))
                    .isInstanceOf(IllegalArgumentException.class);
        }
        assertThat(resources(manager)).isEqualTo(before);
        assertThat(manager.getManagedArrays()).hasSize(arrays);
    }

    /** The resources of a generation do not grow with its text; the caches are freed at its end. */
    @ParameterizedTest
    @CsvSource({
        "window8-f32, torch", "window8-f32, reference",
        "nowindow-tied-sharded, torch", "nowindow-tied-sharded, reference"
    })
    void memoryOfAGenerationIsConstant(String checkpoint, String kernels) throws Exception {
        MistralForCausalLM network = load(checkpoint, kernels);
        List<long[]> prompts = List.of(prompt(network, 1, 11), prompt(network, 2, 5));
        try (NDManager parent = manager.newSubManager();
                Generation generation =
                        new Generator(network, parent, null).start(prompts, options(40).build())) {
            generation.next();
            generation.next();
            int held = resources(parent);
            for (int i = 2; i < 39; ++i) {
                assertThat(generation.next()).hasSize(2);
                assertThat(resources(parent)).isEqualTo(held);
            }
            assertThat(generation.next())
                    .extracting(Token::finishReason)
                    .containsOnly(FinishReason.LENGTH);
            assertThat(resources(parent)).isLessThan(held);
            assertThat(generation.next()).isEmpty();
        }
    }

    /** The engine fails, e.g. out of memory, in the middle of any forward pass. */
    @ParameterizedTest
    @CsvSource({"1, 20", "2, 20", "3, 20", "4, 20", "5, 20", "2, 2", "3, 2", "5, 2"})
    void failedPassIsRepeated(int pass, int chunk) throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        List<long[]> prompts = List.of(prompt(network, 1, 7), prompt(network, 2, 3));
        List<Sequence> expected = decided(network, prompts, options(6));
        int[] calls = new int[1];
        int layers = network.config().numHiddenLayers();
        Kernels kernels =
                before(
                        network.kernels(),
                        "swiGlu",
                        () -> {
                            // in the second layer, when the first has written to the cache
                            if (++calls[0] == (pass - 1) * layers + 2) {
                                throw new IllegalCallerException("no memory");
                            }
                        });
        MistralForCausalLM failing = through(kernels, network);
        int before = resources(manager);
        try (Generation generation =
                new Generator(failing, manager, null)
                        .start(prompts, options(6).prefillChunkSize(chunk).build())) {
            int failures = 0;
            boolean more = true;
            while (more) {
                try {
                    more = !generation.next().isEmpty();
                } catch (IllegalCallerException e) {
                    ++failures;
                }
            }
            assertThat(failures).isEqualTo(1);
            for (int i = 0; i < 2; ++i) {
                Sequence row = generation.result().sequences().get(i);
                assertThat(row.generated()).isEqualTo(expected.get(i).generated());
                assertClose(
                        row.logProbabilities(),
                        expected.get(i).logProbabilities(),
                        LOG_PROBABILITIES);
            }
        }
        assertThat(resources(manager)).isEqualTo(before);
    }

    /** A failed chunk has not overwritten keys that it needs, although the cache rolls. */
    @Test
    void failedChunkOfARollingCacheIsRepeated() throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        List<long[]> prompts = List.of(prompt(network, 1, 20));
        List<Sequence> expected = decided(network, prompts, options(6));
        int[] calls = new int[1];
        Kernels kernels =
                before(
                        network.kernels(),
                        "swiGlu",
                        () -> {
                            // the second chunk, tokens 6 to 11, needs the keys 0 to 5 as well
                            if (++calls[0] == 3 + 2) {
                                throw new IllegalCallerException("no memory");
                            }
                        });
        try (Generation generation =
                new Generator(through(kernels, network), manager, null)
                        .start(prompts, options(6).prefillChunkSize(6).build())) {
            assertThatThrownBy(generation::next).isInstanceOf(IllegalCallerException.class);
            while (!generation.next().isEmpty()) {
                // the sequence collects the tokens
            }
            assertThat(generation.result().sequences().get(0).generated())
                    .isEqualTo(expected.get(0).generated());
        }
    }
}
