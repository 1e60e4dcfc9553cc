/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.quantization;

import io.github.djlmistral.engine.internal.weights.RotaryRows;
import io.github.djlmistral.engine.internal.weights.TensorNames;
import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.quantization.Int6;
import io.github.djlmistral.engine.quantization.Int8;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.CheckpointException;
import io.github.djlmistral.engine.weights.Gguf;
import io.github.djlmistral.engine.weights.GgufTensor;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.function.IntUnaryOperator;
import java.util.regex.Pattern;

/**
 * Converts the weights of a GGUF file to Hugging Face's names and layout, the inverse of
 * llama.cpp's {@code convert_hf_to_gguf.py}. Unquantized tensors stay mapped; quantized ones are
 * repacked as {@link Int4}, {@link Int6} (5 and 6 bits) or {@link Int8} without loss. The rows of
 * query and key projections are put back into Hugging Face's order ({@link RotaryRows}).
 */
public final class GgufWeights {

    /** The output layer; if it is missing, embeddings are tied. */
    public static final String OUTPUT = "output.weight";

    private static final String QUERY = "attn_q.weight";
    private static final String KEY = "attn_k.weight";

    private static final TensorNames NAMES =
            new TensorNames(
                    Map.of(
                            "token_embd.weight",
                            "model.embed_tokens.weight",
                            "output_norm.weight",
                            "model.norm.weight",
                            OUTPUT,
                            "lm_head.weight"),
                    Pattern.compile("blk\\.(\\d{1,9})\\.(.+)"),
                    Map.of(
                            QUERY,
                            "self_attn.q_proj.weight",
                            KEY,
                            "self_attn.k_proj.weight",
                            "attn_v.weight",
                            "self_attn.v_proj.weight",
                            "attn_output.weight",
                            "self_attn.o_proj.weight",
                            "ffn_gate.weight",
                            "mlp.gate_proj.weight",
                            "ffn_up.weight",
                            "mlp.up_proj.weight",
                            "ffn_down.weight",
                            "mlp.down_proj.weight",
                            "attn_norm.weight",
                            "input_layernorm.weight",
                            "ffn_norm.weight",
                            "post_attention_layernorm.weight"));

    private GgufWeights() {}

    /**
     * Converts the tensors of a file.
     *
     * @param gguf the file
     * @param heads the number of query heads
     * @param kvHeads the number of key heads
     * @return the weights, in the order of the file
     * @throws CheckpointException if a tensor is unknown or has a wrong shape, or the file is one
     *     part of a split model
     */
    public static Weights of(Gguf gguf, int heads, int kvHeads) throws CheckpointException {
        Path file = gguf.file();
        long parts = gguf.metadata().integer("split.count").orElse(1);
        if (parts > 1) {
            throw new CheckpointException(
                    file,
                    "this is one of the " + parts + " parts of a model",
                    "Join them with llama-gguf-split --merge of llama.cpp, or get the model in one"
                            + " file");
        }
        AvailableMemory.check(
                "loading " + file,
                gguf.tensors().values().stream()
                        // other shapes are rejected below
                        .filter(t -> t.type().isQuantized() && t.shape().length == 2)
                        .mapToLong(GgufWeights::bytes)
                        .sum(),
                "use a file of a smaller type, such as Q4_0");
        Map<String, Tensor> plain = new LinkedHashMap<>();
        Map<String, QuantizedWeight> quantized = new LinkedHashMap<>();
        try {
            convert(gguf, heads, kvHeads, plain, quantized);
        } catch (CheckpointException | RuntimeException | Error e) {
            new Weights(plain, quantized).close();
            throw e;
        }
        return new Weights(plain, quantized);
    }

    private static void convert(
            Gguf gguf,
            int heads,
            int kvHeads,
            Map<String, Tensor> plain,
            Map<String, QuantizedWeight> quantized)
            throws CheckpointException {
        Path file = gguf.file();
        for (GgufTensor tensor : gguf.tensors().values()) {
            TensorNames.Match match = NAMES.find(tensor.name());
            if (match == null) {
                throw new CheckpointException(
                        file,
                        "tensor \"" + tensor.name() + "\" is not a tensor of a Mistral network",
                        "Get a file of a Mistral model");
            }
            String name = match.name();
            int turned =
                    switch (match.part()) {
                        case QUERY -> heads;
                        case KEY -> kvHeads;
                        default -> 0;
                    };
            try {
                if (tensor.type().isQuantized()) {
                    quantized.put(name, quantized(name, tensor, turned));
                } else {
                    Tensor numbers = tensor.plain();
                    plain.put(
                            name,
                            (turned == 0 ? numbers : RotaryRows.evenRowsFirst(numbers, turned))
                                    .renamed(name));
                }
            } catch (IllegalArgumentException e) {
                CheckpointException exception =
                        new CheckpointException(
                                file,
                                e.getMessage() + "",
                                "Get a file of a Mistral model, or another file of this one");
                exception.initCause(e);
                throw exception;
            }
        }
    }

    /**
     * Computes the size of a quantized tensor after loading, without loading it.
     *
     * @param tensor a tensor of a quantized type
     * @return the size in bytes of the {@link Int4}, {@link Int6} or {@link Int8}
     * @throws IllegalArgumentException if the tensor is not a matrix, or too large
     */
    public static long bytes(GgufTensor tensor) {
        checkMatrix(tensor);
        return GgmlBlocks.bytes(tensor);
    }

    /** A buffer holds less than 2^31 bytes: in 8 bits, with the padding rows of the last tile. */
    private static void checkMatrix(GgufTensor tensor) {
        long[] shape = tensor.shape();
        if (shape.length != 2
                || shape[0] > Integer.MAX_VALUE - Int4.TILE
                || (shape[0] + Int4.TILE) * shape[1] > Integer.MAX_VALUE) {
            throw new IllegalArgumentException(
                    "tensor \""
                            + tensor.name()
                            + "\" is "
                            + tensor
                            + ", must be a matrix of fewer than 2^31 weights");
        }
    }

    /** Repacks a matrix; rows of query and key heads are reordered, of none if heads is 0. */
    private static QuantizedWeight quantized(String name, GgufTensor tensor, int heads) {
        checkMatrix(tensor);
        IntUnaryOperator source = IntUnaryOperator.identity();
        if (heads > 0) {
            int width = RotaryRows.width(tensor.name() + " " + tensor, tensor.shape(), heads);
            source = row -> RotaryRows.source(row, width);
        }
        return GgmlBlocks.pack(name, tensor, source);
    }
}
