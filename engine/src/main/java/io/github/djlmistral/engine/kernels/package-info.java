/**
 * How the network is computed on a device: one small interface, {@link
 * io.github.djlmistral.engine.kernels.Kernels}, and its implementations.
 */
@NullMarked
package io.github.djlmistral.engine.kernels;

import org.jspecify.annotations.NullMarked;
