/* SPDX-License-Identifier: Apache-2.0 */
/** JSON Schema, draft 2020-12, compiled to grammars. */
@NullMarked
package io.github.djlmistral.engine.internal.constraint.schema;

import org.jspecify.annotations.NullMarked;
