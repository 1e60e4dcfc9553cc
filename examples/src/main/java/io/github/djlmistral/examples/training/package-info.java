/* SPDX-License-Identifier: Apache-2.0 */
/** Recipes of training. */
@NullMarked
package io.github.djlmistral.examples.training;

import org.jspecify.annotations.NullMarked;
