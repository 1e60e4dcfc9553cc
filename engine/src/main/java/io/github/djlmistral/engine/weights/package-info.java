/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The files that weights come in. A {@link io.github.djlmistral.engine.weights.Gguf} file is a
 * model of its own. A {@link io.github.djlmistral.engine.weights.Checkpoint} is a directory, a
 * {@link io.github.djlmistral.engine.weights.Safetensors} file is one of its parts, a {@link
 * io.github.djlmistral.engine.weights.Tensor} is a named, memory-mapped byte range of such a file.
 * Nothing here needs an engine: what becomes of the bytes is decided by whoever asked for them.
 */
@NullMarked
package io.github.djlmistral.engine.weights;

import org.jspecify.annotations.NullMarked;
