/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.benchmarks;

import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.tests.model.GgufModel;
import io.github.djlmistral.tests.weights.GgufWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
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

    /** Blocks that are written repeatedly: random enough for a processor. */
    private static final int POOL_BLOCKS = 1 << 20;

    /** 0.00435 as float16: codes from -8 to 7, all as likely, deviate by 4.6, weights by 0.02. */
    private static final short SCALE = 0x1c74;

    private final MistralConfig config;
    private final byte[] pool = pool();
    private final GgufWriter writer;

    private SyntheticGguf(MistralConfig config) {
        this.config = config;
        writer =
                GgufModel.config(config)
                        .put("general.name", "Mistral's shape, random weights")
                        .put("general.file_type", 2) // mostly Q4_0
                        .put("general.quantization_version", 2);
    }

    /** Returns the configuration of Mistral-7B-v0.1 with some of its layers. */
    static MistralConfig mistral7b(int layers) {
        return MistralConfig.mistral7bV01().toBuilder()
                .numHiddenLayers(layers)
                .slidingWindow(null)
                .build();
    }

    /** Writes the file, 4.1 GB with 32 layers. */
    static void write(Path file, MistralConfig config) throws IOException {
        SyntheticGguf gguf = new SyntheticGguf(config);
        gguf.putTokenizer();
        gguf.putTensors();
        Path parent = file.toAbsolutePath().getParent();
        if (parent != null) {
            Files.createDirectories(parent);
        }
        gguf.writer.write(file);
    }

    /** Returns the bytes of weights read per decoded token: all but the embedding table. */
    static long bytesPerToken(MistralConfig config) {
        long table = (long) config.vocabSize() * config.hiddenSize();
        long norms = (2L * config.numHiddenLayers() + 1) * config.hiddenSize();
        long matrices = config.parameterCount() - table - norms;
        return matrices / BLOCK * BLOCK_BYTES + 4 * norms;
    }

    private void putTokenizer() {
        List<String> pieces = new ArrayList<>(List.of("<unk>", "<s>", "</s>"));
        List<Float> scores = new ArrayList<>(List.of(0f, -1f, -2f));
        List<Integer> types = new ArrayList<>(List.of(2, 3, 3)); // unknown, control
        for (int id = 3; id < config.vocabSize(); ++id) {
            boolean isByte = id < 259;
            pieces.add(isByte ? String.format(Locale.ROOT, "<0x%02X>", id - 3) : "▁piece" + id);
            scores.add(isByte ? 0f : -id);
            types.add(isByte ? 6 : 1); // byte, normal
        }
        writer.put("tokenizer.ggml.model", "llama")
                .put("tokenizer.ggml.tokens", pieces)
                .put("tokenizer.ggml.scores", scores)
                .put("tokenizer.ggml.token_type", types)
                .put("tokenizer.ggml.unknown_token_id", 0)
                .put("tokenizer.ggml.add_bos_token", false)
                .put("tokenizer.ggml.add_space_prefix", false);
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
        while (ones.hasRemaining()) {
            ones.putFloat(1);
        }
        writer.tensor(name, F32, ones.flip(), size);
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
