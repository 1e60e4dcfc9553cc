/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.generation;

import static io.github.djlmistral.tests.Leaks.resources;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.djlmistral.engine.generation.Batching;
import io.github.djlmistral.engine.generation.BatchingMetrics;
import io.github.djlmistral.engine.generation.BeamOptions;
import io.github.djlmistral.engine.generation.FinishReason;
import io.github.djlmistral.engine.generation.Generation;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.RequestLimits;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.engine.generation.SpeculationOptions;
import io.github.djlmistral.engine.generation.StoppingOptions;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.tests.model.Fixture;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.Semaphore;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Generations on several threads, which are computed in common passes. */
@Timeout(60)
class BatchingTest extends Fixture {

    private static final LogitsProcessor[] NONE = {};

    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final Semaphore gate = new Semaphore(0);
    private final AtomicInteger passes = new AtomicInteger();

    @AfterEach
    void stopThreads() {
        gate.release(1000);
        threads.shutdown();
    }

    private static GenerationConfig options(int tokens) {
        return GenerationConfig.builder().maxNewTokens(tokens).build();
    }

    /** A network whose first pass lasts until the gate opens. */
    private MistralForCausalLM gated(MistralForCausalLM network) {
        Kernels kernels =
                before(
                        network.kernels(),
                        "embedding",
                        () -> {
                            if (passes.getAndIncrement() == 0) {
                                gate.acquireUninterruptibly();
                            }
                        });
        return through(kernels, network);
    }

    private static BatchingMetrics metrics(Generator generator) {
        return generator.batchingMetrics().orElseThrow();
    }

    private static void awaitWaiting(Generator generator, int count) {
        while (metrics(generator).waiting() < count) {
            assertThat(Thread.currentThread().isInterrupted()).as("timeout").isFalse();
            Thread.onSpinWait();
        }
    }

    private Future<Sequence> submit(Generation generation) {
        return threads.submit(
                () -> {
                    try (generation) {
                        while (!generation.next().isEmpty()) {
                            // to the end
                        }
                        return generation.result().sequences().get(0);
                    }
                });
    }

    private List<long[]> prompts(MistralForCausalLM network) {
        List<long[]> prompts = new ArrayList<>();
        for (int i = 0; i < 6; ++i) {
            prompts.add(prompt(network, i, 3 + 4 * i));
        }
        return prompts;
    }

    @ParameterizedTest
    @CsvSource({
        "window8-f32, native",
        "window8-f32, torch",
        "window8-f32, reference",
        "nowindow-tied-sharded, native",
        "nowindow-tied-sharded, torch"
    })
    void textsAreThoseOfSingleGenerations(String checkpoint, String kernels) throws Exception {
        assumeAvailable(kernels);
        MistralForCausalLM network = load(checkpoint, kernels);
        List<long[]> prompts = prompts(network);
        Generator alone =
                new Generator(network, manager, null, RequestLimits.unlimited(), null, null);
        assertThat(alone.batchingMetrics()).isEmpty();
        List<Sequence> expected = alone.generate(prompts, options(12)).sequences();
        if (!kernels.equals("native")) {
            assertDecided(network, prompts, options(12), expected);
        }
        int before = resources(manager);
        Generator together =
                new Generator(
                        gated(network),
                        manager,
                        null,
                        RequestLimits.unlimited(),
                        new Batching(4, 10, Long.MAX_VALUE),
                        null);
        List<Future<Sequence>> texts = new ArrayList<>();
        for (long[] prompt : prompts) {
            texts.add(submit(together.start(List.of(prompt), options(12))));
        }
        awaitWaiting(together, 6);
        gate.release();
        for (int i = 0; i < 6; ++i) {
            Sequence text = texts.get(i).get();
            assertThat(text.generated()).isEqualTo(expected.get(i).generated());
            float[] wanted = expected.get(i).logProbabilities();
            if (kernels.equals("native")) {
                assertThat(text.logProbabilities()).isEqualTo(wanted);
            } else {
                assertClose(text.logProbabilities(), wanted, LOG_PROBABILITIES);
            }
        }
        BatchingMetrics metrics = metrics(together);
        assertThat(metrics.passes()).isEqualTo(passes.get());
        assertThat(metrics.sequences()).isGreaterThan(metrics.passes());
        assertThat(metrics.generatedTokens()).isEqualTo(6 * 12);
        assertThat(metrics.computedTokens())
                .isEqualTo(prompts.stream().mapToInt(prompt -> prompt.length + 11).sum());
        assertThat(List.of(metrics.running(), metrics.waiting(), metrics.queued())).containsOnly(0);
        assertThat(metrics.cacheBytes()).isZero();
        assertThat(resources(manager)).isLessThanOrEqualTo(before + 2); // constants of kernels
    }

