/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.time.ZoneId;
import java.time.ZonedDateTime;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The global functions. */
final class Globals {

    private static final Map<String, Callable> FUNCTIONS =
            Map.of(
                    "range", Globals::range,
                    "dict", Globals::dict,
                    "namespace", (r, args) -> new Namespace((Dict) dict(r, args)),
                    "cycler", Globals::cycler,
                    "joiner", Globals::joiner,
                    "raise_exception", Globals::raise,
                    "strftime_now", Globals::strftimeNow);

    private Globals() {}

    /** Returns a function, MISSING if there is none. */
    static Object find(String name) {
        Callable function = FUNCTIONS.get(name);
        return function == null ? Undefined.MISSING : function;
    }

    private static Object range(Render render, Args args) {
        @Nullable Object[] a = args.bind("range", 1, "/start", "/stop", "/step");
        long first = bound(Args.given(a[0]));
        if (a[1] == null) {
            return Range.of(0, first, 1);
        }
        return Range.of(first, bound(a[1]), a[2] == null ? 1 : bound(a[2]));
    }

    /** Bounds are kept where no sum of them overflows. */
    private static long bound(Object value) {
        Types.integer(value);
        long n =
                value instanceof Boolean b
                        ? b ? 1 : 0
                        : value instanceof Long l ? l : Long.MAX_VALUE;
        if (Math.abs(n) > 1L << 60 || n == Long.MIN_VALUE) {
            throw new PyError(PyError.Kind.OVERFLOW, "a bound of range() is too large");
        }
        return n;
    }

    private static Object dict(Render render, Args args) {
        @Nullable Object[] a = new Args(args.positional(), Map.of()).bind("dict", 0, "/iterable");
        Dict dict = new Dict();
        if (a[0] instanceof Dict other) {
            other.entries().forEach(e -> dict.put(render.budget, e.key(), e.value()));
        } else if (a[0] != null) {
            for (Object item : Types.list(render, a[0])) {
                List<Object> pair = Types.list(render, item);
                if (pair.size() != 2) {
                    throw PyError.value(
                            "dictionary update sequence element has length "
                                    + pair.size()
                                    + "; 2 is required");
                }
                dict.put(render.budget, pair.get(0), pair.get(1));
            }
        }
        args.keywords().forEach((k, v) -> dict.put(render.budget, Str.of(k), v));
        return dict;
    }

    private static Object raise(Render render, Args args) {
        Object message = Args.given(args.bind("raise_exception", 1, "message")[0]);
        throw new PyError(PyError.Kind.RAISED, Repr.str(render, message).text());
    }

    private static Object strftimeNow(Render render, Args args) {
        Str format = Types.string(Args.given(args.bind("strftime_now", 1, "format")[0]));
        render.budget.characters(32L * format.text().length());
        return Str.of(
                Strftime.format(ZonedDateTime.now(ZoneId.systemDefault()), format.text()),
                format.hasInput());
    }

    private static Object cycler(Render render, Args args) {
        if (!args.keywords().isEmpty()) {
            throw PyError.type("cycler() got an unexpected keyword argument");
        }
        if (args.positional().isEmpty()) {
            throw PyError.other("at least one item has to be provided");
        }
        return new Cycler(args.positional());
    }

    /** What {@code cycler()} returns. */
    static final class Cycler {

        private final List<Object> items;
        private int at;

        Cycler(List<Object> items) {
            this.items = items;
        }

        @Nullable Object attribute(String name) {
            return switch (name) {
                case "current" -> items.get(at);
                case "items" -> new Tuple(items);
                case "pos" -> (long) at;
                case "next" ->
                        (Callable)
                                (render, args) -> {
                                    args.bind("next", 0);
                                    Object item = items.get(at);
                                    at = (at + 1) % items.size();
                                    return item;
                                };
                case "reset" ->
                        (Callable)
                                (render, args) -> {
                                    args.bind("reset", 0);
                                    at = 0;
                                    return None.NONE;
                                };
                default -> null;
            };
        }
    }

    private static Object joiner(Render render, Args args) {
        Object given = args.bind("joiner", 0, "sep")[0];
        Object separator = given == null ? Str.of(", ") : given;
        boolean[] used = new boolean[1];
        return (Callable)
                (r, a) -> {
                    a.bind("joiner", 0);
                    Object text = used[0] ? separator : Str.EMPTY;
                    used[0] = true;
                    return text;
                };
    }
}
