/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The operations of the network on a device, {@link io.github.djlmistral.engine.kernels.Kernels},
 * and their selection.
 */
@NullMarked
package io.github.djlmistral.engine.kernels;

import org.jspecify.annotations.NullMarked;