    @Test
    void generatorsOfANetworkAreComputedTogether() throws Exception {
        MistralForCausalLM network = gated(load("window8-f32", "torch"));
        Generator first = new Generator(network, manager, null);
        Generator second = new Generator(network, manager, null);
        Future<Sequence> a = submit(first.start(List.of(prompt(network, 1, 5)), options(2)));
        awaitWaiting(second, 1);
        Future<Sequence> b = submit(second.start(List.of(prompt(network, 2, 5)), options(2)));
        awaitWaiting(first, 2);
        gate.release();
        assertThat(a.get().generatedLength() + b.get().generatedLength()).isEqualTo(4);
        assertThat(metrics(first).sequences()).isEqualTo(4);
    }

    /** What happens to one of three generations while the first pass is computed. */
    @ParameterizedTest
    @ValueSource(strings = {"cancel", "close", "processor"})
    void oneEndsTheOthersGoOn(String end) throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        List<long[]> prompts = prompts(network).subList(0, 3);
        List<Sequence> expected =
                new Generator(network, manager, null).generate(prompts, options(5)).sequences();
        Generator generator = new Generator(gated(network), manager, null);
        int before = resources(manager);
        LogitsProcessor throwing =
                (scores, row) -> {
                    throw new IllegalCallerException("processor");
                };
        List<Generation> generations = new ArrayList<>();
        List<Future<Sequence>> texts = new ArrayList<>();
        for (int i = 0; i < 3; ++i) {
            generations.add(
                    generator.start(
                            List.of(prompts.get(i)),
                            options(5),
                            i == 1 && end.equals("processor")
                                    ? new LogitsProcessor[] {throwing}
                                    : NONE));
            texts.add(submit(generations.get(i)));
            awaitWaiting(generator, i + 1);
        }
        switch (end) {
            case "cancel" -> {
                generations.get(1).cancel();
                // it was not in the pass that is computed
                Sequence cancelled = texts.get(1).get();
                assertThat(cancelled.generatedLength()).isZero();
                assertThat(cancelled.finishReason()).isEqualTo(FinishReason.CANCELLED);
                gate.release();
            }
            case "close" -> {
                generations.get(1).close();
                assertThatThrownBy(texts.get(1)::get)
                        .isInstanceOf(ExecutionException.class)
                        .hasCauseInstanceOf(IllegalStateException.class)
                        .hasMessageContaining("this generation is closed");
                gate.release();
            }
            default -> {
                gate.release();
                assertThatThrownBy(texts.get(1)::get)
                        .hasCauseInstanceOf(IllegalCallerException.class)
                        .hasMessageContaining("processor");
            }
        }
        for (int i : new int[] {0, 2}) {
            assertThat(texts.get(i).get().generated()).isEqualTo(expected.get(i).generated());
        }
        assertThat(metrics(generator).running()).isZero();
        assertThat(resources(manager)).isLessThanOrEqualTo(before + 2);
    }

    /** A text that its time ends for while another one is computed has no tokens. */
    @Test
    void maxTimeEndsTheWaitForAPass() throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        Generator generator = new Generator(gated(network), manager, null);
        List<long[]> prompts = prompts(network);
        Future<Sequence> first = submit(generator.start(prompts.subList(0, 1), options(3)));
        awaitWaiting(generator, 1);
        for (int beams : new int[] {1, 2}) {
            GenerationConfig.Builder late =
                    GenerationConfig.builder()
                            .maxNewTokens(3)
                            .set(StoppingOptions.MAX_TIME, 1e-9)
                            .set(BeamOptions.NUM_BEAMS, beams);
            Sequence text = submit(generator.start(prompts.subList(1, 2), late.build())).get();
            assertThat(text.generatedLength()).isZero();
            assertThat(text.finishReason()).isEqualTo(FinishReason.LENGTH);
        }
        gate.release();
        assertThat(first.get().generatedLength()).isEqualTo(3);
        assertThat(metrics(generator).running()).isZero();
    }

    @Test
    void theMemoryOfAnAssistantIsLimited() throws Exception {
        MistralForCausalLM network = load("nowindow-tied-sharded", "torch");
        var shape = network.config();
        long bytes =
                20L * 2 * 4 * shape.numHiddenLayers() * shape.numKeyValueHeads() * shape.headDim();
        List<long[]> prompt = List.of(prompt(network, 1, 10));
        for (long memory : new long[] {2 * bytes - 1, 2 * bytes}) {
            Generator generator =
                    new Generator(
                            network,
                            manager,
                            null,
                            RequestLimits.unlimited(),
                            new Batching(32, 128, memory),
                            null,
                            network);
            if (memory < 2 * bytes) {
                assertThatIllegalArgumentException()
                        .isThrownBy(() -> generator.start(prompt, options(10)))
                        .withMessageContaining("grow to " + 2 * bytes + " bytes");
                // looks the drafts up
                GenerationConfig.Builder lookup =
                        GenerationConfig.builder()
                                .maxNewTokens(10)
                                .set(SpeculationOptions.PROMPT_LOOKUP_NUM_TOKENS, 2);
                generator.start(prompt, lookup.build()).close();
            } else {
                generator.start(prompt, options(10)).close();
            }
        }
    }

    @Test
    void theMemoryOfCachesIsLimited() throws Exception {
        MistralForCausalLM network = load("nowindow-tied-sharded", "torch");
        var shape = network.config();
        // float32 keys and values of 20 tokens
        long bytes =
                20L * 2 * 4 * shape.numHiddenLayers() * shape.numKeyValueHeads() * shape.headDim();
        RequestLimits limits = new RequestLimits(100, 100, 2);
        Generator generator =
                new Generator(
                        gated(network), manager, null, limits, new Batching(32, 128, bytes), null);
        List<long[]> prompt = List.of(prompt(network, 1, 10));
        Future<Sequence> first = submit(generator.start(prompt, options(10)));
        awaitWaiting(generator, 1);
        Generation second = generator.start(prompt, options(2));
        Future<Sequence> waits = submit(second);
        while (metrics(generator).queued() == 0) {
            Thread.onSpinWait();
        }
        gate.release();
        assertThat(waits.get().generated()).startsWith(first.get().generated()[0]);
        assertThat(metrics(generator).sequences()).isEqualTo(metrics(generator).passes());
        for (int i = 0; i < 3; ++i) { // more often than there are concurrent requests
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> generator.start(prompt, options(11)))
                    .withMessageContaining("max_cache_bytes of this model, " + bytes);
        }
    }

    @Test
    void limitsArePositive() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Batching(0, 1, 1))
                .withMessage("max_batch_size is 0, must be at least 1");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Batching(1, 0, 1))
                .withMessageContaining("max_batch_prefill_tokens");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> new Batching(1, 1, 0))
                .withMessageContaining("max_cache_bytes");
    }
}
