/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Implementations of {@link io.github.djlmistral.engine.kernels.Kernels}: by DJL's own operators,
 * and by TorchScript.
 */
@NullMarked
package io.github.djlmistral.engine.internal.kernels;

import org.jspecify.annotations.NullMarked;
