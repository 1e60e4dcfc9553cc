/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.generation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.tests.model.Fixture;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
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
    @ValueSource(strings = {"topk", "top-k", "num_beams", "max_length", "", "TEMPERATURE"})
    void unknownOptionListsTheKnownOnes(String name) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> GenerationConfig.builder().option(name, 1))
                .withMessageContaining("\"" + name + "\"")
                .withMessageContaining("max_new_tokens")
                .withMessageContaining("top_k");
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
        assertThat(GenerationConfig.Builder.optionNames()).hasSize(13);
    }

    @Test
    void shapingTheDistributionMeansSampling() {
        assertThat(GenerationConfig.builder().build().doSample()).isFalse();
        assertThat(GenerationConfig.builder().seed(1).build().doSample()).isFalse();
        assertThat(GenerationConfig.builder().temperature(2).build().doSample()).isTrue();
        assertThat(GenerationConfig.builder().topK(2).build().doSample()).isTrue();
        assertThat(GenerationConfig.builder().topP(0.2).build().doSample()).isTrue();
        assertThat(GenerationConfig.builder().minP(0.2).build().doSample()).isTrue();
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
