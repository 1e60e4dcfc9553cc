/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIOException;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.weights.Dtype;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class MistralConfigTest {

    private static final String PARAMS =
            "\"dim\": 32, \"n_layers\": 3, \"head_dim\": 8, \"hidden_dim\": 37, \"n_heads\": 4,"
                    + " \"norm_eps\": 1e-05, \"vocab_size\": 99";

    @TempDir Path directory;

    /** {@code MistralConfig()} of transformers. */
    @Test
    void absentOptionsHaveTheReferencesDefaults() {
        MistralConfig expected =
                MistralConfig.builder()
                        .vocabSize(32000)
                        .hiddenSize(4096)
                        .intermediateSize(14336)
                        .numHiddenLayers(32)
                        .numAttentionHeads(32)
                        .numKeyValueHeads(8)
                        .headDim(128)
                        .hiddenAct("silu")
                        .maxPositionEmbeddings(131072)
                        .initializerRange(0.02)
                        .rmsNormEps(1e-6f)
                        .ropeTheta(10000)
                        .slidingWindow(4096)
                        .attentionDropout(0)
                        .useCache(true)
                        .tieWordEmbeddings(false)
                        .bosTokenId(1)
                        .eosTokenIds(List.of(2))
                        .padTokenId(null)
                        .dtype(null)
                        .quantizationConfig(null)
                        .classifierDropout(0.1)
                        .build();
        assertThat(MistralConfig.parse("{}")).isEqualTo(expected);
        assertThat(MistralConfig.defaults()).isEqualTo(expected);
        assertThat(MistralConfig.parse("{\"model_type\": \"mistral\", \"unknown\": [1]}"))
                .isEqualTo(expected);
    }

    @Test
    void theBuilderDerivesHeads() {
        MistralConfig config =
                MistralConfig.builder()
                        .hiddenSize(64)
                        .numAttentionHeads(4)
                        .numKeyValueHeads(null)
                        .build();
        assertThat(config.headDim()).isEqualTo(16);
        assertThat(config.numKeyValueHeads()).isEqualTo(4);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MistralConfig.builder().hiddenSize(30).build())
                .withMessageContaining(
                        "hidden_size 30 is not a multiple of num_attention_heads 32");
    }

    @Test
    void aBuilderOfAConfigurationHasAllItsValues() {
        MistralConfig config =
                MistralConfig.parse(
                        """
                        {"vocab_size": 99, "hidden_size": 32, "intermediate_size": 37,
                         "num_hidden_layers": 3, "num_attention_heads": 4, "num_key_value_heads": 2,
                         "head_dim": 6, "max_position_embeddings": 77, "initializer_range": 0.5,
                         "rms_norm_eps": 1e-3, "rope_theta": 5, "sliding_window": 9,
                         "use_cache": false, "tie_word_embeddings": true, "bos_token_id": 3,
                         "eos_token_id": [4, 5], "pad_token_id": 6, "dtype": "float16",
                         "quantization_config": {"quant_method": "awq", "group_size": 32, "bits": 4}}
                        """);
        assertThat(config.toBuilder().build()).isEqualTo(config);
        assertThat(config.toBuilder().headDim(8).build()).isNotEqualTo(config);
    }

    @Test
    void nullIsNotAbsent() {
        MistralConfig config =
                MistralConfig.parse(
                        "{\"sliding_window\": null, \"head_dim\": null, \"bos_token_id\": null,"
                                + " \"num_key_value_heads\": null, \"eos_token_id\": null,"
                                + " \"pad_token_id\": null, \"torch_dtype\": null,"
                                + " \"rope_scaling\": null, \"hidden_size\": 64,"
                                + " \"num_attention_heads\": 4}");
        assertThat(config.slidingWindow()).isNull();
        assertThat(config.window()).isZero();
        assertThat(config.headDim()).isEqualTo(16);
        assertThat(config.numKeyValueHeads()).isEqualTo(4);
        assertThat(config.bosTokenId()).isNull();
        assertThat(config.eosTokenIds()).isEmpty();
        assertThat(config.padTokenId()).isNull();
        assertThat(config.dtype()).isNull();
        assertThat(config.ropeTheta()).isEqualTo(10000);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"rope_theta\": 1e6, \"torch_dtype\": \"bfloat16\"",
                "\"rope_theta\": 1000000, \"dtype\": \"torch.bfloat16\"",
                "\"rope_parameters\": {\"rope_theta\": 1000000.0, \"rope_type\": \"default\"},"
                        + " \"dtype\": \"bfloat16\"",
                "\"rope_parameters\": {\"rope_theta\": 1e6}, \"rope_theta\": 5,"
                        + " \"dtype\": \"bfloat16\", \"torch_dtype\": \"float16\"",
                "\"rope_scaling\": {\"type\": \"default\"}, \"rope_theta\": 1e6,"
                        + " \"torch_dtype\": \"bfloat16\""
            })
    void bothSpellings(String text) {
        MistralConfig config = MistralConfig.parse("{" + text + "}");
        assertThat(config.ropeTheta()).isEqualTo(1e6);
        assertThat(config.dtype()).isEqualTo(Dtype.BFLOAT16);
    }

    @Test
    void endTokensAreOneOrSeveral() {
        assertThat(MistralConfig.parse("{\"eos_token_id\": 7}").eosTokenIds()).containsExactly(7);
        assertThat(MistralConfig.parse("{\"eos_token_id\": [7, 2]}").eosTokenIds())
                .containsExactly(7, 2);
        assertThat(MistralConfig.parse("{\"vocab_size\": 5.0}").vocabSize()).isEqualTo(5);
    }

    @ParameterizedTest
    @CsvSource(
            quoteCharacter = '`',
            value = {
                "vocab_size, 0",
                "vocab_size, -1",
                "vocab_size, null",
                "vocab_size, \"many\"",
                "vocab_size, 1.5",
                "vocab_size, 4294967297",
                "vocab_size, 1e12",
                "vocab_size, true",
                "vocab_size, {}",
                "vocab_size, `[1, 2]`",
                "vocab_size, [7]",
                "vocab_size, \"7\"",
                "hidden_size, 0",
                "hidden_size, 4095",
                "intermediate_size, -3",
                "num_hidden_layers, 0",
                "num_attention_heads, 0",
                "num_attention_heads, -32",
                "num_key_value_heads, 0",
                "num_key_value_heads, 5",
                "num_key_value_heads, 64",
                "head_dim, 0",
                "head_dim, 127",
                "max_position_embeddings, 0",
                "hidden_act, \"gelu\"",
                "hidden_act, null",
                "hidden_act, 1",
                "initializer_range, -1",
                "initializer_range, \"small\"",
                "initializer_range, 1e999",
                "rms_norm_eps, -1",
                "rms_norm_eps, NaN",
                "rms_norm_eps, null",
                "rms_norm_eps, 1e99",
                "rope_theta, 0",
                "rope_theta, -1",
                "rope_theta, [2]",
                "rope_theta, 1e999",
                "sliding_window, 0",
                "sliding_window, -4096",
                "sliding_window, \"none\"",
                "sliding_window, 0.5",
                "attention_dropout, 0.1",
                "attention_dropout, null",
                "classifier_dropout, 1",
                "classifier_dropout, -0.1",
                "classifier_dropout, \"0.1\"",
                "use_cache, 1",
                "use_cache, \"yes\"",
                "use_cache, null",
                "tie_word_embeddings, 0",
                "tie_word_embeddings, \"True\"",
                "bos_token_id, \"<s>\"",
                "eos_token_id, \"</s>\"",
                "eos_token_id, `[2, \"</s>\"]`",
                "eos_token_id, {}",
                "eos_token_id, [null]",
                "pad_token_id, 1.5",
                "torch_dtype, \"float8\"",
                "dtype, 16",
                "model_type, \"llama\"",
                "model_type, 3",
                "model_type, {}",
                "model_type, null",
                "rope_scaling, 3",
                "rope_parameters, \"default\"",
                "rope_scaling, `{\"type\": \"linear\", \"factor\": 2}`",
                "rope_parameters, `{\"rope_type\": \"yarn\"}`",
                "rope_parameters, `{\"rope_theta\": -1}`",
                "quantization_config, `{\"quant_method\": \"gptq\"}`"
            })
    void aValueThatDoesNotFitIsNamed(String key, String value) {
        String named =
                switch (key) {
                    case "torch_dtype" -> "dtype";
                    case "rope_parameters" -> "rope";
                    default -> key;
                };
        String shown =
                switch (value) {
                    case "NaN" -> "not valid JSON";
                    case "1e99", "1e999" -> "Infinity";
                    default -> value.replaceAll("[^\\w.<>/-].*", "");
                };
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MistralConfig.parse("{\"" + key + "\": " + value + "}"))
                .withMessageContaining(named)
                .withMessageContaining(shown);
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "[]", "3", "null", "{", "{\"vocab_size\": }", "not json"})
    void jsonThatIsNotAnObject(String text) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> MistralConfig.parse(text))
                .withMessageContaining("JSON");
    }

    /** params.json of mistral-inference; a missing rope_theta depends on the window. */
    @ParameterizedTest
    @CsvSource({
        "'', 1e6, 0",
        "', \"sliding_window\": 4096', 1e4, 4096",
        "', \"rope_theta\": 7', 7, 0",
        "', \"rope_theta\": 7, \"sliding_window\": 8', 7, 8",
        "', \"sliding_window\": null', 1e6, 0"
    })
    void mistralsOwnFiles(String more, double theta, int window) {
        MistralConfig config = MistralConfig.parseParams("{" + PARAMS + more + "}");
        assertThat(config.ropeTheta()).isEqualTo(theta);
        assertThat(config.window()).isEqualTo(window);
        assertThat(config.hiddenSize()).isEqualTo(32);
        assertThat(config.intermediateSize()).isEqualTo(37);
        assertThat(config.numHiddenLayers()).isEqualTo(3);
        assertThat(config.numAttentionHeads()).isEqualTo(4);
        assertThat(config.numKeyValueHeads()).isEqualTo(4);
        assertThat(config.headDim()).isEqualTo(8);
        assertThat(config.rmsNormEps()).isEqualTo(1e-5f);
        assertThat(config.vocabSize()).isEqualTo(99);
        assertThat(config.tieWordEmbeddings()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "dim",
                "n_layers",
                "head_dim",
                "hidden_dim",
                "n_heads",
                "norm_eps",
                "vocab_size"
            })
    void paramsJsonHasNoDefaults(String key) {
        String without = PARAMS.replaceFirst("\"" + key + "\": [^,]*(, )?", "");
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () ->
                                MistralConfig.parseParams(
                                        "{" + without.replaceFirst(", $", "") + "}"))
                .withMessageContaining(key + " is missing");
    }

    @Test
    void published() {
        MistralConfig first = MistralConfig.mistral7bV01();
        assertThat(first.parameterCount()).isEqualTo(7_241_732_096L);
        assertThat(first.slidingWindow()).isEqualTo(4096);
        assertThat(first.ropeTheta()).isEqualTo(1e4);
        assertThat(first.rmsNormEps()).isEqualTo(1e-5f);
        MistralConfig second = MistralConfig.mistral7bInstructV02();
        assertThat(second.parameterCount()).isEqualTo(7_241_732_096L);
        assertThat(second.slidingWindow()).isNull();
        assertThat(second.ropeTheta()).isEqualTo(1e6);
        MistralConfig third = MistralConfig.mistral7bV03();
        assertThat(third.vocabSize()).isEqualTo(32768);
        // 768 more rows of 4096 in both tables
        assertThat(third.parameterCount()).isEqualTo(7_241_732_096L + 2 * 768 * 4096);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "window8-f32",
                "nowindow-tied-sharded",
                "window4-bf16",
                "f16",
                "defaults",
                "consolidated"
            })
    void parametersAreCountedAsTheyAre(String checkpoint) throws Exception {
        try (NDManager manager = NDManager.newBaseManager("PyTorch")) {
            MistralForCausalLM network =
                    MistralForCausalLM.load(
                            Reference.directory("checkpoints/" + checkpoint),
                            manager,
                            new ComputeOptions("torch", "float32"));
            long count =
                    network.namedParameters().values().stream()
                            .mapToLong(p -> p.getArray().size())
                            .sum();
            assertThat(network.config().parameterCount()).isEqualTo(count);
        }
    }

    @Test
    void aDirectoryWithoutAConfiguration() {
        assertThatIOException()
                .isThrownBy(() -> MistralConfig.read(directory))
                .withMessageContaining(directory.toString())
                .withMessageContaining("config.json");
    }

    @Test
    void theFileIsNamed() throws IOException {
        Path file = Files.writeString(directory.resolve("config.json"), "{\"vocab_size\": 0}");
        assertThatIOException()
                .isThrownBy(() -> MistralConfig.read(directory))
                .withMessageContaining(file.toString())
                .withMessageContaining("vocab_size is 0");
    }
}
