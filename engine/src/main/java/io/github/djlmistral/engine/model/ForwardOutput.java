/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import org.jspecify.annotations.Nullable;

/**
 * The output of {@link MistralPreTrainedModel#forward}.
 *
 * @param logits float32, of {@link MistralForCausalLM} (B, T or {@code logitsToKeep}, V), of other
 *     networks see their class
 * @param hiddenStates if requested, L + 1 arrays (B, T, E): the embeddings, the outputs of layers 1
 *     to L - 1, and the last layer's output after the final norm
 * @param attentions if requested, L arrays of attention weights (B, H, T, K)
 */
public record ForwardOutput(
        NDArray logits, @Nullable NDList hiddenStates, @Nullable NDList attentions) {

    /** Attaches all arrays to the manager of the input. */
    void attach(NDManager manager) {
        NDList all = new NDList(logits);
        logits.setName("logits");
        if (hiddenStates != null) {
            all.addAll(hiddenStates);
        }
        if (attentions != null) {
            all.addAll(attentions);
        }
        try {
            all.attach(manager);
        } catch (IllegalStateException e) {
            all.close();
            throw new IllegalStateException(
                    "the manager of the input was closed during the pass: keep it open until the"
                            + " output is read",
                    e);
        }
    }
}
