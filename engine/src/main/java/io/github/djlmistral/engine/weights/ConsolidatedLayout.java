/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.weights;

import java.nio.ByteBuffer;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Mistral's own layout of weights, that of {@code consolidated.safetensors}. It differs from
 * Hugging Face's in the names, and in the order of the rows of the query and key projections.
 *
 * <p>The rows: rotary embedding turns the dimensions of a head in pairs. Mistral's code pairs
 * neighbours (0 with 1, 2 with 3), as the real and imaginary parts of complex numbers; Hugging
 * Face's pairs each dimension of the first half with one of the second. So the even rows of each
 * head go first, then the odd ones:
 *
 * <pre>
 * 2 heads of 4:     head 0      head 1
 * Mistral's rows    0 1 2 3     4 5 6 7      pairs (0 1) (2 3)   (4 5) (6 7)
 * Hugging Face's    0 2 1 3     4 6 5 7      the same pairs, now two rows apart
 * </pre>
 *
 * <p>A score is a sum over the dimensions of a head, and query and key are reordered alike, so it
 * stays the same; values and outputs are not turned and keep their order. Names and rows are those
 * of {@code convert_mistral_weights_to_hf.py} in transformers: {@code w.view(heads, d / 2, 2,
 * in).transpose(1, 2)}.
 */
public final class ConsolidatedLayout {

    private static final Map<String, String> NAMES =
            Map.of(
                    "tok_embeddings.weight", "model.embed_tokens.weight",
                    "norm.weight", "model.norm.weight",
                    "output.weight", "lm_head.weight");

    private static final String QUERY = "attention.wq.weight";
    private static final String KEY = "attention.wk.weight";

    private static final Pattern LAYER = Pattern.compile("layers\\.(\\d+)\\.(.+)");

    /** What follows {@code layers.N.} here and {@code model.layers.N.} there. */
    private static final Map<String, String> NAMES_IN_LAYER =
            Map.of(
                    QUERY,
                    "self_attn.q_proj.weight",
                    KEY,
                    "self_attn.k_proj.weight",
                    "attention.wv.weight",
                    "self_attn.v_proj.weight",
                    "attention.wo.weight",
                    "self_attn.o_proj.weight",
                    "feed_forward.w1.weight",
                    "mlp.gate_proj.weight",
                    "feed_forward.w2.weight",
                    "mlp.down_proj.weight",
                    "feed_forward.w3.weight",
                    "mlp.up_proj.weight",
                    "attention_norm.weight",
                    "input_layernorm.weight",
                    "ffn_norm.weight",
                    "post_attention_layernorm.weight");

    private ConsolidatedLayout() {}

    /**
     * Converts the tensors of a checkpoint. Only queries and keys are copied, into direct buffers;
     * all others keep their mapped bytes.
     *
     * @param tensors the tensors as {@link Checkpoint#tensors} gives them
     * @param heads the number of query heads, {@code n_heads} in {@code params.json}
     * @param kvHeads the number of key heads, {@code n_kv_heads}
     * @return the tensors under Hugging Face's names, in the order given; unmodifiable
     * @throws IllegalArgumentException if a name is none of a Mistral model, or if the heads do not
     *     divide the rows of a query or key into pairs
     */
    public static Map<String, Tensor> toHuggingFace(
            Map<String, Tensor> tensors, int heads, int kvHeads) {
        Map<String, Tensor> converted = new LinkedHashMap<>();
        for (Tensor tensor : tensors.values()) {
            Matcher matcher = LAYER.matcher(tensor.name());
            String part = matcher.matches() ? matcher.group(2) : "";
            String name =
                    matcher.matches()
                            ? inLayer(matcher.group(1), NAMES_IN_LAYER.get(part))
                            : NAMES.get(tensor.name());
            if (name == null) {
                throw new IllegalArgumentException(
                        "\""
                                + tensor.name()
                                + "\" is no tensor of a Mistral model in the consolidated layout;"
                                + " use the model's Hugging Face files (model*.safetensors)");
            }
            Tensor reordered =
                    switch (part) {
                        case QUERY -> evenRowsFirst(tensor, heads, "query");
                        case KEY -> evenRowsFirst(tensor, kvHeads, "key");
                        default -> tensor;
                    };
            converted.put(name, reordered.renamed(name));
        }
        return Collections.unmodifiableMap(converted);
    }

    private static @Nullable String inLayer(String layer, @Nullable String name) {
        return name == null ? null : "model.layers." + layer + "." + name;
    }

    /** [heads * width, in]: row 2i of a head becomes its row i, row 2i + 1 its row width/2 + i. */
    private static Tensor evenRowsFirst(Tensor tensor, int heads, String kind) {
        long[] shape = tensor.shape();
        if (heads <= 0 || shape.length != 2 || shape[0] % (2L * heads) != 0) {
            throw new IllegalArgumentException(
                    String.format(
                            "\"%s\" is %s, which does not divide into %d %s heads of pairs of rows;"
                                    + " check the numbers of heads in config.json or params.json",
                            tensor.name(), tensor, heads, kind));
        }
        ByteBuffer source = tensor.data();
        ByteBuffer target = ByteBuffer.allocateDirect(source.capacity());
        if (source.hasRemaining()) {
            // All are ints, as the whole tensor has less than 2^31 bytes.
            int rows = (int) shape[0];
            int width = rows / heads;
            int rowBytes = source.capacity() / rows;
            for (int row = 0; row < rows; row++) {
                int inHead = row % width;
                int evenOrOdd = inHead / (width / 2);
                int pair = inHead % (width / 2);
                int from = row - inHead + 2 * pair + evenOrOdd;
                target.put(row * rowBytes, source, from * rowBytes, rowBytes);
            }
        }
        return new Tensor(tensor.name(), tensor.dtype(), shape, target);
    }
}
