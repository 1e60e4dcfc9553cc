/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.function.Function;

/** Python's stable sorting. */
final class Sort {

    private Sort() {}

    private record Keyed<T>(Object key, T item) {}

    /** Returns the items ordered by a key, which is computed once for each. */
    static <T> List<T> by(Render render, List<T> items, Function<T, Object> key, boolean reverse) {
        render.budget.items(4L * items.size());
        List<Keyed<T>> keyed = new ArrayList<>(items.size());
        for (T item : items) {
            keyed.add(new Keyed<>(key.apply(item), item));
        }
        Comparator<Keyed<T>> order =
                (a, b) -> {
                    render.budget.step();
                    return Compare.less(render, a.key(), b.key())
                            ? -1
                            : Compare.less(render, b.key(), a.key()) ? 1 : 0;
                };
        if (reverse) {
            // Python keeps the order of equal items also when it sorts in reverse.
            Collections.reverse(keyed);
        }
        try {
            keyed.sort(order);
        } catch (IllegalArgumentException e) { // only NaN has no consistent order
            throw PyError.value("the items have no consistent order");
        }
        if (reverse) {
            Collections.reverse(keyed);
        }
        List<T> sorted = new ArrayList<>(items.size());
        keyed.forEach(k -> sorted.add(k.item()));
        return sorted;
    }
}
