/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.model;

import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.weights.Checkpoint;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.weights.GgufWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;

/** Writes a checkpoint as a GGUF file, with the names and in the order of llama.cpp's converter. */
public final class GgufModel {

    private static final int F32 = 0;
    private static final int Q4_0 = 2;
    private static final int Q8_0 = 8;

    /** Name parts in GGUF and in Hugging Face checkpoints, longer ones first. */
    private static final List<Map.Entry<String, String>> NAMES =
            List.of(
                    Map.entry("model.layers.", "blk."),
                    Map.entry("self_attn.q_proj", "attn_q"),
                    Map.entry("self_attn.k_proj", "attn_k"),
                    Map.entry("self_attn.v_proj", "attn_v"),
                    Map.entry("self_attn.o_proj", "attn_output"),
                    Map.entry("mlp.gate_proj", "ffn_gate"),
                    Map.entry("mlp.up_proj", "ffn_up"),
                    Map.entry("mlp.down_proj", "ffn_down"),
                    Map.entry("input_layernorm", "attn_norm"),
                    Map.entry("post_attention_layernorm", "ffn_norm"),
                    Map.entry("model.embed_tokens", "token_embd"),
                    Map.entry("model.norm", "output_norm"),
                    Map.entry("lm_head", "output"));

    private GgufModel() {}

    /** Storage format of the matrices. */
    private enum Form {
        /** As float32. */
        PLAIN,
        /** Linear layers as Q4_0, embedding table and output layer as float32. */
        FOUR_BITS,
        /** As Q8_0. */
        EIGHT_BITS,
        /** As the dequantized float32 values of their Q8_0. */
        ROUNDED
    }

    /** A whole model in float32. */
    public static GgufWriter plain(Path directory) throws IOException {
        return of(directory, Form.PLAIN);
    }

    /** A whole model with its matrices in Q8_0. */
    public static GgufWriter eightBits(Path directory) throws IOException {
        return of(directory, Form.EIGHT_BITS);
    }

    /** A whole model with its linear layers, except the output layer, in Q4_0. */
    public static GgufWriter fourBits(Path directory) throws IOException {
        return of(directory, Form.FOUR_BITS);
    }

    /** A whole model in float32, with the dequantized values of {@link #eightBits}. */
    public static GgufWriter rounded(Path directory) throws IOException {
        return of(directory, Form.ROUNDED);
    }

    private static GgufWriter of(Path directory, Form form) throws IOException {
        MistralConfig config = MistralConfig.read(directory);
        GgufWriter writer = config(config);
        if (Files.exists(directory.resolve("tokenizer.model"))) {
            tokenizer(writer, directory.resolve("tokenizer.model"));
        }
        Path settings = directory.resolve("tokenizer_config.json");
        if (Files.exists(settings)) {
            writer.put(
                    "tokenizer.chat_template",
                    Reference.json(settings).get("chat_template").getAsString());
        }
        for (Tensor tensor : Checkpoint.open(directory).tensors().values()) {
            String name = tensor.name();
            for (Map.Entry<String, String> part : NAMES) {
                name = name.replace(part.getKey(), part.getValue());
            }
            ByteBuffer numbers = floats(tensor);
            if (name.contains("attn_q")) {
                numbers = permute(numbers, tensor, config.numAttentionHeads());
            } else if (name.contains("attn_k")) {
                numbers = permute(numbers, tensor, config.numKeyValueHeads());
            }
            if (tensor.shape().length == 2 && form == Form.FOUR_BITS && name.startsWith("blk.")) {
                writer.tensor(name, Q4_0, fourBits(numbers), tensor.shape());
                continue;
            }
            boolean eight = form == Form.EIGHT_BITS || form == Form.ROUNDED;
            Form here = tensor.shape().length == 2 && eight ? form : Form.PLAIN;
            writer.tensor(
                    name,
                    here == Form.EIGHT_BITS ? Q8_0 : F32,
                    here == Form.PLAIN ? numbers : eightBits(numbers, here == Form.ROUNDED),
                    tensor.shape());
        }
        return writer;
    }

    /** Metadata of the network's configuration. */
    public static GgufWriter config(MistralConfig config) {
        GgufWriter writer =
                new GgufWriter()
                        .put("general.architecture", "llama")
                        .put("llama.vocab_size", config.vocabSize())
                        .put("llama.context_length", config.maxPositionEmbeddings())
                        .put("llama.embedding_length", config.hiddenSize())
                        .put("llama.block_count", config.numHiddenLayers())
                        .put("llama.feed_forward_length", config.intermediateSize())
                        .put("llama.rope.dimension_count", config.headDim())
                        .put("llama.rope.freq_base", (float) config.ropeTheta())
                        .put("llama.attention.head_count", config.numAttentionHeads())
                        .put("llama.attention.head_count_kv", config.numKeyValueHeads())
                        .put("llama.attention.key_length", config.headDim())
                        .put("llama.attention.value_length", config.headDim())
                        .put("llama.attention.layer_norm_rms_epsilon", config.rmsNormEps())
                        .put("tokenizer.ggml.bos_token_id", 1)
                        .put("tokenizer.ggml.eos_token_id", config.eosTokenIds().get(0));
        Integer window = config.slidingWindow();
        return window == null ? writer : writer.put("llama.attention.sliding_window", window);
    }

