/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.util.List;

/** An expression in Lark's notation, as parsed. */
public sealed interface LarkNode {

    record Choice(List<LarkNode> options) implements LarkNode {}

    record Sequence(List<LarkNode> parts) implements LarkNode {}

    record Repetition(LarkNode part, int min, int max) implements LarkNode {}

    /** Texts that both match, {@code A & B}; of terminals. */
    record Both(LarkNode left, LarkNode right, int position) implements LarkNode {}

    /** Texts that the part does not match, {@code ~A}; of terminals. */
    record Not(LarkNode part, int position) implements LarkNode {}

    record Name(String name, int position) implements LarkNode {}

    /** A string, a range of characters or a regular expression. */
    record Terminal(Regex regex) implements LarkNode {}

    /** {@code %json} and a schema. */
    record Json(String schema, int position) implements LarkNode {}
}
