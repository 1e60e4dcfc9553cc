/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Gets an attribute by its path, such as {@code function.name} or {@code 0.text}. */
final class Selector {

    private final Render render;
    private final List<Object> path = new ArrayList<>();
    private final @Nullable Object fallback;

    /**
     * Creates a selector.
     *
     * @param attribute the path, or an index; None selects the item itself
     * @param fallback what replaces an undefined attribute, null for nothing
     */
    Selector(Render render, Object attribute, @Nullable Object fallback) {
        this.render = render;
        this.fallback = fallback;
        if (attribute instanceof Str s) {
            for (Object part : Text.split(render.budget, s, Str.of("."), -1)) {
                Str name = (Str) part;
                boolean index =
                        !name.isEmpty()
                                && name.text().length() < 10
                                && name.text().chars().allMatch(c -> c >= '0' && c <= '9');
                path.add(index ? (Object) Long.parseLong(name.text()) : name);
            }
        } else if (attribute != None.NONE) {
            path.add(attribute);
        }
    }

    /** Creates the selectors of a list of attributes with commas between. */
    static List<Selector> several(Render render, Object attributes) {
        List<Selector> selectors = new ArrayList<>();
        if (attributes instanceof Str s) {
            for (Object attribute : Text.split(render.budget, s, Str.of(","), -1)) {
                selectors.add(new Selector(render, attribute, null));
            }
        } else {
            selectors.add(new Selector(render, attributes, null));
        }
        return selectors;
    }

    Object get(Object item) {
        Object value = item;
        for (Object part : path) {
            render.budget.step();
            value = Attributes.item(render, value, part);
            if (fallback != null && value instanceof Undefined) {
                value = fallback;
            }
        }
        return value;
    }

    /** Returns a string in lower case, another value as it is. */
    static Object ignoreCase(Render render, Object value) {
        return value instanceof Str s ? Text.lower(render.budget, s) : value;
    }
}
