/* SPDX-License-Identifier: Apache-2.0 */
/** How the passes of {@link io.github.djlmistral.engine.generation} are computed. */
@NullMarked
package io.github.djlmistral.engine.internal.generation;

import org.jspecify.annotations.NullMarked;
