/* SPDX-License-Identifier: Apache-2.0 */
/** The implementation of {@link io.github.djlmistral.engine.cache.KvCache}. */
@NullMarked
package io.github.djlmistral.engine.internal.cache;

import org.jspecify.annotations.NullMarked;
