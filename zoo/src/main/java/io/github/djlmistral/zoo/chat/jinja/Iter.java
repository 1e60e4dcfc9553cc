/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.Iterator;
import java.util.NoSuchElementException;
import org.jspecify.annotations.Nullable;

/** A Python iterator or generator: evaluated item by item, and only once. */
abstract class Iter implements Iterator<Object> {

    private @Nullable Object next;
    private boolean ended;

    static Iter of(Iterator<Object> items) {
        return new Iter() {
            @Override
            @Nullable Object advance() {
                return items.hasNext() ? items.next() : null;
            }
        };
    }

    /** Returns the next item, null at the end. */
    abstract @Nullable Object advance();

    @Override
    public boolean hasNext() {
        if (next == null && !ended) {
            next = advance();
            ended = next == null;
        }
        return next != null;
    }

    @Override
    public Object next() {
        if (!hasNext() || next == null) {
            throw new NoSuchElementException();
        }
        Object item = next;
        next = null;
        return item;
    }
}
