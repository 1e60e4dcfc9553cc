/* SPDX-License-Identifier: Apache-2.0 */
/** TODO. */
@NullMarked
package io.github.djlmistral.zoo;

import org.jspecify.annotations.NullMarked;