    /** Metadata of the tokenizer, from a SentencePiece file. */
    public static GgufWriter tokenizer(GgufWriter writer, Path file) throws IOException {
        List<String> tokens = new ArrayList<>();
        List<Float> scores = new ArrayList<>();
        List<Integer> types = new ArrayList<>();
        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN);
        // field 1 of the protocol buffer, repeated, is a piece: 1 text, 2 score, 3 type
        while (bytes.hasRemaining()) {
            int tag = varint(bytes);
            int end = varint(bytes) + bytes.position();
            if (tag == (1 << 3 | 2)) {
                int type = 1;
                while (bytes.position() < end) {
                    switch (varint(bytes)) {
                        case 1 << 3 | 2 -> {
                            byte[] text = new byte[varint(bytes)];
                            bytes.get(text);
                            tokens.add(new String(text, StandardCharsets.UTF_8));
                        }
                        case 2 << 3 | 5 -> scores.add(bytes.getFloat());
                        default -> type = varint(bytes);
                    }
                }
                types.add(type);
            }
            bytes.position(end);
        }
        return writer.put("tokenizer.ggml.model", "llama")
                .put("tokenizer.ggml.tokens", tokens)
                .put("tokenizer.ggml.scores", scores)
                .put("tokenizer.ggml.token_type", types)
                .put("tokenizer.ggml.bos_token_id", 1)
                .put("tokenizer.ggml.eos_token_id", 2)
                .put("tokenizer.ggml.unknown_token_id", 0)
                .put("tokenizer.ggml.add_bos_token", true)
                .put("tokenizer.ggml.add_eos_token", false);
    }

    private static int varint(ByteBuffer bytes) {
        int value = 0;
        for (int shift = 0; ; shift += 7) {
            byte b = bytes.get();
            value |= (b & 0x7F) << shift;
            if (b >= 0) {
                return value;
            }
        }
    }

    private static ByteBuffer floats(Tensor tensor) {
        ByteBuffer data = tensor.data();
        ByteBuffer numbers = bytes(4 * (int) tensor.elements());
        while (data.hasRemaining()) {
            numbers.putFloat(
                    switch (tensor.dtype()) {
                        case FLOAT32 -> data.getFloat();
                        case BFLOAT16 -> Float.intBitsToFloat(data.getShort() << 16);
                        default -> throw new AssertionError(tensor);
                    });
        }
        return numbers.flip();
    }

    /** {@code permute} of convert_hf_to_gguf.py: row i of half h goes to 2 i + h. */
    private static ByteBuffer permute(ByteBuffer numbers, Tensor tensor, int heads) {
        int rows = (int) tensor.shape()[0];
        int half = rows / heads / 2;
        int rowBytes = numbers.capacity() / rows;
        ByteBuffer permuted = bytes(numbers.capacity());
        for (int head = 0; head < heads; head++) {
            for (int i = 0; i < half; i++) {
                for (int h = 0; h < 2; h++) {
                    int from = (head * 2 + h) * half + i;
                    int to = (head * half + i) * 2 + h;
                    permuted.put(to * rowBytes, numbers, from * rowBytes, rowBytes);
                }
            }
        }
        return permuted;
    }

    /** Q8_0, blocks of 32: the scale is the largest magnitude / 127. Quantized or dequantized. */
    private static ByteBuffer eightBits(ByteBuffer numbers, boolean rounded) {
        ByteBuffer blocks = bytes(rounded ? numbers.capacity() : numbers.capacity() / 128 * 34);
        while (numbers.hasRemaining()) {
            float[] block = new float[32];
            float largest = 0;
            for (int i = 0; i < 32; i++) {
                block[i] = numbers.getFloat();
                largest = Math.max(largest, Math.abs(block[i]));
            }
            // eleven bits of it, which float16 has: all are between 2^-14 and 2^15
            float scale = Float.intBitsToFloat(Float.floatToRawIntBits(largest / 127) & 0xFFFFE000);
            if (!(scale >= 0x1p-14f && scale < 0x1p15f)) {
                scale = 0x1p-14f;
            }
            if (!rounded) {
                blocks.putShort((short) ((Float.floatToRawIntBits(scale) >> 13) - (112 << 10)));
            }
            for (float number : block) {
                int code = Math.max(-127, Math.min(127, Math.round(number / scale)));
                if (rounded) {
                    blocks.putFloat(code * scale);
                } else {
                    blocks.put((byte) code);
                }
            }
        }
        return blocks.flip();
    }

    /** Q4_0 as in llama.cpp: the value of largest magnitude in a block of 32 becomes code -8. */
    private static ByteBuffer fourBits(ByteBuffer numbers) {
        ByteBuffer blocks = bytes(numbers.capacity() / 128 * 18);
        while (numbers.hasRemaining()) {
            float[] block = new float[32];
            float largest = 0;
            for (int i = 0; i < 32; i++) {
                block[i] = numbers.getFloat();
                largest = Math.abs(block[i]) > Math.abs(largest) ? block[i] : largest;
            }
            float scale = largest / -8;
            // float16 of a normal number: eleven bits of it, rounded
            int rounded = (Float.floatToRawIntBits(Math.abs(scale)) + 0x1000) >> 13;
            blocks.putShort((short) (rounded - (112 << 10) | (scale < 0 ? 0x8000 : 0)));
            int[] codes = new int[32];
            for (int i = 0; i < 32; i++) {
                codes[i] = Math.min(15, (int) (block[i] / scale + 8.5f));
            }
            for (int i = 0; i < 16; i++) {
                blocks.put((byte) (codes[i] | codes[i + 16] << 4));
            }
        }
        return blocks.flip();
    }

    private static ByteBuffer bytes(int count) {
        return ByteBuffer.allocate(count).order(ByteOrder.LITTLE_ENDIAN);
    }
}
