/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.ArrayList;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** The non-mutating methods and the attributes of Python's lists, tuples and ranges. */
final class ListMethods {

    private ListMethods() {}

    static @Nullable Object find(Object sequence, String name) {
        if (sequence instanceof Tuple tuple && tuple.group()) {
            if (name.equals("grouper")) {
                return tuple.items().get(0);
            }
            if (name.equals("list")) {
                return tuple.items().get(1);
            }
        }
        if (sequence instanceof Range range) {
            Long bound = bound(range, name);
            if (bound != null) {
                return bound;
            }
        }
        return switch (name) {
            case "index" -> (Callable) (render, args) -> index(render, sequence, args);
            case "count" -> (Callable) (render, args) -> count(render, sequence, args);
            case "copy" ->
                    sequence instanceof List
                            ? (Callable) (render, args) -> copy(render, sequence, args)
                            : null;
            default -> null;
        };
    }

    private static @Nullable Long bound(Range range, String name) {
        return switch (name) {
            case "start" -> range.start();
            case "stop" -> range.stop();
            case "step" -> range.step();
            default -> null;
        };
    }

    private static Object index(Render render, Object sequence, Args args) {
        @Nullable Object[] a = args.bind("index", 1, "/value", "/start", "/stop");
        List<Object> items = Types.list(render, sequence);
        int from = clip(Types.integer(a[1], 0), items.size());
        int to = clip(Types.integer(a[2], Integer.MAX_VALUE), items.size());
        Object value = Args.given(a[0]);
        for (int i = from; i < to; i++) {
            render.budget.step();
            if (Compare.equal(render, items.get(i), value)) {
                return (long) i;
            }
        }
        throw PyError.value(Repr.repr(render, value) + " is not in " + Types.name(sequence));
    }

    private static int clip(int index, int size) {
        return index < 0 ? Math.max(0, index + size) : Math.min(index, size);
    }

    private static Object count(Render render, Object sequence, Args args) {
        Object value = Args.given(args.bind("count", 1, "/value")[0]);
        long count = 0;
        for (Object item : Types.list(render, sequence)) {
            render.budget.step();
            if (Compare.equal(render, item, value)) {
                count++;
            }
        }
        return count;
    }

    private static Object copy(Render render, Object list, Args args) {
        args.bind("copy", 0);
        render.budget.items(Types.size(list));
        return new ArrayList<>(Types.items(list));
    }
}
