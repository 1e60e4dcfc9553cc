/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.weights;

import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.weights.Tensor;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Converts weights from Mistral's own layout, that of {@code consolidated.safetensors}, to Hugging
 * Face's. They differ in the names, and in the row order of the query and key projections.
 *
 * <p>The names are those of {@code convert_mistral_weights_to_hf.py} in transformers; for the row
 * order see {@link RotaryRows}.
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

    /** Names after {@code layers.N.} to names after {@code model.layers.N.}. */
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
            Matcher matcher = LAYER.matcher(tensor.name());
            String part = matcher.matches() ? matcher.group(2) : "";
            String name =
                    matcher.matches()
                            ? inLayer(matcher.group(1), NAMES_IN_LAYER.get(part))
                            : NAMES.get(tensor.name());
            if (name == null) {
                throw new IllegalArgumentException(
                        Quote.of(tensor.name())
                                + " is not a tensor of a Mistral model in the consolidated layout;"
                                + " use the model's Hugging Face files (model*.safetensors)");
            }
            Tensor reordered =
                    switch (part) {
                        case QUERY -> RotaryRows.evenRowsFirst(tensor, heads);
                        case KEY -> RotaryRows.evenRowsFirst(tensor, kvHeads);
                        default -> tensor;
                    };
            converted.put(name, reordered.renamed(name));
        }
        return Collections.unmodifiableMap(converted);
    }

    private static @Nullable String inLayer(String layer, @Nullable String name) {
        return name == null ? null : "model.layers." + layer + "." + name;
    }
}
