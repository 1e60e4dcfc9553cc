/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.List;

/**
 * A Python tuple. Lists are {@code java.util.List}.
 *
 * @param items its items
 * @param group whether it is a group of {@code groupby}, whose items are also attributes
 */
record Tuple(List<Object> items, boolean group) {

    static final Tuple EMPTY = new Tuple(List.of());

    Tuple(List<Object> items) {
        this(items, false);
    }

    static Tuple of(Object... items) {
        return new Tuple(List.of(items));
    }
}
