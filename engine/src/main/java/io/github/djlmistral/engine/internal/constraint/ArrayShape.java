/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.util.ArrayList;
import java.util.List;

/**
 * Arrays.
 *
 * @param prefix the first items
 * @param rest the items behind them
 * @param least the least number of items
 * @param most the greatest, {@link Integer#MAX_VALUE} for no limit
 */
record ArrayShape(List<Conjunction> prefix, Conjunction rest, int least, int most) {

    static final ArrayShape ANY = new ArrayShape(List.of(), Conjunction.ANY, 0, Integer.MAX_VALUE);

    Conjunction item(int index) {
        return index < prefix.size() ? prefix.get(index) : rest;
    }

    ArrayShape and(ArrayShape other) {
        List<Conjunction> items = new ArrayList<>();
        for (int i = 0; i < Math.max(prefix.size(), other.prefix.size()); i++) {
            items.add(item(i).and(other.item(i)));
        }
        return new ArrayShape(
                items,
                rest.and(other.rest),
                Math.max(least, other.least),
                Math.min(most, other.most));
    }
}
