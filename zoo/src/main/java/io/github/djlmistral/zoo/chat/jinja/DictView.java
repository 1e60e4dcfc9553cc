/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.List;

/**
 * A view returned by {@code dict.keys()}, {@code values()} or {@code items()}.
 *
 * @param dict the dict
 * @param kind the method that returned it
 */
record DictView(Dict dict, Kind kind) {

    /** The three views, by the names of their Python classes. */
    enum Kind {
        KEYS("dict_keys"),
        VALUES("dict_values"),
        ITEMS("dict_items");

        final String type;

        Kind(String type) {
            this.type = type;
        }
    }

    List<Object> list(Budget budget) {
        return switch (kind) {
            case KEYS -> dict.keys(budget);
            case VALUES -> dict.values(budget);
            case ITEMS -> dict.pairs(budget);
        };
    }
}
