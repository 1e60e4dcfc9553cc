/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.weights.CheckpointException;
import io.github.djlmistral.tests.weights.GgufWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class GgufConfigTest {

    private static final int F32 = 0;

    @TempDir Path directory;

    /** The smallest valid file; its output layer is tied. */
    private static GgufWriter least() {
        return new GgufWriter()
                .put("general.architecture", "llama")
                .put("llama.context_length", 512)
                .put("llama.embedding_length", 32)
                .put("llama.block_count", 3)
                .put("llama.feed_forward_length", 40)
                .put("llama.attention.head_count", 4)
                .put("llama.attention.layer_norm_rms_epsilon", 1e-5f)
                .tensor("token_embd.weight", F32, ByteBuffer.allocate(4 * 7 * 32), 7, 32);
    }

    private MistralConfig read(GgufWriter writer) throws IOException {
        return MistralConfig.read(writer.write(directory.resolve("model.gguf")));
    }

    @Test
    void bidirectionalAttention() throws IOException {
        assertThat(read(least()).isCausal()).isTrue();
        assertThat(read(least().put("llama.attention.causal", false)).isCausal()).isFalse();
    }

    @Test
    void missingKeysHaveLlamasDefaults() throws IOException {
        MistralConfig config = read(least());
        assertThat(config.vocabSize()).isEqualTo(7);
        assertThat(config.hiddenSize()).isEqualTo(32);
        assertThat(config.intermediateSize()).isEqualTo(40);
        assertThat(config.numHiddenLayers()).isEqualTo(3);
        assertThat(config.numAttentionHeads()).isEqualTo(4);
        assertThat(config.numKeyValueHeads()).isEqualTo(4);
        assertThat(config.headDim()).isEqualTo(8);
        assertThat(config.maxPositionEmbeddings()).isEqualTo(512);
        assertThat(config.rmsNormEps()).isEqualTo(1e-5f);
        assertThat(config.ropeTheta()).isEqualTo(10000);
        assertThat(config.slidingWindow()).isNull();
        assertThat(config.tieWordEmbeddings()).isTrue();
        assertThat(config.bosTokenId()).isEqualTo(1);
        assertThat(config.eosTokenIds()).containsExactly(2);
        assertThat(config.padTokenId()).isNull();
    }

    @Test
    void metadataOverridesTheDefaults() throws IOException {
        MistralConfig config =
                read(
                        least().put("llama.vocab_size", 9)
                                .put("llama.attention.head_count_kv", 2)
                                .put("llama.attention.key_length", 16)
                                .put("llama.attention.value_length", 16)
                                .put("llama.rope.dimension_count", 16)
                                .put("llama.rope.freq_base", 1e6f)
                                .put("llama.rope.scaling.type", "none")
                                .put("llama.attention.sliding_window", 128)
                                .put("tokenizer.ggml.bos_token_id", 3)
                                .put("tokenizer.ggml.eos_token_id", 4)
                                .put("tokenizer.ggml.eot_token_id", 6)
                                .put("tokenizer.ggml.padding_token_id", 5)
                                .tensor("output.weight", F32, ByteBuffer.allocate(4), 1));
        assertThat(config.vocabSize()).isEqualTo(9);
        assertThat(config.numKeyValueHeads()).isEqualTo(2);
        assertThat(config.headDim()).isEqualTo(16);
        assertThat(config.ropeTheta()).isEqualTo(1e6);
        assertThat(config.slidingWindow()).isEqualTo(128);
        assertThat(config.tieWordEmbeddings()).isFalse();
        assertThat(config.bosTokenId()).isEqualTo(3);
        assertThat(config.eosTokenIds()).containsExactly(4, 6);
        assertThat(config.padTokenId()).isEqualTo(5);
    }

    /**
     * GGUF and safetensors of one model have the same configuration but for the stored data type.
     */
    @Test
    void equalsThatOfTheDirectory() throws IOException {
        Path checkpoint = Reference.directory("checkpoints/window8-f32");
        assertThat(read(GgufModel.plain(checkpoint)))
                .usingRecursiveComparison()
                .ignoringFields("dtype")
                .isEqualTo(MistralConfig.read(checkpoint));
    }

    @ParameterizedTest
    @CsvSource({
        "general.architecture, qwen2, architecture \"qwen2\"",
        "llama.rope.scaling.type, yarn, scaled (yarn)",
    })
    void otherNetworksAreRefused(String key, String value, String problem) {
        assertRefused(least().put(key, value), problem);
    }

    @ParameterizedTest
    @CsvSource({
        "llama.expert_count, 8, Mixtral",
        "llama.rope.dimension_count, 4, rope.dimension_count is 4",
        "llama.attention.value_length, 4, value_length is 4",
        "llama.attention.head_count_kv, 3, num_key_value_heads",
        "llama.attention.head_count, 0, num_attention_heads is 0",
        "llama.block_count, 0, num_hidden_layers is 0",
    })
    void numbersThatDoNotFitAreRefused(String key, int value, String problem) {
        assertRefused(least().put(key, value), problem);
    }

    @Test
    void missingValueIsNamed() {
        for (String key :
                new String[] {
                    "llama.context_length",
                    "llama.embedding_length",
                    "llama.block_count",
                    "llama.feed_forward_length",
                    "llama.attention.head_count",
                    "llama.attention.layer_norm_rms_epsilon"
                }) {
            assertRefused(least().remove(key), "lacks " + key);
        }
        assertRefused(least().remove("general.architecture"), "no architecture");
        assertRefused(least().put("llama.block_count", 1L << 40), "num_hidden_layers is 1099");
        assertRefused(least().put("llama.block_count", "3"), "must be an integer");
        assertRefused(least().put("llama.rope.freq_base", Float.NaN), "rope_theta");
        assertRefused(
                least().put("llama.attention.layer_norm_rms_epsilon", Float.POSITIVE_INFINITY),
                "rms_norm_eps");
        assertRefused(least().put("llama.embedding_length", -1L), "hidden_size");
    }

    private void assertRefused(GgufWriter writer, String problem) {
        assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(() -> read(writer))
                .withMessageContainingAll("model.gguf", problem);
    }
}
