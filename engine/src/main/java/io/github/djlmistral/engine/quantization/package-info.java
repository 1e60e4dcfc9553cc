/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Weights of few bits: the layouts they are kept in ({@link
 * io.github.djlmistral.engine.quantization.Int4}, {@link
 * io.github.djlmistral.engine.quantization.Int8}, {@link
 * io.github.djlmistral.engine.quantization.BitsandbytesWeight}), what other tools write turned into
 * these, and plain weights turned into these.
 */
@NullMarked
package io.github.djlmistral.engine.quantization;

import org.jspecify.annotations.NullMarked;
