/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.generation;

import static io.github.djlmistral.tests.Leaks.resources;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.djlmistral.engine.generation.Generation;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.kernels.RandomNetwork;
import io.github.djlmistral.tests.model.Fixture;
import io.github.djlmistral.tests.quantization.Matrices;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.CancellationException;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** NaN logits, steps that allow no token, and interrupted threads. */
class GenerationFailureTest extends Fixture {

    private static final MistralConfig SHAPE = RandomNetwork.config(0);

    @AfterEach
    void clearInterrupt() {
        Thread.interrupted();
    }

    private static GenerationConfig.Builder options(int tokens) {
        return GenerationConfig.builder().maxNewTokens(tokens);
    }

    private MistralForCausalLM network(Weights weights, String kernels) throws Exception {
        assumeAvailable(kernels);
        return MistralForCausalLM.of(
                SHAPE, weights, "random", manager, new ComputeOptions(kernels, "float32"));
    }

    private List<Sequence> rows(MistralForCausalLM network, List<long[]> prompts, int tokens) {
        return new Generator(network, manager, null)
                .generate(prompts, options(tokens).build())
                .sequences();
    }

    private static Weights withFinalNorm(float value) {
        Weights weights = RandomNetwork.weights(SHAPE, "float32");
        Map<String, Tensor> plain = new LinkedHashMap<>(weights.unquantized());
        plain.replace(
                "model.norm.weight",
                Matrices.numbers(Dtype.FLOAT32, value, value, new Random(1), SHAPE.hiddenSize()));
        return new Weights(plain, Map.of());
    }

    @ParameterizedTest
    @CsvSource({
        "native, NaN, NaN",
        "torch, NaN, NaN",
        "reference, NaN, NaN",
        "native, 3e38, 'NaN|Infinity'",
        "torch, 3e38, 'NaN|Infinity'"
    })
    void nanLogitsAreAnError(String kernels, float norm, String found) throws Exception {
        MistralForCausalLM network = network(withFinalNorm(norm), kernels);
        int before = resources(manager);
        for (boolean sample : new boolean[] {false, true}) {
            try (Generation generation =
                    new Generator(network, manager, null)
                            .start(
                                    List.of(prompt(network, 1, 5), prompt(network, 2, 3)),
                                    options(4).doSample(sample).build())) {
                for (int attempt = 0; attempt < 2; ++attempt) {
                    assertThatIllegalStateException()
                            .isThrownBy(generation::next)
                            .withMessageContaining("the network's logits for token 5 contain")
                            .withMessageMatching(".*(" + found + ").*")
                            .withMessageContaining("float32");
                }
                assertThat(generation.result().sequences())
                        .extracting(Sequence::generatedLength)
                        .containsOnly(0);
            }
        }
        assertThat(resources(manager)).isLessThanOrEqualTo(before + 4); // kernel constants
    }

