/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The variables of one call of a function: the template's root, a macro, the body of a call block,
 * a recursive loop, a loop's filter or a block.
 */
final class Frame {

    final Render render;
    final Context context;

    /** The frame in which the function was defined. */
    final @Nullable Frame outer;

    final Object[] slots;

    Frame(Render render, Context context, @Nullable Frame outer, int size) {
        this.render = render;
        this.context = context;
        this.outer = outer;
        render.budget.items(size);
        this.slots = new Object[size];
        Arrays.fill(slots, Undefined.MISSING);
    }
}
