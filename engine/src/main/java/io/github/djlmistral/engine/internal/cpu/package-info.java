/* SPDX-License-Identifier: Apache-2.0 */
/** Kernels in C, called through JNI; the sources are in {@code engine/src/main/c}. */
@org.jspecify.annotations.NullMarked
package io.github.djlmistral.engine.internal.cpu;
