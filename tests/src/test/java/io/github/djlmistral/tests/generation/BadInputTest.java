/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.generation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.djlmistral.engine.generation.BeamOptions;
import io.github.djlmistral.engine.generation.ConstraintOptions;
import io.github.djlmistral.engine.generation.EarlyStopping;
import io.github.djlmistral.engine.generation.ExponentialDecay;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.GenerationOption;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.generation.PenaltyOptions;
import io.github.djlmistral.engine.generation.RequestLimits;
import io.github.djlmistral.engine.generation.SamplingOptions;
import io.github.djlmistral.engine.generation.SequenceBias;
import io.github.djlmistral.engine.generation.SpeculationOptions;
import io.github.djlmistral.engine.generation.WatermarkingConfig;
import io.github.djlmistral.engine.generation.WatermarkingConfig.SeedingScheme;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.tests.model.Fixture;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Invalid requests are rejected with a specific message and leave the generator usable. */
class BadInputTest extends Fixture {

    private static void assertRefused(
            Generator generator, List<long[]> prompts, String... mentioned) {
        GenerationConfig config = GenerationConfig.builder().maxNewTokens(4).build();
        long[] good = {5, 6, 7};
        long[] before = generator.generate(List.of(good), config).sequences().get(0).generated();
        for (String mention : mentioned) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> generator.generate(prompts, config))
                    .withMessageContaining(mention);
        }
        assertThat(generator.generate(List.of(good), config).sequences().get(0).generated())
                .isEqualTo(before);
    }

    @ParameterizedTest
    @ValueSource(strings = {"torch", "reference"})
    void invalidPrompts(String kernels) throws Exception {
        MistralForCausalLM network = load("window8-f32", kernels);
        Generator generator = new Generator(network, manager, null);
        long[] good = {5, 6};
        int positions = network.config().maxPositionEmbeddings();
        assertRefused(generator, List.of(), "no prompt");
        assertRefused(generator, List.of(new long[0]), "the prompt is empty");
        assertRefused(generator, List.of(good, new long[0]), "prompt 1 is empty");
        assertRefused(generator, List.of(new long[] {5, 99}), "token id 99", "0 to 98");
        assertRefused(generator, List.of(good, new long[] {-1}), "prompt 1", "token id -1");
        assertRefused(generator, List.of(new long[] {1L << 32}), "token id 4294967296");
        for (int length : new int[] {positions, positions + 1, 4 * positions}) {
            assertRefused(
                    generator,
                    List.of(prompt(network, 1, length)),
                    length + " tokens",
                    "max_position_embeddings is " + positions);
        }
        // all faults at once
        assertRefused(
                generator,
                List.of(new long[0], good, new long[] {100}),
                "prompt 0 is empty",
                "prompt 2 contains the token id 100");
    }

    @ParameterizedTest
    @CsvSource({
        "min_length, -1",
        "max_time, 0",
        "max_time, Infinity",
        "dynatemp_range, -0.5",
        "dynatemp_exponent, 0",
        "top_h, 0",
        "top_h, 1.5",
        "typical_p, 0",
        "typical_p, 2",
        "epsilon_cutoff, 1",
        "eta_cutoff, -0.5",
        "top_n_sigma, -0.5",
        "xtc_probability, 1.5",
        "xtc_threshold, -1",
        "mirostat, 1",
        "mirostat_tau, 0",
        "mirostat_eta, NaN",
        "encoder_repetition_penalty, 0",
        "presence_penalty, 2.5",
        "frequency_penalty, -3",
        "frequency_penalty, NaN",
        "no_repeat_ngram_size, -1",
        "encoder_no_repeat_ngram_size, -1",
        "dry_multiplier, -1",
        "dry_base, 0.5",
        "dry_allowed_length, 0",
        "dry_penalty_last_n, -2",
        "exponential_decay_length_penalty, 5",
        "exponential_decay_length_penalty, '5,x'",
        "bad_words_ids, 5;;6",
        "bad_words_ids, 'x,6'",
        "sequence_bias, '5,6'",
        "sequence_bias, '5:x'",
        "logit_bias, 5",
        "logit_bias, x:1",
        "logit_bias, {5: 1",
        "suppress_tokens, [5",
        "suppress_tokens, [5]]",
        "suppress_tokens, '5,x'",
        "forced_bos_token_id, -1",
        "guidance_scale, NaN",
        "remove_invalid_values, 1",
        "watermarking_config, bias",
        "watermarking_config, 'bais=2'",
        "num_beams, 0",
        "num_beams, 1025",
        "prompt_lookup_num_tokens, 1025",
        "length_penalty, NaN",
        "early_stopping, 1",
        "num_return_sequences, 0",
        "num_return_sequences, 2",
        "prompt_lookup_num_tokens, 0",
        "prompt_lookup_num_tokens, 129",
        "max_matching_ngram_size, 0",
        "num_assistant_tokens, 0",
        "num_assistant_tokens, 129",
        "num_assistant_tokens_schedule, linear",
        "assistant_confidence_threshold, 2",
        "top_logprobs, -1",
        "max_new_tokens, 0",
        "max_new_tokens, -5",
        "max_new_tokens, 1.5",
        "max_new_tokens, many",
        "max_new_tokens, ''",
        "max_new_tokens, 99999999999",
        "min_new_tokens, -1",
        "min_new_tokens, 257",
        "do_sample, maybe",
        "do_sample, 1",
        "temperature, 0",
        "temperature, -1",
        "temperature, NaN",
        "temperature, Infinity",
        "temperature, warm",
        "top_k, -1",
        "top_k, 0.5",
        "top_k, NaN",
        "top_p, 0",
        "top_p, -0.1",
        "top_p, 1.01",
        "top_p, NaN",
        "min_p, -0.1",
        "min_p, 1.5",
        "min_p, NaN",
        "repetition_penalty, 0",
        "repetition_penalty, -1",
        "repetition_penalty, NaN",
        "repetition_penalty, Infinity",
        "seed, x",
        "seed, 1.5",
        "eos_token_id, end",
        "pad_token_id, none",
        "prefill_chunk_size, 0",
        "prefill_chunk_size, -1"
    })
    void anOptionOutOfItsRangeIsNamed(String name, String value) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> GenerationConfig.builder().option(name, value).build())
                .withMessageContaining(name)
                .withMessageContaining(value);
    }

    @ParameterizedTest
    @ValueSource(strings = {"topk", "top-k", "beams", "max_length", "", "TEMPERATURE"})
    void unknownOptionListsTheKnownOnes(String name) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> GenerationConfig.builder().option(name, 1))
                .withMessageContaining("\"" + name + "\"")
                .withMessageContaining("max_new_tokens")
                .withMessageContaining("top_k");
    }

    @Test
    void invalidNegativePrompts() throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        Generator generator = new Generator(network, manager, null);
        List<long[]> prompts = List.of(new long[] {5, 6});
        int positions = network.config().maxPositionEmbeddings();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> generator.start(prompts, guided(List.of(5, 99))))
                .withMessageContaining("negative_prompt_ids contains the token id 99")
                .withMessageContaining("0 to 98");
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () -> generator.start(prompts, guided(Collections.nCopies(positions, 5))))
                .withMessageContaining("negative_prompt_ids has " + positions + " tokens");
        // the longer of the two prompts limits the text
        GenerationConfig longer = guided(Collections.nCopies(positions - 3, 5));
        assertThat(generator.generate(prompts, longer).sequences().get(0).generatedLength())
                .isEqualTo(3);
    }

    /** Beams and sequences count, before memory is allocated for them. */
    @Test
    void beamsAreRequests() throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        RequestLimits limits = new RequestLimits(9, RequestLimits.UNLIMITED, 4);
        Generator generator = new Generator(network, manager, null, limits);
        List<long[]> prompts = List.of(new long[] {5, 6});
        GenerationConfig.Builder options = GenerationConfig.builder().maxNewTokens(2);
        for (int count : new int[] {5, 1024}) {
            GenerationConfig beams = options.copy().set(BeamOptions.NUM_BEAMS, count).build();
            GenerationConfig several =
                    options.copy()
                            .doSample(true)
                            .set(BeamOptions.NUM_RETURN_SEQUENCES, count)
                            .build();
            for (GenerationConfig config : List.of(beams, several)) {
                assertThatIllegalArgumentException()
                        .isThrownBy(() -> generator.start(prompts, config))
                        .withMessageContaining("a batch of " + count + " requests")
                        .withMessageContaining("max_concurrent_requests");
            }
        }
        assertThat(
                        generator
                                .generate(prompts, options.set(BeamOptions.NUM_BEAMS, 4).build())
                                .sequences())
                .hasSize(1);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> generator.start(prompts, guided(Collections.nCopies(10, 5))))
                .withMessageContaining("negative_prompt_ids: the prompt has 10 tokens")
                .withMessageContaining("max_input_tokens");
    }

    private static GenerationConfig guided(List<Integer> negative) {
        return GenerationConfig.builder()
                .maxNewTokens(9)
                .set(ConstraintOptions.GUIDANCE_SCALE, 2.0)
                .set(ConstraintOptions.NEGATIVE_PROMPT_IDS, negative)
                .build();
    }

    @Test
    void anEmptyStopStringWouldStopEverything() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> GenerationConfig.builder().stopStrings(List.of("a", "")).build())
                .withMessageContaining("stop_strings");
    }

    /** Option names in snake_case and camelCase, values as strings or as parsed from JSON. */
    @Test
    void optionsByName() {
        GenerationConfig expected =
                GenerationConfig.builder()
                        .maxNewTokens(9)
                        .minNewTokens(2)
                        .doSample(true)
                        .temperature(0.5)
                        .topK(4)
                        .topP(0.9)
                        .minP(0.1)
                        .repetitionPenalty(1.5)
                        .seed(-3)
                        .eosTokenIds(List.of(2, 5))
                        .stopStrings(List.of("x"))
                        .padTokenId(1)
                        .prefillChunkSize(7)
                        .build();
        GenerationConfig named =
                GenerationConfig.builder()
                        .option("max_new_tokens", 9.0)
                        .option("minNewTokens", "2")
                        .option("do_sample", "true")
                        .option("temperature", "0.5")
                        .option("topK", 4L)
                        .option("top_p", 0.9)
                        .option("minP", 0.1)
                        .option("repetition_penalty", "1.5")
                        .option("seed", "-3")
                        .option("eosTokenId", List.of(2.0, "5"))
                        .option("stop_strings", "x")
                        .option("padTokenId", 1)
                        .option("prefill_chunk_size", 7)
                        .build();
        assertThat(named).isEqualTo(expected);
    }

    /** Lists as Java objects, as parsed from JSON, and as on the command line. */
    @Test
    void structuredOptionsByName() {
        GenerationConfig expected =
                GenerationConfig.builder()
                        .set(ConstraintOptions.BAD_WORDS_IDS, List.of(List.of(5, 6), List.of(7)))
                        .set(
                                ConstraintOptions.SEQUENCE_BIAS,
                                List.of(
                                        new SequenceBias(List.of(5, 6), -2.5),
                                        new SequenceBias(List.of(7), 1)))
                        .set(ConstraintOptions.LOGIT_BIAS, Map.of(5, -2.5, 7, 1.0))
                        .set(ConstraintOptions.SUPPRESS_TOKENS, List.of(5, 7))
                        .set(
                                PenaltyOptions.EXPONENTIAL_DECAY_LENGTH_PENALTY,
                                new ExponentialDecay(5, 1.5))
                        .set(BeamOptions.EARLY_STOPPING, EarlyStopping.TRUE)
                        .set(
                                ConstraintOptions.WATERMARKING_CONFIG,
                                new WatermarkingConfig(
                                        0.25, 2.5, 15485863, SeedingScheme.SELFHASH, 1))
                        .build();
        GenerationConfig parsed =
                GenerationConfig.builder()
                        .option("bad_words_ids", List.of(List.of(5.0, 6.0), List.of(7.0)))
                        .option(
                                "sequence_bias",
                                List.of(List.of(List.of(5, 6), -2.5), List.of(List.of(7), "1")))
                        .option("logit_bias", Map.of("5", -2.5, "7", 1))
                        .option("suppress_tokens", List.of(5.0, 7.0))
                        .option("exponential_decay_length_penalty", List.of(5.0, 1.5))
                        .option("early_stopping", true)
                        .option(
                                "watermarking_config",
                                Map.of("bias", 2.5, "seeding_scheme", "selfhash"))
                        .build();
        GenerationConfig written =
                GenerationConfig.builder()
                        .option("bad_words_ids", List.of("5,6", "7"))
                        .option("sequence_bias", "5,6:-2.5;7:1")
                        .option("logit_bias", List.of("5:-2.5", "7:1"))
                        .option("suppress_tokens", "5,7")
                        .option("exponential_decay_length_penalty", "5,1.5")
                        .option("early_stopping", "true")
                        .option("watermarking_config", "bias=2.5,seeding_scheme=selfhash")
                        .build();
        assertThat(parsed).isEqualTo(expected).hasSameHashCodeAs(expected);
        GenerationConfig json =
                GenerationConfig.builder()
                        .option("bad_words_ids", "[[5, 6], [7]]")
                        .option("sequence_bias", "[[[5, 6], -2.5], [[7], 1]]")
                        .option("logit_bias", "{\"5\": -2.5, \"7\": 1}")
                        .option("suppress_tokens", "[5, 7]")
                        .option("exponential_decay_length_penalty", "[5, 1.5]")
                        .option("early_stopping", "true")
                        .option(
                                "watermarking_config",
                                "{\"bias\": 2.5, \"seeding_scheme\": \"selfhash\"}")
                        .build();
        assertThat(written).isEqualTo(expected);
        assertThat(json).isEqualTo(expected);
        assertThat(
                        GenerationConfig.builder()
                                .set(ConstraintOptions.SUPPRESS_TOKENS, List.of(5))
                                .option("suppress_tokens", "none")
                                .build())
                .isEqualTo(GenerationConfig.builder().build())
                .isNotEqualTo(expected);
    }

    @Test
    void optionsThatExcludeEachOther() {
        GenerationConfig.Builder beams = GenerationConfig.builder().set(BeamOptions.NUM_BEAMS, 4);
        assertThat(beams.copy().set(BeamOptions.NUM_RETURN_SEQUENCES, 4).build()).isNotNull();
        assertThatIllegalArgumentException()
                .isThrownBy(beams.copy().set(BeamOptions.NUM_RETURN_SEQUENCES, 5)::build)
                .withMessage("num_return_sequences is 5, must be at most num_beams, 4");
        assertThatIllegalArgumentException()
                .isThrownBy(beams.copy().set(SamplingOptions.MIROSTAT, 2)::build)
                .withMessageContaining("mirostat is 2")
                .withMessageContaining("num_beams");
        assertThatIllegalArgumentException()
                .isThrownBy(beams.copy().set(SpeculationOptions.PROMPT_LOOKUP_NUM_TOKENS, 3)::build)
                .withMessageContaining("num_beams is 4")
                .withMessageContaining("prompt_lookup_num_tokens");
        assertThat(
                        GenerationConfig.builder()
                                .doSample(true)
                                .set(BeamOptions.NUM_RETURN_SEQUENCES, 5)
                                .build())
                .isNotNull();
    }

    @Test
    void shapingTheDistributionMeansSampling() {
        assertThat(GenerationConfig.builder().build().doSample()).isFalse();
        assertThat(GenerationConfig.builder().seed(1).build().doSample()).isFalse();
        assertThat(GenerationConfig.builder().temperature(2).build().doSample()).isTrue();
        assertThat(GenerationConfig.builder().topK(2).build().doSample()).isTrue();
        assertThat(GenerationConfig.builder().topP(0.2).build().doSample()).isTrue();
        assertThat(GenerationConfig.builder().minP(0.2).build().doSample()).isTrue();
        for (GenerationOption<Double> option :
                List.of(SamplingOptions.TYPICAL_P, SamplingOptions.XTC_PROBABILITY)) {
            assertThat(GenerationConfig.builder().set(option, 0.2).build().doSample()).isTrue();
        }
        assertThat(GenerationConfig.builder().doSample(false).topK(2).build().doSample()).isFalse();
    }

    @Test
    void aCopyIsIndependent() {
        GenerationConfig.Builder builder = GenerationConfig.builder().topK(3).seed(1);
        GenerationConfig before = builder.build();
        assertThat(builder.copy().build()).isEqualTo(before);
        builder.copy().topK(9).seed(2).maxNewTokens(1).build();
        assertThat(builder.build()).isEqualTo(before);
    }

    @TempDir Path directory;

    private GenerationConfig read(String json) throws IOException {
        Files.writeString(directory.resolve("generation_config.json"), json);
        return GenerationConfig.read(directory, MistralConfig.defaults()).build();
    }

    @Test
    void aCheckpointsRecommendations() throws IOException {
        GenerationConfig without =
                GenerationConfig.read(directory, MistralConfig.defaults()).build();
        assertThat(without.eosTokenIds()).containsExactly(2);
        assertThat(without.padTokenId()).isNull();
        GenerationConfig config =
                read(
                        "{\"_from_model_config\": true, \"eos_token_id\": [7, 2], \"top_k\": 8,"
                                + " \"do_sample\": true, \"temperature\": 0.6, \"top_p\": null,"
                                + " \"pad_token_id\": 5, \"transformers_version\": \"5\"}");
        assertThat(config.eosTokenIds()).containsExactly(7, 2);
        assertThat(config.temperature()).isEqualTo(0.6);
        assertThat(config.topK()).isEqualTo(8);
        assertThat(config.topP()).isEqualTo(1);
        assertThat(config.doSample()).isTrue();
        assertThat(config.padTokenId()).isEqualTo(5);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"top_p\": 7}",
                "{\"top_k\": \"many\"}",
                "{\"max_new_tokens\": {}}",
                "[]",
                "{",
                "{\"eos_token_id\": [[2]]}"
            })
    void unreadableRecommendations(String json) {
        assertThatIOException()
                .isThrownBy(() -> read(json))
                .withMessageContaining("generation_config.json");
    }
}
