/* SPDX-License-Identifier: Apache-2.0 */
/**
 * File formats of weights: a {@link io.github.djlmistral.engine.weights.Checkpoint} directory of
 * {@link io.github.djlmistral.engine.weights.Safetensors} files, and {@link
 * io.github.djlmistral.engine.weights.Gguf} files. A {@link
 * io.github.djlmistral.engine.weights.Tensor} is a named, memory-mapped byte range of such a file.
 * This package does not need a DJL engine.
 */
@NullMarked
package io.github.djlmistral.engine.weights;

import org.jspecify.annotations.NullMarked;
