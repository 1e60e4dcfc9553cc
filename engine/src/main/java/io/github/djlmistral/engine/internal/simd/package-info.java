/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Passes of few tokens on a CPU, computed by Java's Vector API over the engine's own memory. {@link
 * io.github.djlmistral.engine.internal.simd.Simd} comes twice in the jar: here for Java 17, where
 * it says what is missing, and among the classes for Java 22, with all that computes.
 */
@NullMarked
package io.github.djlmistral.engine.internal.simd;

import org.jspecify.annotations.NullMarked;
