/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.kernels;

import ai.djl.ndarray.NDArray;

/**
 * The keys and values of one layer of a KV cache, of B sequences. The layout of the arrays is that
 * of the kernels that created them, except for the first dimension, which is B.
 *
 * @param keys the keys, with their rotary embedding applied
 * @param values the values
 * @param capacity the number of tokens of a sequence that the next token can attend to, itself
 *     included
 * @param rolling whether tokens beyond the capacity overwrite the oldest ones
 */
public record KeyValues(NDArray keys, NDArray values, int capacity, boolean rolling) {}
