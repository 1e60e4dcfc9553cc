/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Quantization: the layouts of quantized weights ({@link
 * io.github.djlmistral.engine.quantization.Int4}, {@link
 * io.github.djlmistral.engine.quantization.Int8}, {@link
 * io.github.djlmistral.engine.quantization.BitsandbytesWeight}), and {@link
 * io.github.djlmistral.engine.quantization.Quantization} of the weights of a network.
 */
@NullMarked
package io.github.djlmistral.engine.quantization;

import org.jspecify.annotations.NullMarked;
