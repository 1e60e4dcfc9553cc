/**
 * The operations of the network on a device: the interface {@link
 * io.github.djlmistral.engine.kernels.Kernels} and its implementations.
 */
@NullMarked
package io.github.djlmistral.engine.kernels;

import org.jspecify.annotations.NullMarked;
