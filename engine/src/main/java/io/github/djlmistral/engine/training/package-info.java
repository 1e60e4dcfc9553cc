/* SPDX-License-Identifier: Apache-2.0 */
/** Training of language models. */
@NullMarked
package io.github.djlmistral.engine.training;

import org.jspecify.annotations.NullMarked;
