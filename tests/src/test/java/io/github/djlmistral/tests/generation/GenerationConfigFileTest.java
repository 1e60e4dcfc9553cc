/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.generation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;

import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.model.MistralConfig;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
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
    void unsupportedKeysAreNamedInOneLine() throws IOException {
        String log =
                logged(
                        "generation_config.json",
                        """
                        {"num_beams": 4, "bad_words_ids": [[5]], "no_repeat_ngram_size": 3,
                         "max_length": 4096, "unheard_of": {"a": 1}, "temperature": 0.5}
                        """);
        assertThat(log.lines())
                .singleElement()
                .asString()
                .contains("WARN")
                .contains(directory.resolve("generation_config.json").toString())
                .contains(
                        "[num_beams=4, bad_words_ids=[[5]], no_repeat_ngram_size=3,"
                                + " max_length=4096, unheard_of={\"a\":1}]");
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

    @Test
    void aValueOfMegabytesIsCut() throws IOException {
        String words = "[" + "[1,2],".repeat(100_000) + "[3]]";
        assertThat(logged("generation_config.json", "{\"bad_words_ids\": " + words + "}"))
                .hasSizeLessThan(500)
                .contains("bad_words_ids=[[1,2],[1,2]");
    }

    /** As transformers 5.18 does: generation_config.json, or else config.json. */
    @Test
    void withoutTheFileTheKeysOfTheModelsConfigurationCount() throws IOException {
        String json =
                """
                {"model_type": "mistral", "vocab_size": 99, "hidden_size": 8, "do_sample": true,
                 "temperature": 0.7, "top_k": 5, "num_beams": 2, "pad_token_id": -1}
                """;
        GenerationConfig config = read("config.json", json);
        assertThat(config.doSample()).isTrue();
        assertThat(config.temperature()).isEqualTo(0.7);
        assertThat(config.topK()).isEqualTo(5);
        assertThat(config.eosTokenIds()).containsExactly(2);
        assertThat(logged("config.json", json)).contains("config.json", "[num_beams=2]");
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
