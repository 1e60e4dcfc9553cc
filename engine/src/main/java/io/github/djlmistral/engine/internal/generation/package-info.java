/* SPDX-License-Identifier: Apache-2.0 */
/**
 * Behind {@link io.github.djlmistral.engine.generation}: logits processors, and passes of many
 * requests.
 */
@NullMarked
package io.github.djlmistral.engine.internal.generation;

import org.jspecify.annotations.NullMarked;
