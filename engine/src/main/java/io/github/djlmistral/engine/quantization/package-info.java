/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Quantization: the layouts of quantized weights ({@link
 * io.github.djlmistral.engine.quantization.Int4}, {@link
 * io.github.djlmistral.engine.quantization.Int8}, {@link
 * io.github.djlmistral.engine.quantization.BitsandbytesWeight}), readers of bitsandbytes, GPTQ, AWQ
 * and GGUF checkpoints, and quantizers.
 */
@NullMarked
package io.github.djlmistral.engine.quantization;

import org.jspecify.annotations.NullMarked;
