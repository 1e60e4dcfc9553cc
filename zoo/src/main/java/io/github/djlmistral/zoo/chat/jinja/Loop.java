/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The variable {@code loop}. */
final class Loop implements Callable {

    /** Renders a recursive loop over other items. */
    @FunctionalInterface
    interface Recursion {
        Str render(Object items, int depth);
    }

    private final Render render;
    private final Object items;
    private Iterator<Object> iterator;
    private final @Nullable Recursion recursion;
    private final int depth0;
    private int index0 = -1;
    private int length = -1;
    private @Nullable Object before;
    private @Nullable Object current;
    private @Nullable Object after;
    private @Nullable List<Object> lastChanged;

    Loop(Render render, Object items, @Nullable Recursion recursion, int depth0) {
        this.render = render;
        this.items = items;
        this.iterator = Types.iterate(render, items);
        this.recursion = recursion;
        this.depth0 = depth0;
    }

    boolean hasNext() {
        return after != null || iterator.hasNext();
    }

    Object next() {
        Object item = after == null ? iterator.next() : after;
        after = null;
        index0++;
        before = current;
        current = item;
        return item;
    }

    private @Nullable Object peek() {
        if (after == null && iterator.hasNext()) {
            after = iterator.next();
        }
        return after;
    }

    int length() {
        if (length < 0) {
            length = Types.sizeOrNone(items);
            if (length < 0) {
                List<Object> rest = new ArrayList<>();
                while (iterator.hasNext()) {
                    render.budget.items(1);
                    rest.add(iterator.next());
                }
                iterator = rest.iterator();
                length = rest.size() + index0 + 1 + (after == null ? 0 : 1);
            }
        }
        return length;
    }

    @Nullable Object attribute(String name) {
        return switch (name) {
            case "index" -> (long) index0 + 1;
            case "index0" -> (long) index0;
            case "revindex" -> (long) length() - index0;
            case "revindex0" -> (long) length() - index0 - 1;
            case "first" -> index0 == 0;
            case "last" -> peek() == null;
            case "length" -> (long) length();
            case "depth" -> (long) depth0 + 1;
            case "depth0" -> (long) depth0;
            case "previtem" ->
                    index0 == 0 || before == null
                            ? new Undefined("there is no previous item")
                            : before;
            case "nextitem" -> {
                Object next = peek();
                yield next == null ? new Undefined("there is no next item") : next;
            }
            case "cycle" -> (Callable) (r, args) -> cycle(args.positional());
            case "changed" -> (Callable) (r, args) -> changed(args.positional());
            default -> null;
        };
    }

    private Object cycle(List<Object> values) {
        if (values.isEmpty()) {
            throw PyError.type("no items for cycling given");
        }
        return values.get(Math.floorMod(index0, values.size()));
    }

    private boolean changed(List<Object> values) {
        List<Object> last = lastChanged;
        if (last != null && Compare.equal(render, last, values)) {
            return false;
        }
        lastChanged = values;
        return true;
    }

    @Override
    public Object call(Render r, Args args) {
        Object again = args.bind("loop", 1, "iterable")[0];
        if (recursion == null) {
            throw PyError.type(
                    "The loop must have the 'recursive' marker to be called recursively.");
        }
        return recursion.render(again == null ? None.NONE : again, depth0 + 1);
    }
}
