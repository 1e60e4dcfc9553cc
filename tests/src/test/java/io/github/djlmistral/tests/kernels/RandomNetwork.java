/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.kernels;

import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.quantization.Codebook4;
import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.quantization.Int8;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** Small networks with random weights of each kind. */
final class RandomNetwork {

    /** The kinds of matrices. */
    static final List<String> KINDS =
            List.of(
                    "float32",
                    "bfloat16",
                    "float16",
                    "int4 32",
                    "int4 64 offset",
                    "int4 128 wide",
                    "int4 64 wide offset",
                    "int4 32 order",
                    "int8 16",
                    "int8 32 offset wide",
                    "nf4");

    private final Random random;
    private final String kind;

    private RandomNetwork(String kind, long seed) {
        this.kind = kind;
        random = new Random(seed);
    }

    /** A shape with awkward numbers: rows that fill no tile, an odd vocabulary. */
    static MistralConfig config(int window) {
        return MistralConfig.parse(
                """
                {"vocab_size": 77, "hidden_size": 128, "intermediate_size": 384,
                 "num_hidden_layers": 2, "num_attention_heads": 8, "num_key_value_heads": 2,
                 "head_dim": 32, "max_position_embeddings": 512, "sliding_window": %s}
                """
                        .formatted(window == 0 ? "null" : window));
    }

    static Weights weights(MistralConfig config, String kind) {
        RandomNetwork network = new RandomNetwork(kind, 7);
        Map<String, Tensor> plain = new LinkedHashMap<>();
        Map<String, QuantizedWeight> quantized = new LinkedHashMap<>();
        int hidden = config.hiddenSize();
        int queries = config.numAttentionHeads() * config.headDim();
        int keys = config.numKeyValueHeads() * config.headDim();
        plain.put("model.embed_tokens.weight", network.dense(config.vocabSize(), hidden, 1));
        plain.put("model.norm.weight", network.dense(1, hidden, 0));
        for (int l = 0; l < config.numHiddenLayers(); ++l) {
            String layer = "model.layers." + l + ".";
            plain.put(layer + "input_layernorm.weight", network.dense(1, hidden, 0));
            plain.put(layer + "post_attention_layernorm.weight", network.dense(1, hidden, 0));
            for (Object[] matrix :
                    new Object[][] {
                        {"self_attn.q_proj", queries, hidden},
                        {"self_attn.k_proj", keys, hidden},
                        {"self_attn.v_proj", keys, hidden},
                        {"self_attn.o_proj", hidden, queries},
                        {"mlp.gate_proj", config.intermediateSize(), hidden},
                        {"mlp.up_proj", config.intermediateSize(), hidden},
                        {"mlp.down_proj", hidden, config.intermediateSize()},
                    }) {
                network.put(
                        layer + matrix[0] + ".weight",
                        (int) matrix[1],
                        (int) matrix[2],
                        plain,
                        quantized);
            }
        }
        network.put("lm_head.weight", config.vocabSize(), hidden, plain, quantized);
        return new Weights(plain, quantized);
    }

    private void put(
            String name,
            int rows,
            int columns,
            Map<String, Tensor> plain,
            Map<String, QuantizedWeight> quantized) {
        if (kind.startsWith("int4")) {
            quantized.put(name, int4(rows, columns));
        } else if (kind.startsWith("int8")) {
            quantized.put(name, int8(rows, columns));
        } else if (kind.equals("nf4")) {
            quantized.put(name, nf4(rows, columns));
        } else {
            plain.put(name, dense(rows, columns, 0.1f));
        }
    }

    private Tensor dense(int rows, int columns, float deviation) {
        Dtype dtype =
                kind.startsWith("float16")
                        ? Dtype.FLOAT16
                        : kind.startsWith("bfloat16") ? Dtype.BFLOAT16 : Dtype.FLOAT32;
        long[] shape = rows == 1 ? new long[] {columns} : new long[] {rows, columns};
        return numbers(
                dtype,
                rows * columns,
                shape,
                deviation == 0 ? 1 : 0,
                deviation == 0 ? 0.1f : deviation);
    }

