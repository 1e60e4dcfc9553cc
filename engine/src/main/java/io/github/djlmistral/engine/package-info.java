/* SPDX-License-Identifier: Apache-2.0 */
/**
 * The network of Mistral on DJL, its weights and the generation of texts: see the packages within.
 */
@NullMarked
package io.github.djlmistral.engine;

import org.jspecify.annotations.NullMarked;
