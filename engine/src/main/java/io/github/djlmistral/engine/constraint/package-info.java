/* SPDX-License-Identifier: Apache-2.0 */
/** Constraints on generated text: grammars and regular expressions, applied token by token. */
@NullMarked
package io.github.djlmistral.engine.constraint;

import org.jspecify.annotations.NullMarked;
