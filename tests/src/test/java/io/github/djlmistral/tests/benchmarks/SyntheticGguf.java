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
import java.util.Map;
import java.util.Random;
import java.util.stream.IntStream;

/**
 * A GGUF file of Mistral 7B's shape with random weights, for measuring speed; norms are 1. All
 * matrices are Q4_0, the output layer as well (llama.cpp's own tool would make that one Q6_K, which
 * adds 0.8 % to the bytes a token reads). Or they are what that tool makes for Q4_K_M: Q4_K, with
 * Q6_K for the output layer and, in half of the layers, for values and down projections. Or all are
 * bfloat16.
 *
 * <p>The tokenizer's vocabulary has the special tokens, the 256 bytes and invented pieces, so that
 * a text of capital letters has as many tokens as characters.
 */
final class SyntheticGguf {

    private static final int F32 = 0;

    /** Weights that are written repeatedly: random enough for a processor. */
    private static final int POOL = 1 << 24;

    /** What the matrices are quantized to, with GGUF's number. */
    enum Format {
        Q4_0(2),
        Q4_K_M(15),
        BF16(32);

        private final int number;

        Format(int number) {
            this.number = number;
        }
    }

    /** A type of matrices, with GGUF's number, and the layout of its blocks. */
    @SuppressWarnings("ImmutableEnumChecker") // the arrays are not shared
    private enum Type {
        /** 0.00435: codes from -8 to 7, all as likely, deviate by 4.6, weights by 0.02. */
        Q4_0(2, 32, 18, Map.of(0, 0x1c74)),
        /** Scales of 0.00014 times 0 to 63, and minima of 7.5 times that: weights of mean 0. */
        Q4_K(12, 256, 144, Map.of(0, 0x0896, 2, 0x144d)),
        /** Scales of 0.0000146, a subnormal number, times -128 to 127. */
        Q6_K(14, 256, 210, Map.of(208, 0x00f5)),
        /** Deviates by 0.02. */
        BF16(30, 1, 2, Map.of());

        private final int number;
        private final int weights;
        private final int bytes;
        private final byte[] pool;

        /** The float16 numbers are by their place in a block, the rest is random. */
        Type(int number, int weights, int bytes, Map<Integer, Integer> float16) {
            this.number = number;
            this.weights = weights;
            this.bytes = bytes;
            pool = new byte[POOL / weights * bytes];
            Random random = new Random(1);
            random.nextBytes(pool);
            ByteBuffer blocks = ByteBuffer.wrap(pool).order(ByteOrder.LITTLE_ENDIAN);
            if (number == 30) {
                for (int at = 0; at < pool.length; at += bytes) {
                    int bits = Float.floatToIntBits(0.02f * (float) random.nextGaussian());
                    blocks.putShort(at, (short) (bits >> 16));
                }
            }
            for (int at = 0; at < pool.length; at += bytes) {
                for (Map.Entry<Integer, Integer> value : float16.entrySet()) {
                    blocks.putShort(at + value.getKey(), value.getValue().shortValue());
                }
            }
        }

        long bytes(long numbers) {
            return numbers / weights * bytes;
        }
    }

    private final MistralConfig config;
    private final Format format;
    private final GgufWriter writer;

    private SyntheticGguf(MistralConfig config, Format format) {
        this.config = config;
        this.format = format;
        writer =
                GgufModel.config(config)
                        .put("general.name", "Mistral's shape, random weights")
                        .put("general.file_type", format.number) // most of the matrices
                        .put("general.quantization_version", 2);
    }

    /** Returns the configuration of Mistral-7B-v0.1 with some of its layers. */
    static MistralConfig mistral7b(int layers) {
        return MistralConfig.mistral7bV01().toBuilder()
                .numHiddenLayers(layers)
                .slidingWindow(null)
                .build();
    }

    /** Writes the file: with 32 layers 4.1 GB, 4.4 GB of Q4_K_M, 14.5 GB of BF16. */
    static void write(Path file, MistralConfig config, Format format) throws IOException {
        SyntheticGguf gguf = new SyntheticGguf(config, format);
        gguf.putTokenizer();
        gguf.putTensors();
        Path parent = file.toAbsolutePath().getParent();
        if (parent != null) {
            Files.createDirectories(parent);
        }
        gguf.writer.write(file);
    }

    /** Returns the bytes of weights read per decoded token: all but the embedding table. */
    static long bytesPerToken(MistralConfig config, Format format) {
        long table = (long) config.vocabSize() * config.hiddenSize();
        long norms = (2L * config.numHiddenLayers() + 1) * config.hiddenSize();
        long matrices = config.parameterCount() - table - norms;
        if (format != Format.Q4_K_M) {
            return small(format).bytes(matrices) + 4 * norms;
        }
        int keys = config.numKeyValueHeads() * config.headDim();
        long sixBits =
                table
                        + IntStream.range(0, config.numHiddenLayers())
                                        .filter(layer -> sixBits(layer, config.numHiddenLayers()))
                                        .count()
                                * config.hiddenSize()
                                * ((long) keys + config.intermediateSize());
        return Type.Q6_K.bytes(sixBits) + Type.Q4_K.bytes(matrices - sixBits) + 4 * norms;
    }

    /** The type of most matrices. */
    private static Type small(Format format) {
        return switch (format) {
            case Q4_0 -> Type.Q4_0;
            case Q4_K_M -> Type.Q4_K;
            case BF16 -> Type.BF16;
        };
    }

    /** Whether values and down projection of a layer of Q4_K_M are Q6_K. */
    private static boolean sixBits(int layer, int layers) {
        return layer < layers / 8 || layer >= 7 * layers / 8 || (layer - layers / 8) % 3 == 2;
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
        boolean kQuants = format == Format.Q4_K_M;
        Type small = small(format);
        matrix("token_embd.weight", small, config.vocabSize(), hidden);
        for (int layer = 0; layer < config.numHiddenLayers(); ++layer) {
            String prefix = "blk." + layer + ".";
            boolean six = kQuants && sixBits(layer, config.numHiddenLayers());
            norm(prefix + "attn_norm.weight", hidden);
            matrix(prefix + "attn_q.weight", small, queries, hidden);
            matrix(prefix + "attn_k.weight", small, keys, hidden);
            matrix(prefix + "attn_v.weight", six ? Type.Q6_K : small, keys, hidden);
            matrix(prefix + "attn_output.weight", small, hidden, queries);
            norm(prefix + "ffn_norm.weight", hidden);
            matrix(prefix + "ffn_gate.weight", small, wide, hidden);
            matrix(prefix + "ffn_up.weight", small, wide, hidden);
            matrix(prefix + "ffn_down.weight", six ? Type.Q6_K : small, hidden, wide);
        }
        norm("output_norm.weight", hidden);
        matrix("output.weight", kQuants ? Type.Q6_K : small, config.vocabSize(), hidden);
    }

    private void matrix(String name, Type type, long rows, long columns) {
        long bytes = type.bytes(rows * columns);
        writer.tensor(
                name,
                type.number,
                bytes,
                out -> {
                    for (long left = bytes; left > 0; left -= type.pool.length) {
                        out.write(type.pool, 0, (int) Math.min(left, type.pool.length));
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
}
