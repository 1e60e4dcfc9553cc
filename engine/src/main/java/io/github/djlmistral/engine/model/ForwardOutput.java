/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import org.jspecify.annotations.Nullable;

/**
 * What a forward pass gives.
 *
 * @param output of {@link MistralModel} the last hidden state (B, T, E); of {@link
 *     MistralForCausalLM} the logits, float32 (B, T or {@code logitsToKeep}, V)
 * @param hiddenStates if asked for, L + 1 arrays (B, T, E): the embeddings, what layers 1 to L - 1
 *     gave, and the last layer's after the final norm
 * @param attentions if asked for, L arrays (B, H, T, K)
 */
public record ForwardOutput(
        NDArray output, @Nullable NDList hiddenStates, @Nullable NDList attentions) {}
