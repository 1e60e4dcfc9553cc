/* SPDX-License-Identifier: Apache-2.0 */
/** TODO. */
@NullMarked
package io.github.djlmistral.examples;

import org.jspecify.annotations.NullMarked;
