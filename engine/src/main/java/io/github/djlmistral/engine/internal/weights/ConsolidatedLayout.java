/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.weights;

import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.weights.Tensor;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Pattern;

/**
 * Converts weights from Mistral's own layout, that of {@code consolidated.safetensors}, to Hugging
 * Face's. They differ in the names, and in the row order of the query and key projections.
 *
 * <p>The names are those of {@code convert_mistral_weights_to_hf.py} in transformers; for the row
 * order see {@link RotaryRows}.
 */
public final class ConsolidatedLayout {

    private static final String QUERY = "attention.wq.weight";
    private static final String KEY = "attention.wk.weight";

    private static final TensorNames NAMES =
            new TensorNames(
                    Map.of(
                            "tok_embeddings.weight", "model.embed_tokens.weight",
                            "norm.weight", "model.norm.weight",
                            "output.weight", "lm_head.weight"),
                    Pattern.compile("layers\\.(\\d+)\\.(.+)"),
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
                            "post_attention_layernorm.weight"));

    private ConsolidatedLayout() {}

    /**
     * Converts the tensors of a checkpoint. Query and key projections are copied; all others stay
     * mapped.
     *
     * @param tensors the tensors, see {@code Checkpoint.tensors()}
     * @param heads the number of query heads, {@code n_heads} in {@code params.json}
     * @param kvHeads the number of key heads, {@code n_kv_heads}
     * @return the tensors with Hugging Face's names, in the same order; unmodifiable
     * @throws IllegalArgumentException if a name is not that of a Mistral model, or the rows of a
     *     query or key projection cannot be divided into heads
     */
    public static Map<String, Tensor> toHuggingFace(
            Map<String, Tensor> tensors, int heads, int kvHeads) {
        Map<String, Tensor> converted = new LinkedHashMap<>();
        for (Tensor tensor : tensors.values()) {
            TensorNames.Match match = NAMES.find(tensor.name());
            if (match == null) {
                throw new IllegalArgumentException(
                        Quote.of(tensor.name())
                                + " is not a tensor of a Mistral model in the consolidated layout;"
                                + " use the model's Hugging Face files (model*.safetensors)");
            }
            Tensor reordered =
                    switch (match.part()) {
                        case QUERY -> RotaryRows.evenRowsFirst(tensor, heads);
                        case KEY -> RotaryRows.evenRowsFirst(tensor, kvHeads);
                        default -> tensor;
                    };
            converted.put(match.name(), reordered.renamed(match.name()));
        }
        return Collections.unmodifiableMap(converted);
    }
}
