/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.benchmarks;

import io.github.djlmistral.engine.model.MistralConfig;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;

/**
 * A GGUF file of Mistral 7B's shape with random weights, for measuring speed. All matrices are
 * Q4_0, the output layer as well (llama.cpp's own tool would make that one Q6_K, which adds 0.8 %
 * to the bytes a token reads); norms are 1.
 *
 * <p>A block of Q4_0 is 32 weights in 18 bytes: a float16 scale, then the codes. The tokenizer's
 * vocabulary has the special tokens, the 256 bytes and invented pieces, so that a text of capital
 * letters has as many tokens as characters.
 */
final class SyntheticGguf {

    private static final int F32 = 0;
    private static final int Q4_0 = 2;
    private static final int BLOCK = 32;
    private static final int BLOCK_BYTES = 18;

    /** Blocks that are written again and again: random enough for a processor. */
    private static final int POOL_BLOCKS = 1 << 20;

    /** 0.00435 as float16: codes from -8 to 7, all as likely, deviate by 4.6, weights by 0.02. */
    private static final short SCALE = 0x1c74;

    private final MistralConfig config;
    private final byte[] pool = pool();
    private final GgufWriter writer = new GgufWriter();

    private SyntheticGguf(MistralConfig config) {
        this.config = config;
    }

    /** Returns the configuration of Mistral-7B-v0.1 with some of its layers. */
    static MistralConfig mistral7b(int layers) {
        return MistralConfig.parse(
                """
                {"rms_norm_eps": 1e-5, "max_position_embeddings": 32768, "num_hidden_layers": %d}
                """
                        .formatted(layers));
    }

    /** Writes the file, 4.1 GB with 32 layers. */
    static void write(Path file, MistralConfig config) throws IOException {
        SyntheticGguf gguf = new SyntheticGguf(config);
        gguf.putKeys();
        gguf.putTokenizer();
        gguf.putTensors();
        Path parent = file.toAbsolutePath().getParent();
        if (parent != null) {
            Files.createDirectories(parent);
        }
        gguf.writer.write(file);
    }

    /** Returns how many bytes of weights a token reads: all but the table of embeddings. */
    static long bytesPerToken(MistralConfig config) {
        long table = (long) config.vocabSize() * config.hiddenSize();
        long norms = (2L * config.numHiddenLayers() + 1) * config.hiddenSize();
        long matrices = config.parameterCount() - table - norms;
        return matrices / BLOCK * BLOCK_BYTES + 4 * norms;
    }

    private void putKeys() {
        writer.put("general.architecture", "llama");
        writer.put("general.name", "Mistral's shape, random weights");
        writer.put("general.file_type", 2); // mostly Q4_0
        writer.put("general.quantization_version", 2);
        writer.put("llama.vocab_size", config.vocabSize());
        writer.put("llama.context_length", config.maxPositionEmbeddings());
        writer.put("llama.embedding_length", config.hiddenSize());
        writer.put("llama.block_count", config.numHiddenLayers());
        writer.put("llama.feed_forward_length", config.intermediateSize());
        writer.put("llama.rope.dimension_count", config.headDim());
        writer.put("llama.rope.freq_base", (float) config.ropeTheta());
        writer.put("llama.attention.head_count", config.numAttentionHeads());
        writer.put("llama.attention.head_count_kv", config.numKeyValueHeads());
        writer.put("llama.attention.layer_norm_rms_epsilon", config.rmsNormEps());
    }

    private void putTokenizer() {
        int size = config.vocabSize();
        String[] pieces = new String[size];
        float[] scores = new float[size];
        int[] types = new int[size];
        for (int id = 0; id < size; ++id) {
            boolean isByte = id >= 3 && id < 259;
            pieces[id] = isByte ? String.format("<0x%02X>", id - 3) : "▁piece" + id;
            scores[id] = isByte ? 0 : -id;
            types[id] = isByte ? 6 : 1; // byte, normal
        }
        pieces[0] = "<unk>";
        pieces[1] = "<s>";
        pieces[2] = "</s>";
        types[0] = 2; // unknown
        types[1] = 3; // control
        types[2] = 3;
        writer.put("tokenizer.ggml.model", "llama");
        writer.put("tokenizer.ggml.tokens", pieces);
        writer.put("tokenizer.ggml.scores", scores);
        writer.put("tokenizer.ggml.token_type", types);
        writer.put("tokenizer.ggml.unknown_token_id", 0);
        writer.put("tokenizer.ggml.bos_token_id", 1);
        writer.put("tokenizer.ggml.eos_token_id", 2);
        writer.put("tokenizer.ggml.add_bos_token", false);
        writer.put("tokenizer.ggml.add_space_prefix", false);
    }

    private void putTensors() {
        int hidden = config.hiddenSize();
        int queries = config.numAttentionHeads() * config.headDim();
        int keys = config.numKeyValueHeads() * config.headDim();
        int wide = config.intermediateSize();
        matrix("token_embd.weight", config.vocabSize(), hidden);
        for (int layer = 0; layer < config.numHiddenLayers(); ++layer) {
            String prefix = "blk." + layer + ".";
            norm(prefix + "attn_norm.weight", hidden);
            matrix(prefix + "attn_q.weight", queries, hidden);
            matrix(prefix + "attn_k.weight", keys, hidden);
            matrix(prefix + "attn_v.weight", keys, hidden);
            matrix(prefix + "attn_output.weight", hidden, queries);
            norm(prefix + "ffn_norm.weight", hidden);
            matrix(prefix + "ffn_gate.weight", wide, hidden);
            matrix(prefix + "ffn_up.weight", wide, hidden);
            matrix(prefix + "ffn_down.weight", hidden, wide);
        }
        norm("output_norm.weight", hidden);
        matrix("output.weight", config.vocabSize(), hidden);
    }

    private void matrix(String name, long rows, long columns) {
        long bytes = rows * columns / BLOCK * BLOCK_BYTES;
        writer.tensor(
                name,
                Q4_0,
                bytes,
                out -> {
                    for (long left = bytes; left > 0; left -= pool.length) {
                        out.write(pool, 0, (int) Math.min(left, pool.length));
                    }
                },
                rows,
                columns);
    }

    private void norm(String name, int size) {
        ByteBuffer ones = ByteBuffer.allocate(4 * size).order(ByteOrder.LITTLE_ENDIAN);
        float[] values = new float[size];
        Arrays.fill(values, 1);
        ones.asFloatBuffer().put(values);
        writer.tensor(name, F32, ones.capacity(), out -> out.write(ones.array()), size);
    }

    private static byte[] pool() {
        byte[] bytes = new byte[POOL_BLOCKS * BLOCK_BYTES];
        new Random(1).nextBytes(bytes);
        ByteBuffer blocks = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
        for (int at = 0; at < bytes.length; at += BLOCK_BYTES) {
            blocks.putShort(at, SCALE);
        }
        return bytes;
    }
}
