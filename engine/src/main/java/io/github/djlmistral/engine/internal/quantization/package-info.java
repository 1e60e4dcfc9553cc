/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Readers and quantizers of quantized weights: bitsandbytes, GPTQ, AWQ, GGUF, and this library's
 * own layouts.
 */
@NullMarked
package io.github.djlmistral.engine.internal.quantization;

import org.jspecify.annotations.NullMarked;
