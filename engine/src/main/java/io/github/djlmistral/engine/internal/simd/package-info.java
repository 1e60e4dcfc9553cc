/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Kernels written with Java's Vector API: decode steps and dequantization on a CPU. {@link
 * io.github.djlmistral.engine.internal.simd.Simd} is in the multi-release jar twice: here for Java
 * 17, where it reports that the kernels are not available, and for Java 22, with the kernels.
 */
@NullMarked
package io.github.djlmistral.engine.internal.simd;

import org.jspecify.annotations.NullMarked;
