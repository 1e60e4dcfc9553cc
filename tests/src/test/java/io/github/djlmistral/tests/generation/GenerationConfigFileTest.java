/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.generation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import io.github.djlmistral.engine.generation.BeamOptions;
import io.github.djlmistral.engine.generation.ConstraintOptions;
import io.github.djlmistral.engine.generation.EarlyStopping;
import io.github.djlmistral.engine.generation.ExponentialDecay;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.PenaltyOptions;
import io.github.djlmistral.engine.generation.SequenceBias;
import io.github.djlmistral.engine.generation.WatermarkingConfig;
import io.github.djlmistral.engine.model.MistralConfig;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Generation options of a checkpoint, and the warnings about unsupported ones. */
class GenerationConfigFileTest {

    @TempDir private Path directory;

    private GenerationConfig read(String file, String json) throws IOException {
        Files.writeString(directory.resolve(file), json);
        return GenerationConfig.read(directory, MistralConfig.defaults()).build();
    }

    /** Returns the log output of an action; slf4j-simple writes to System.err. */
    private String logged(String file, String json) throws IOException {
        PrintStream before = System.err;
        ByteArrayOutputStream log = new ByteArrayOutputStream();
        System.setErr(new PrintStream(log, true, StandardCharsets.UTF_8));
        try {
            read(file, json);
        } finally {
            System.setErr(before);
        }
        return log.toString(StandardCharsets.UTF_8);
    }

    @Test
    void unknownKeysAreNamedInOneLine() throws IOException {
        String log =
                logged(
                        "generation_config.json",
                        """
                        {"num_beams": 4, "diversity_penalty": 0.5, "bad_words_ids": [[5]],
                         "max_length": 4096, "unheard_of": {"a": 1}, "temperature": 0.5}
                        """);
        assertThat(log.lines())
                .singleElement()
                .asString()
                .contains("WARN")
                .contains(directory.resolve("generation_config.json").toString())
                .contains("[diversity_penalty=0.5, max_length=4096, unheard_of={\"a\":1}]");
    }

    /** Bookkeeping, and options whose value has no effect in the reference either. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "{}",
                "{\"_from_model_config\": true, \"bos_token_id\": 1, \"eos_token_id\": 2,"
                        + " \"transformers_version\": \"4.34.0\"}",
                "{\"num_beams\": 1, \"typical_p\": 1.0, \"no_repeat_ngram_size\": 0,"
                        + " \"max_length\": 20, \"bad_words_ids\": null, \"guidance_scale\": null,"
                        + " \"early_stopping\": false, \"use_cache\": true}",
                "{\"max_new_tokens\": 7, \"top_p\": 0.9, \"repetition_penalty\": 1.1}"
            })
    void otherKeysAreNot(String json) throws IOException {
        assertThat(logged("generation_config.json", json)).isEmpty();
    }

    /** Modes that the reference has moved to repositories with remote code. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"num_beam_groups\": 4",
                "\"penalty_alpha\": 0.6",
                "\"dola_layers\": \"low\"",
                "\"force_words_ids\": [[5]]",
                "\"constraints\": [{}]",
                "\"token_healing\": true"
            })
    void anUnsupportedModeIsNamed(String option) {
        for (String file : List.of("generation_config.json", "config.json")) {
            assertThatIOException()
                    .isThrownBy(() -> read(file, "{" + option + "}"))
                    .withMessageContaining(file)
                    .withMessageContaining(option.substring(1, option.indexOf('"', 1)))
                    .withMessageContaining("not supported");
        }
    }

    /** As transformers writes it. */
    @Test
    void everyOptionIsRead() throws IOException {
        GenerationConfig config =
                read(
                        "generation_config.json",
                        """
                        {"num_beams": 4, "length_penalty": 2.0, "early_stopping": "never",
                         "bad_words_ids": [[5, 6], [7]], "sequence_bias": [[[10, 45], -2.0]],
                         "suppress_tokens": [5, 7], "forced_eos_token_id": 2,
                         "exponential_decay_length_penalty": [5, 1.5],
                         "watermarking_config": {"bias": 2.5, "seeding_scheme": "selfhash",
                          "greenlist_ratio": 0.5, "hashing_key": 15485863, "context_width": 2}}
                        """);
        assertThat(config.get(BeamOptions.NUM_BEAMS)).isEqualTo(4);
        assertThat(config.get(BeamOptions.LENGTH_PENALTY)).isEqualTo(2);
        assertThat(config.get(BeamOptions.EARLY_STOPPING)).isEqualTo(EarlyStopping.NEVER);
        assertThat(config.get(ConstraintOptions.BAD_WORDS_IDS))
                .containsExactly(List.of(5, 6), List.of(7));
        assertThat(config.get(ConstraintOptions.SEQUENCE_BIAS))
                .containsExactly(new SequenceBias(List.of(10, 45), -2));
        assertThat(config.get(ConstraintOptions.SUPPRESS_TOKENS)).containsExactly(5, 7);
        assertThat(config.get(ConstraintOptions.FORCED_EOS_TOKEN_ID)).containsExactly(2);
        assertThat(config.get(PenaltyOptions.EXPONENTIAL_DECAY_LENGTH_PENALTY))
                .isEqualTo(new ExponentialDecay(5, 1.5));
        assertThat(config.get(ConstraintOptions.WATERMARKING_CONFIG))
                .isEqualTo(
                        new WatermarkingConfig(
                                0.5, 2.5, 15485863, WatermarkingConfig.SeedingScheme.SELFHASH, 2));
    }

    @Test
    void aValueOfMegabytesIsCut() throws IOException {
        String words = "[" + "[1,2],".repeat(100_000) + "[3]]";
        assertThat(logged("generation_config.json", "{\"unheard_of\": " + words + "}"))
                .hasSizeLessThan(500)
                .contains("unheard_of=[[1,2],[1,2]");
        assertThatIOException()
                .isThrownBy(() -> read("generation_config.json", "{\"top_k\": " + words + "}"))
                .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(500));
        assertThatIOException()
                .isThrownBy(
                        () -> read("generation_config.json", "{\"constraints\": " + words + "}"))
                .satisfies(e -> assertThat(e.getMessage()).hasSizeLessThan(500));
    }

    /** As transformers 5.18 does: generation_config.json, or else config.json. */
    @Test
    void withoutTheFileTheKeysOfTheModelsConfigurationCount() throws IOException {
        String json =
                """
                {"model_type": "mistral", "vocab_size": 99, "hidden_size": 8, "do_sample": true,
                 "temperature": 0.7, "top_k": 5, "max_length": 9, "pad_token_id": -1}
                """;
        GenerationConfig config = read("config.json", json);
        assertThat(config.doSample()).isTrue();
        assertThat(config.temperature()).isEqualTo(0.7);
        assertThat(config.topK()).isEqualTo(5);
        assertThat(config.eosTokenIds()).containsExactly(2);
        assertThat(logged("config.json", json)).contains("config.json", "[max_length=9]");
        GenerationConfig own = read("generation_config.json", "{\"top_k\": 8}");
        assertThat(own.doSample()).isFalse();
        assertThat(own.temperature()).isEqualTo(1);
        assertThat(own.topK()).isEqualTo(8);
    }

    @Test
    void aFileThatIsTooLarge() {
        assertThatIOException()
                .isThrownBy(() -> read("generation_config.json", " ".repeat(5 << 20) + "{}"))
                .withMessageContaining("generation_config.json")
                .withMessageContaining("4194304 bytes");
    }
}
