/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.generation;

import static io.github.djlmistral.tests.Leaks.resources;
import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.ndarray.NDArray;
import io.github.djlmistral.engine.generation.BeamOptions;
import io.github.djlmistral.engine.generation.FinishReason;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.GenerationResult;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.engine.generation.StoppingOptions;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.tests.model.Fixture;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Sequences of different lengths are computed without padding. */
class RaggedBatchTest extends Fixture {

    /** Counts the tokens that the network computes. */
    private static Kernels counting(Kernels kernels, long[] tokens) {
        return observed(
                kernels,
                (name, arguments) -> {
                    if (name.equals("embedding")) {
                        tokens[0] += ((NDArray) arguments[0]).size();
                    }
                });
    }

    /** Each token is computed once, except the last one of a sequence, which is not computed. */
    @ParameterizedTest
    @CsvSource({
        "window8-f32, 512",
        "window8-f32, 2",
        "nowindow-tied-sharded, 512",
        "nowindow-tied-sharded, 4"
    })
    void eachTokenIsComputedOnce(String checkpoint, int chunk) throws Exception {
        MistralForCausalLM network = load(checkpoint, "torch");
        List<long[]> prompts =
                List.of(prompt(network, 1, 9), prompt(network, 2, 3), prompt(network, 3, 14));
        GenerationConfig.Builder options =
                GenerationConfig.builder().maxNewTokens(20).prefillChunkSize(chunk);
        Generator alone = new Generator(network, manager, null);
        // ends one of the sequences early
        int eos =
                (int)
                        alone.generate(prompts.subList(1, 2), options.build())
                                .sequences()
                                .get(0)
                                .generated()[5];
        GenerationConfig config = options.eosTokenIds(List.of(eos)).build();
        long[] tokens = new long[1];
        MistralForCausalLM counted = through(counting(network.kernels(), tokens), network);
        List<Sequence> together =
                new Generator(counted, manager, null).generate(prompts, config).sequences();
        assertThat(together.get(1).finishReason()).isEqualTo(FinishReason.EOS);
        assertThat(tokens[0]).isEqualTo(together.stream().mapToInt(Sequence::length).sum() - 3);
        for (int i = 0; i < prompts.size(); ++i) {
            Sequence single = alone.generate(prompts.subList(i, i + 1), config).sequences().get(0);
            assertDecided(network, prompts.subList(i, i + 1), config, List.of(single));
            assertThat(together.get(i).generated()).isEqualTo(single.generated());
            assertClose(
                    together.get(i).logProbabilities(),
                    single.logProbabilities(),
                    LOG_PROBABILITIES);
        }
    }

    /** The prompt of several sequences is computed once. */
    @ParameterizedTest
    @CsvSource({"window8-f32, torch", "nowindow-tied-sharded, reference"})
    void severalSequencesShareTheirPrompt(String checkpoint, String kernels) throws Exception {
        MistralForCausalLM network = load(checkpoint, kernels);
        long[] tokens = new long[1];
        MistralForCausalLM counted = through(counting(network.kernels(), tokens), network);
        List<long[]> prompts = List.of(prompt(network, 1, 13), prompt(network, 2, 4));
        GenerationConfig.Builder options =
                GenerationConfig.builder().maxNewTokens(9).topK(0).doSample(true).seed(4);
        GenerationConfig config = options.copy().set(BeamOptions.NUM_RETURN_SEQUENCES, 3).build();
        int before = resources(manager);
        GenerationResult result = new Generator(counted, manager, null).generate(prompts, config);
        assertThat(resources(manager)).isLessThanOrEqualTo(before + 4); // kernel constants
        assertThat(result.promptTokens()).isEqualTo(13 + 4);
        assertThat(result.decodedTokens()).isEqualTo(6 * 8);
        assertThat(tokens[0]).isEqualTo(13 + 4 + 6 * 8);
        List<long[]> repeated =
                prompts.stream().flatMap(prompt -> Stream.of(prompt, prompt, prompt)).toList();
        GenerationConfig single = options.build();
        List<Sequence> expected =
                new Generator(network, manager, null).generate(repeated, single).sequences();
        assertDecided(network, repeated, single, expected);
        for (int i = 0; i < 6; ++i) {
            assertThat(result.sequences().get(i).generated())
                    .isEqualTo(expected.get(i).generated());
        }
        assertThat(expected.get(1).generated()).isNotEqualTo(expected.get(0).generated());
    }

    @Test
    void timeEndsAText() throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        GenerationConfig.Builder options =
                GenerationConfig.builder().maxNewTokens(20).eosTokenIds(List.of());
        for (int beams : new int[] {1, 3}) {
            options.set(BeamOptions.NUM_BEAMS, beams);
            for (double seconds : new double[] {1e-9, 1e6}) {
                Sequence row =
                        new Generator(network, manager, null)
                                .generate(
                                        List.of(prompt(network, 1, 5)),
                                        options.set(StoppingOptions.MAX_TIME, seconds).build())
                                .sequences()
                                .get(0);
                assertThat(row.generatedLength()).isEqualTo(seconds < 1 ? 1 : 20);
                assertThat(row.finishReason()).isEqualTo(FinishReason.LENGTH);
            }
        }
    }

    /** A long prompt does not shorten what a short one may be continued by. */
    @Test
    void eachSequenceHasItsOwnLimit() throws Exception {
        MistralForCausalLM network = load("f16", "torch");
        int positions = network.config().maxPositionEmbeddings();
        GenerationConfig config = GenerationConfig.builder().maxNewTokens(7).build();
        List<Sequence> rows =
                new Generator(network, manager, null)
                        .generate(
                                List.of(
                                        prompt(network, 9, positions - 2),
                                        prompt(network, 8, 3),
                                        prompt(network, 7, positions - 7)),
                                config)
                        .sequences();
        assertThat(rows).extracting(Sequence::generatedLength).containsExactly(2, 7, 7);
        assertThat(rows).extracting(Sequence::finishReason).containsOnly(FinishReason.LENGTH);
    }
}
