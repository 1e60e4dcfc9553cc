/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import org.jspecify.annotations.Nullable;

/**
 * A resolved variable, as seen from the function that uses it.
 *
 * @param hops number of function frames between the use and the variable
 * @param slot its index in that function's frame
 */
record Variable(int hops, int slot) {

    private Object[] slots(Frame frame) {
        Frame owner = frame;
        for (int i = 0; i < hops; i++) {
            Frame outer = owner.outer;
            if (outer == null) {
                throw new IllegalStateException("no outer frame");
            }
            owner = outer;
        }
        return owner.slots;
    }

    Object get(Frame frame) {
        return slots(frame)[slot];
    }

    void set(Frame frame, Object value) {
        slots(frame)[slot] = value;
    }

    static Variable required(@Nullable Variable variable) {
        if (variable == null) {
            throw new IllegalStateException("a name was not resolved");
        }
        return variable;
    }
}
