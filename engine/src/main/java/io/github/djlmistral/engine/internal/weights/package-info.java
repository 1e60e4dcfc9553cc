/* SPDX-License-Identifier: Apache-2.0 */
/** Conversions of weights between the layouts of checkpoints. */
@NullMarked
package io.github.djlmistral.engine.internal.weights;

import org.jspecify.annotations.NullMarked;
