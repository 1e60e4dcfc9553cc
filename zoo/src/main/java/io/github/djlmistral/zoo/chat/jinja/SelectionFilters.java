/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.ArrayList;
import java.util.HashSet;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** Filters that select, order, group or transform items. */
final class SelectionFilters {

    private SelectionFilters() {}

    static void addTo(Map<String, Callable> filters) {
        filters.put("map", SelectionFilters::map);
        filters.put("select", (render, args) -> select(render, args, true, false));
        filters.put("reject", (render, args) -> select(render, args, false, false));
        filters.put("selectattr", (render, args) -> select(render, args, true, true));
        filters.put("rejectattr", (render, args) -> select(render, args, false, true));
        filters.put("sort", SelectionFilters::sort);
        filters.put("unique", SelectionFilters::unique);
        filters.put("min", (render, args) -> extreme(render, args, Compare.Operator.LESS));
        filters.put("max", (render, args) -> extreme(render, args, Compare.Operator.GREATER));
        filters.put("sum", SelectionFilters::sum);
        filters.put("groupby", SelectionFilters::groupBy);
    }

    private static boolean isTrue(@Nullable Object argument) {
        return argument != null && Types.truth(argument);
    }

    /** A generator over the items of a value, which starts when the first one is asked for. */
    private abstract static class Generator extends Iter {

        private final Render render;
        private final Object value;
        private @Nullable Iterator<Object> items;

        Generator(Render render, Object value) {
            this.render = render;
            this.value = value;
        }

        @Override
        @Nullable Object advance() {
            Iterator<Object> all = items;
            if (all == null) {
                all = Types.truth(value) ? Types.iterate(render, value) : List.of().iterator();
                items = all;
            }
            while (all.hasNext()) {
                render.budget.step();
                Object result = next(all.next());
                if (result != null) {
                    return result;
                }
            }
            return null;
        }

        /** Returns the output for an item, null to omit it. */
        abstract @Nullable Object next(Object item);
    }

    private static Object map(Render render, Args args) {
        Object value = args.positional().get(0);
        Args rest = args.skip(1);
        Function<Object, Object> function =
                rest.positional().isEmpty() && rest.keywords().containsKey("attribute")
                        ? attribute(render, rest)
                        : filter(render, rest);
        return new Generator(render, value) {
            @Override
            Object next(Object item) {
                return function.apply(item);
            }
        };
    }

    private static Function<Object, Object> attribute(Render render, Args args) {
        Map<String, Object> keywords = new LinkedHashMap<>(args.keywords());
        Object attribute = Args.given(keywords.remove("attribute"));
        Object fallback = keywords.remove("default");
        if (!keywords.isEmpty()) {
            throw PyError.other(
                    "Unexpected keyword argument "
                            + Repr.quote(keywords.keySet().iterator().next()));
        }
        return new Selector(render, attribute, fallback == None.NONE ? null : fallback)::get;
    }

    private static Function<Object, Object> filter(Render render, Args args) {
        if (args.positional().isEmpty()) {
            throw PyError.other("map requires a filter argument");
        }
        Object name = args.positional().get(0);
        Callable filter = name instanceof Str s ? Filters.find(s.text()) : null;
        if (filter == null) {
            throw PyError.other("No filter named " + Repr.repr(render, name) + ".");
        }
        Args rest = args.skip(1);
        return item -> render.call(filter, rest.prepend(item));
    }

    private static Object select(Render render, Args args, boolean wanted, boolean attribute) {
        Object value = args.positional().get(0);
        Args rest = args.skip(1);
        Selector selector = null;
        if (attribute) {
            if (rest.positional().isEmpty()) {
                throw PyError.other("Missing parameter for attribute name");
            }
            selector = new Selector(render, rest.positional().get(0), null);
            rest = rest.skip(1);
        }
        Selector selected = selector;
        Function<Object, Boolean> test = test(render, rest);
        return new Generator(render, value) {
            @Override
            @Nullable Object next(Object item) {
                Object tested = selected == null ? item : selected.get(item);
                return test.apply(tested) == wanted ? item : null;
            }
        };
    }

    private static Function<Object, Boolean> test(Render render, Args args) {
        if (args.positional().isEmpty()) {
            return Types::truth;
        }
        Object name = args.positional().get(0);
        Callable test = name instanceof Str s ? Tests.find(s.text()) : null;
        if (test == null) {
            throw PyError.other("No test named " + Repr.repr(render, name) + ".");
        }
        Args rest = args.skip(1);
        return item -> Types.truth(render.call(test, rest.prepend(item)));
    }