    /** A step in which every token is forbidden is an error. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void aStepThatAllowsNoTokenIsAnError(boolean sample) throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        Generator generator = new Generator(network, manager, null);
        List<long[]> prompts = List.of(prompt(network, 1, 5));
        generator.generate(prompts, options(2).build());
        int before = resources(manager);
        int vocabulary = network.config().vocabSize();
        GenerationConfig everyTokenEnds =
                options(4)
                        .doSample(sample)
                        .minNewTokens(2)
                        .eosTokenIds(IntStream.range(0, vocabulary).boxed().toList())
                        .build();
        assertThatIllegalStateException()
                .isThrownBy(() -> generator.generate(prompts, everyTokenEnds))
                .withMessageContaining("for token 5 are all -Infinity")
                .withMessageContaining("min_new_tokens");
        LogitsProcessor third =
                (scores, row) -> {
                    if (row.generatedLength() == 2) {
                        Arrays.fill(scores, Float.NEGATIVE_INFINITY);
                    }
                };
        try (Generation generation =
                generator.start(prompts, options(4).doSample(sample).build(), third)) {
            assertThat(generation.next()).hasSize(1);
            assertThat(generation.next()).hasSize(1);
            assertThatIllegalStateException()
                    .isThrownBy(generation::next)
                    .withMessageContaining("for token 7 are all -Infinity")
                    .withMessageContaining("your own processors");
        }
        LogitsProcessor wrong = (scores, row) -> scores[3] = Float.NaN;
        try (Generation generation = generator.start(prompts, options(4).build(), wrong)) {
            assertThatIllegalStateException()
                    .isThrownBy(generation::next)
                    .withMessageContaining("after the logits processors")
                    .withMessageContaining("contain NaN");
        }
        assertThat(resources(manager)).isEqualTo(before);
    }

    /** An exception of a logits processor for one row leaves the other rows unchanged. */
    @Test
    void failedProcessorIsCalledAgain() throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        List<long[]> prompts = List.of(prompt(network, 1, 7), prompt(network, 2, 3));
        List<Sequence> expected = rows(network, prompts, 6);
        int[] calls = new int[1];
        LogitsProcessor failing =
                (scores, row) -> {
                    if (++calls[0] == 4) {
                        throw new IllegalCallerException("not now");
                    }
                };
        try (Generation generation =
                new Generator(network, manager, null).start(prompts, options(6).build(), failing)) {
            generation.next();
            assertThatThrownBy(generation::next).isInstanceOf(IllegalCallerException.class);
            while (!generation.next().isEmpty()) {
                // the rows collect the tokens
            }
            for (int i = 0; i < 2; ++i) {
                assertThat(generation.result().sequences().get(i).generated())
                        .isEqualTo(expected.get(i).generated());
            }
        }
    }

    /** The generation can be continued after the interrupt flag is cleared. */
    @ParameterizedTest
    @ValueSource(strings = {"native", "torch", "reference"})
    void anInterruptEndsItAtTheNextToken(String kernels) throws Exception {
        MistralForCausalLM network = network(RandomNetwork.weights(SHAPE, "float32"), kernels);
        List<long[]> prompts = List.of(prompt(network, 1, 5), prompt(network, 2, 3));
        List<Sequence> expected = rows(network, prompts, 6);
        int before = resources(manager);
        try (Generation generation =
                new Generator(network, manager, null).start(prompts, options(6).build())) {
            generation.next();
            generation.next();
            Thread.currentThread().interrupt();
            for (int attempt = 0; attempt < 2; ++attempt) {
                assertThatThrownBy(generation::next)
                        .isInstanceOf(CancellationException.class)
                        .hasMessageContaining("interrupted after 2 generated tokens");
            }
            assertThat(Thread.interrupted()).isTrue();
            while (!generation.next().isEmpty()) {
                // the rows collect the tokens
            }
            for (int i = 0; i < 2; ++i) {
                assertThat(generation.result().sequences().get(i).generated())
                        .isEqualTo(expected.get(i).generated());
            }
            Thread.currentThread().interrupt();
            assertThat(generation.next()).isEmpty(); // it has ended by itself
        }
        assertThat(resources(manager)).isEqualTo(before);
    }

    @Test
    void generateHeedsAnInterrupt() throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        List<long[]> prompts = List.of(prompt(network, 1, 5));
        rows(network, prompts, 2);
        int before = resources(manager);
        int[] seen = new int[1];
        assertThatThrownBy(
                        () ->
                                new Generator(network, manager, null)
                                        .generate(
                                                prompts,
                                                options(20).build(),
                                                token -> {
                                                    if (++seen[0] == 3) {
                                                        Thread.currentThread().interrupt();
                                                    }
                                                    return true;
                                                }))
                .isInstanceOf(CancellationException.class);
        assertThat(Thread.interrupted()).isTrue();
        assertThat(seen[0]).isEqualTo(3);
        assertThat(resources(manager)).isEqualTo(before);
    }

    /** Prefill of a long prompt stops after the current chunk. */
    @Test
    void anInterruptEndsAPrompt() throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        List<long[]> prompts = List.of(prompt(network, 1, 12));
        int[] passes = new int[1];
        MistralForCausalLM observed =
                through(
                        before(
                                network.kernels(),
                                "embedding",
                                () -> {
                                    if (++passes[0] == 2) {
                                        Thread.currentThread().interrupt();
                                    }
                                }),
                        network);
        try (Generation generation =
                new Generator(observed, manager, null)
                        .start(prompts, options(5).prefillChunkSize(3).build())) {
            assertThatThrownBy(generation::next)
                    .isInstanceOf(CancellationException.class)
                    .hasMessageContaining("after 0 generated tokens");
            assertThat(passes[0]).isEqualTo(2);
            assertThat(Thread.interrupted()).isTrue();
            while (!generation.next().isEmpty()) {
                // the rows collect the tokens
            }
            assertThat(generation.result().sequences().get(0).generated())
                    .isEqualTo(rows(network, prompts, 5).get(0).generated());
        }
    }
}
