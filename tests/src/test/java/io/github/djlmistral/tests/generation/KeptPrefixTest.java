/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.generation;

import static io.github.djlmistral.tests.Leaks.resources;
import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import io.github.djlmistral.engine.cache.PrefixCache;
import io.github.djlmistral.engine.generation.Batching;
import io.github.djlmistral.engine.generation.Generation;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.generation.RequestLimits;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.tests.model.Fixture;
import java.util.Arrays;
import java.util.List;
import java.util.stream.LongStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Prompts that begin like earlier ones compute the rest only. */
class KeptPrefixTest extends Fixture {

    private static final GenerationConfig OPTIONS =
            GenerationConfig.builder().maxNewTokens(6).prefillChunkSize(9).build();

    private final PrefixCache prefixes = new PrefixCache(Long.MAX_VALUE);

    @AfterEach
    void freeCaches() {
        prefixes.close();
    }

    private Generator generator(MistralForCausalLM network, PrefixCache kept) {
        return new Generator(
                network, manager, null, RequestLimits.unlimited(), Batching.DEFAULT, kept);
    }

    private static long[] join(long[]... parts) {
        return Arrays.stream(parts).flatMapToLong(LongStream::of).toArray();
    }

    /** Five of the six tokens that are generated are computed after the prompt. */
    private static final int GENERATED = 5;

    private static long computed(Generator generator) {
        return generator.batchingMetrics().orElseThrow().computedTokens();
    }

    private static Sequence generate(Generator generator, long[] prompt) {
        return generator.generate(List.of(prompt), OPTIONS).sequences().get(0);
    }

    private void assertText(MistralForCausalLM network, Sequence text, long[] prompt) {
        Generator anew =
                new Generator(network, manager, null, RequestLimits.unlimited(), null, null);
        Sequence expected = generate(anew, prompt);
        assertThat(text.promptLength()).isEqualTo(prompt.length);
        if (network.kernels().name().equals("native")) {
            assertThat(text.generated()).isEqualTo(expected.generated());
            assertThat(text.logProbabilities()).isEqualTo(expected.logProbabilities());
        } else {
            assertDecided(network, List.of(prompt), OPTIONS, List.of(expected));
            assertThat(text.generated()).isEqualTo(expected.generated());
            assertClose(text.logProbabilities(), expected.logProbabilities(), LOG_PROBABILITIES);
        }
    }

    /** The last token that was generated is not in the cache yet. */
    @ParameterizedTest
    @CsvSource({
        "window8-f32, native",
        "window8-f32, torch",
        "nowindow-tied-sharded, native",
        "nowindow-tied-sharded, torch",
        "nowindow-tied-sharded, reference"
    })
    void aTurnOfAConversationComputesItsOwnTokens(String checkpoint, String kernels)
            throws Exception {
        assumeAvailable(kernels);
        MistralForCausalLM network = load(checkpoint, kernels);
        Generator generator = generator(network, prefixes);
        long[] conversation = prompt(network, 0, 20);
        int room = network.config().maxPositionEmbeddings();
        int turns = 0;
        for (; turns < 20 && conversation.length + 6 < room; ++turns) {
            long before = computed(generator);
            Sequence text = generate(generator, conversation);
            assertThat(computed(generator) - before)
                    .isEqualTo((turns == 0 ? 20 : 5 + 1) + GENERATED);
            assertText(network, text, conversation);
            conversation = join(conversation, text.generated(), prompt(network, turns, 5));
        }
        assertThat(turns).isGreaterThan(5);
        PrefixCache.Metrics metrics = generator.prefixes().orElseThrow().metrics();
        assertThat(metrics.hits()).isEqualTo(turns - 1);
        assertThat(metrics.lookups()).isEqualTo(turns);
        assertThat(metrics.entries()).isEqualTo(1);
    }

    /** The keys of a prompt that was computed before are those of other weights. */
    @Test
    void trainingDropsThem() throws Exception {
        MistralForCausalLM network = load("nowindow-tied-sharded", "torch");
        Generator generator = generator(network, prefixes);
        long[] prompt = prompt(network, 1, 30);
        generate(generator, prompt);
        assertThat(prefixes.metrics().entries()).isEqualTo(1);
        NDArray ids = manager.create(prompt).reshape(1, -1);
        network.forward(parameters, ForwardInput.ofIds(ids), true);
        generate(generator, prompt);
        assertThat(prefixes.metrics().hits()).isZero();
        generate(generator, prompt);
        assertThat(prefixes.metrics().hits()).isEqualTo(1);
    }

    @ParameterizedTest
    @CsvSource({"native", "torch"})
    void questionsShareADocument(String kernels) throws Exception {
        assumeAvailable(kernels);
        MistralForCausalLM network = load("nowindow-tied-sharded", kernels);
        Generator generator = generator(network, prefixes);
        long[] document = prompt(network, 1, 30);
        generate(generator, join(document, prompt(network, 2, 7)));
        int before = resources(manager);
        for (int question = 3; question < 6; ++question) {
            long computed = computed(generator);
            long[] prompt = join(document, prompt(network, question, 7));
            Sequence text = generate(generator, prompt);
            assertThat(computed(generator) - computed).isEqualTo(7 + GENERATED);
            assertText(network, text, prompt);
        }
        // a batch has both in one pass
        List<long[]> both =
                List.of(
                        join(document, prompt(network, 7, 7)),
                        join(document, prompt(network, 8, 7)));
        List<Sequence> texts = generator.generate(both, OPTIONS).sequences();
        for (int i = 0; i < 2; ++i) {
            assertText(network, texts.get(i), both.get(i));
        }
        // again, whatever was computed on the shared beginning
        long[] first = join(document, prompt(network, 2, 7));
        assertText(network, generate(generator, first), first);
        prefixes.clear();
        assertThat(resources(manager)).isLessThan(before);
    }

    @Test
    void generationsThatEndEarlyAreKept() throws Exception {
        MistralForCausalLM network = load("nowindow-tied-sharded", "torch");
        Generator generator = generator(network, prefixes);
        long[] prompt = prompt(network, 1, 30);
        try (Generation generation = generator.start(List.of(prompt), OPTIONS)) {
            generation.next();
            generation.cancel();
        }
        assertThat(prefixes.metrics().entries()).isEqualTo(1);
        long before = computed(generator);
        long[] longer = join(prompt, prompt(network, 2, 4));
        Sequence text = generate(generator, longer);
        assertThat(computed(generator) - before).isEqualTo(4 + GENERATED);
        assertText(network, text, longer);
    }

    /** The model's manager is closed with caches in use and kept ones. */
    @Test
    void keptCachesAreClosedWithTheManager() throws Exception {
        MistralForCausalLM network = load("nowindow-tied-sharded", "torch");
        try (var parent = manager.newSubManager()) {
            Generator generator =
                    new Generator(
                            network,
                            parent,
                            null,
                            RequestLimits.unlimited(),
                            Batching.DEFAULT,
                            prefixes);
            generate(generator, prompt(network, 1, 30));
            generator.start(List.of(prompt(network, 2, 30)), OPTIONS).next();
            assertThat(resources(parent)).isPositive();
        }
        // not the closed one
        Generator generator = generator(network, prefixes);
        long[] prompt = prompt(network, 1, 30);
        assertText(network, generate(generator, prompt), prompt);
    }
}
