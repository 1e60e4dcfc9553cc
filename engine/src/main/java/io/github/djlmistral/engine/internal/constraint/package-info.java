/* SPDX-License-Identifier: Apache-2.0 */
/** The automata and the parser beneath {@code engine.constraint}. */
@NullMarked
package io.github.djlmistral.engine.internal.constraint;

import org.jspecify.annotations.NullMarked;
