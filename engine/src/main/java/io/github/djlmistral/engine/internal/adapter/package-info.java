/* SPDX-License-Identifier: Apache-2.0 */
/** The files of adapters, and the arithmetic of merging them. */
@NullMarked
package io.github.djlmistral.engine.internal.adapter;

import org.jspecify.annotations.NullMarked;