    private Tensor numbers(Dtype dtype, int count, long[] shape, float mean, float deviation) {
        ByteBuffer data = buffer(count * dtype.bytes());
        for (int i = 0; i < count; ++i) {
            float value = mean + deviation * (float) random.nextGaussian();
            switch (dtype) {
                case FLOAT32 -> data.putFloat(value);
                case BFLOAT16 -> data.putShort((short) (Float.floatToIntBits(value) >> 16));
                default -> data.putShort(half(value));
            }
        }
        return new Tensor("random", dtype, shape, data.flip());
    }

    /** A float16 of about the value; tiny values, which random ones seldom are, become 0. */
    private static short half(float value) {
        int bits = Float.floatToIntBits(value);
        int sign = bits >>> 16 & 0x8000;
        int rest = ((bits & 0x7fffffff) - (112 << 23)) >> 13;
        return (short) (rest < 0x400 ? sign : sign | rest);
    }

    private static ByteBuffer buffer(int bytes) {
        return ByteBuffer.allocateDirect(bytes).order(ByteOrder.LITTLE_ENDIAN);
    }

    private Tensor bytes(Dtype dtype, long... shape) {
        int count = 1;
        for (long dimension : shape) {
            count *= (int) dimension;
        }
        byte[] bytes = new byte[count];
        random.nextBytes(bytes);
        return new Tensor("random", dtype, shape, buffer(count).put(bytes).flip());
    }

    private Int4 int4(int rows, int columns) {
        int group = Integer.parseInt(kind.replaceAll("\\w+ (\\d+).*", "$1"));
        Dtype type = kind.contains("wide") ? Dtype.FLOAT32 : Dtype.FLOAT16;
        long tiles = (rows + 15L) / 16;
        long groups = columns / group;
        int count = (int) (tiles * groups * 16);
        long[] shape = {tiles, groups, 16};
        Tensor scales = numbers(type, count, shape, 0.02f, 0.005f);
        Tensor offsets =
                kind.contains("offset") ? numbers(type, count, shape, -0.15f, 0.02f) : null;
        return new Int4(
                rows,
                bytes(Dtype.UINT8, tiles, columns / 8, 64),
                scales,
                offsets,
                kind.contains("order") ? order(columns) : null);
    }

    private int[] order(int columns) {
        List<Integer> order = new ArrayList<>();
        for (int i = 0; i < columns; ++i) {
            order.add(i);
        }
        Collections.shuffle(order, random);
        return order.stream().mapToInt(Integer::intValue).toArray();
    }

    private Int8 int8(int rows, int columns) {
        int group = Integer.parseInt(kind.replaceAll("\\w+ (\\d+).*", "$1"));
        Dtype type = kind.contains("wide") ? Dtype.FLOAT32 : Dtype.FLOAT16;
        long tiles = (rows + 15L) / 16;
        long groups = columns / group;
        int count = (int) (tiles * groups * 16);
        long[] shape = {tiles, groups, 16};
        Tensor scales = numbers(type, count, shape, 0, 0.001f);
        Tensor offsets = kind.contains("offset") ? numbers(type, count, shape, 0, 0.1f) : null;
        return new Int8(rows, bytes(Dtype.INT8, tiles, columns, 16), scales, offsets);
    }

    private Codebook4 nf4(int rows, int columns) {
        long blocks = (long) rows * columns / 64;
        return new Codebook4(
                rows,
                columns,
                64,
                Codebook4.nf4(),
                bytes(Dtype.UINT8, (long) rows * columns / 2),
                numbers(Dtype.FLOAT32, (int) blocks, new long[] {blocks}, 0.1f, 0.02f));
    }
}