    private static Object sort(Render render, Args args) {
        @Nullable Object[] a =
                args.bind("sort", 1, "value", "reverse", "case_sensitive", "attribute");
        boolean caseSensitive = isTrue(a[2]);
        List<Selector> selectors = Selector.several(render, a[3] == null ? None.NONE : a[3]);
        return Sort.by(
                render,
                Types.list(render, Args.given(a[0])),
                item -> {
                    List<Object> keys = new ArrayList<>(selectors.size());
                    for (Selector selector : selectors) {
                        Object key = selector.get(item);
                        keys.add(caseSensitive ? key : Selector.ignoreCase(render, key));
                    }
                    return keys;
                },
                isTrue(a[1]));
    }

    /** The key of an item for filters with the arguments case_sensitive and attribute. */
    private static Function<Object, Object> key(
            Render render,
            @Nullable Object caseSensitive,
            @Nullable Object attribute,
            @Nullable Object fallback) {
        Selector selector =
                new Selector(render, attribute == null ? None.NONE : attribute, fallback);
        return isTrue(caseSensitive)
                ? selector::get
                : item -> Selector.ignoreCase(render, selector.get(item));
    }

    private static Object unique(Render render, Args args) {
        @Nullable Object[] a = args.bind("unique", 1, "value", "case_sensitive", "attribute");
        Function<Object, Object> key = key(render, a[1], a[2], null);
        Iterator<Object> items = Types.iterate(render, Args.given(a[0]));
        Set<Object> seen = new HashSet<>();
        return new Iter() {
            @Override
            @Nullable Object advance() {
                while (items.hasNext()) {
                    render.budget.items(2);
                    Object item = items.next();
                    if (seen.add(Dict.hashed(render.budget, key.apply(item)))) {
                        return item;
                    }
                }
                return null;
            }
        };
    }

    private static Object extreme(Render render, Args args, Compare.Operator better) {
        @Nullable Object[] a = args.bind("min", 1, "value", "case_sensitive", "attribute");
        Function<Object, Object> key = key(render, a[1], a[2], null);
        Iterator<Object> items = Types.iterate(render, Args.given(a[0]));
        if (!items.hasNext()) {
            return new Undefined("No aggregated item, sequence was empty.");
        }
        Object best = items.next();
        Object bestKey = key.apply(best);
        while (items.hasNext()) {
            render.budget.step();
            Object item = items.next();
            Object itemKey = key.apply(item);
            if (Compare.apply(render, better, itemKey, bestKey)) {
                best = item;
                bestKey = itemKey;
            }
        }
        return best;
    }

    private static Object sum(Render render, Args args) {
        @Nullable Object[] a = args.bind("sum", 1, "iterable", "attribute", "start");
        Selector selector = new Selector(render, a[1] == null ? None.NONE : a[1], null);
        Object sum = a[2] == null ? (Object) 0L : a[2];
        if (sum instanceof Str) {
            throw PyError.type("sum() can't sum strings [use ''.join(seq) instead]");
        }
        Iterator<Object> items = Types.iterate(render, Args.given(a[0]));
        while (items.hasNext()) {
            render.budget.step();
            sum =
                    Arithmetic.apply(
                            render, Arithmetic.Operator.ADD, sum, selector.get(items.next()));
        }
        return sum;
    }

    private static Object groupBy(Render render, Args args) {
        @Nullable Object[] a =
                args.bind("groupby", 2, "value", "attribute", "default", "case_sensitive");
        Object fallback = a[2] == None.NONE ? null : a[2];
        Function<Object, Object> key = key(render, a[3], a[1], fallback);
        Selector shown = new Selector(render, Args.given(a[1]), fallback);
        List<Object> sorted = Sort.by(render, Types.list(render, Args.given(a[0])), key, false);
        List<Object> groups = new ArrayList<>();
        int start = 0;
        while (start < sorted.size()) {
            Object groupKey = key.apply(sorted.get(start));
            int end = start + 1;
            while (end < sorted.size()
                    && Compare.equal(render, groupKey, key.apply(sorted.get(end)))) {
                end++;
            }
            render.budget.items(end - start + 4L);
            Object grouper = isTrue(a[3]) ? groupKey : shown.get(sorted.get(start));
            groups.add(
                    new Tuple(List.of(grouper, new ArrayList<>(sorted.subList(start, end))), true));
            start = end;
        }
        return groups;
    }
}
