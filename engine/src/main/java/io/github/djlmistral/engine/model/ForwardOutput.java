/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import org.jspecify.annotations.Nullable;

/**
 * The output of {@link MistralForCausalLM#forward}.
 *
 * @param logits float32 (B, T or {@code logitsToKeep}, V)
 * @param hiddenStates if asked for, L + 1 arrays (B, T, E): the embeddings, the outputs of layers 1
 *     to L - 1, and the last layer's output after the final norm
 * @param attentions if asked for, L arrays of attention weights (B, H, T, K)
 */
public record ForwardOutput(
        NDArray logits, @Nullable NDList hiddenStates, @Nullable NDList attentions) {}
