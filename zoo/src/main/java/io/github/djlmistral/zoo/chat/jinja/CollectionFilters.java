/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.ArrayList;
import java.util.Collections;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/** Filters of lists and dicts. */
final class CollectionFilters {

    private CollectionFilters() {}

    static void addTo(Map<String, Callable> filters) {
        filters.put("length", CollectionFilters::length);
        filters.put("count", CollectionFilters::length);
        filters.put("default", CollectionFilters::defaultValue);
        filters.put("d", CollectionFilters::defaultValue);
        filters.put("list", CollectionFilters::list);
        filters.put("items", CollectionFilters::items);
        filters.put("first", CollectionFilters::first);
        filters.put("last", CollectionFilters::last);
        filters.put("random", CollectionFilters::random);
        filters.put("reverse", CollectionFilters::reverse);
        filters.put("batch", CollectionFilters::batch);
        filters.put("slice", CollectionFilters::slice);
        filters.put("dictsort", CollectionFilters::dictSort);
        filters.put("join", CollectionFilters::join);
        filters.put("attr", CollectionFilters::attribute);
    }

    private static Object length(Render render, Args args) {
        return (long) Types.size(Args.given(args.bind("len", 1, "/obj")[0]));
    }

    private static Object defaultValue(Render render, Args args) {
        @Nullable Object[] a = args.bind("default", 1, "value", "default_value", "boolean");
        Object value = Args.given(a[0]);
        boolean replaced =
                value instanceof Undefined
                        || (a[2] != null && Types.truth(a[2]) && !Types.truth(value));
        return !replaced ? value : a[1] == null ? Str.EMPTY : a[1];
    }

    private static Object list(Render render, Args args) {
        List<Object> items = Types.list(render, Args.given(args.bind("list", 1, "value")[0]));
        render.budget.items(items.size());
        return new ArrayList<>(items);
    }

    private static Object items(Render render, Args args) {
        Object value = Args.given(args.bind("items", 1, "value")[0]);
        if (value instanceof Undefined) {
            return Iter.of(Collections.emptyIterator());
        }
        if (!(value instanceof Dict dict)) {
            throw PyError.type("Can only get item pairs from a mapping.");
        }
        return Iter.of(dict.pairs(render.budget).iterator());
    }

    private static Object first(Render render, Args args) {
        Object value = Args.given(args.bind("first", 1, "seq")[0]);
        Iterator<Object> items = Types.iterate(render, value);
        return items.hasNext() ? items.next() : new Undefined("No first item, sequence was empty.");
    }

    private static Object last(Render render, Args args) {
        Object value = Args.given(args.bind("last", 1, "seq")[0]);
        if (value instanceof Iter) {
            throw PyError.type("'generator' object is not reversible");
        }
        if (value instanceof Str s && !s.isEmpty()) {
            return s.substring(render.budget, s.text().offsetByCodePoints(s.text().length(), -1));
        }
        List<Object> items = Types.list(render, value);
        return items.isEmpty()
                ? new Undefined("No last item, sequence was empty.")
                : items.get(items.size() - 1);
    }

    private static Object random(Render render, Args args) {
        Object value = Args.given(args.bind("random", 1, "seq")[0]);
        int size = Types.size(value);
        return size == 0
                ? new Undefined("No random item, sequence was empty.")
                : Attributes.item(render, value, (long) ThreadLocalRandom.current().nextInt(size));
    }

    private static Object reverse(Render render, Args args) {
        Object value = Args.given(args.bind("reverse", 1, "value")[0]);
        if (value instanceof Str) {
            return Slices.slice(render, value, None.NONE, None.NONE, -1L);
        }
        List<Object> items = Types.list(render, value);
        render.budget.items(items.size());
        List<Object> reversed = new ArrayList<>(items);
        Collections.reverse(reversed);
        return value instanceof Iter ? reversed : Iter.of(reversed.iterator());
    }

    private static Object batch(Render render, Args args) {
        @Nullable Object[] a = args.bind("batch", 2, "value", "linecount", "fill_with");
        Iterator<Object> items = Types.iterate(render, Args.given(a[0]));
        int size = Types.integer(Args.given(a[1]));
        Object fill = a[2] == null ? None.NONE : a[2];
        return new Iter() {
            @Override
            @Nullable Object advance() {
                if (!items.hasNext()) {
                    return null;
                }
                List<Object> row = new ArrayList<>();
                // As in Jinja2, a size below 1 is never reached.
                while (items.hasNext() && (row.size() != size || row.isEmpty())) {
                    render.budget.items(1);
                    row.add(items.next());
                }
                if (fill != None.NONE && row.size() < size) {
                    render.budget.items(size - row.size());
                    while (row.size() < size) {
                        row.add(fill);
                    }
                }
                return row;
            }
        };
    }

    private static Object slice(Render render, Args args) {
        @Nullable Object[] a = args.bind("slice", 2, "value", "slices", "fill_with");
        List<Object> items = Types.list(render, Args.given(a[0]));
        int slices = Types.integer(Args.given(a[1]));
        Object fill = a[2] == null ? None.NONE : a[2];
        if (slices == 0) {
            throw PyError.other("integer division or modulo by zero");
        }
        return new Iter() {
            private int number;
            private int at;

            @Override
            @Nullable Object advance() {
                if (number >= slices) {
                    return null;
                }
                boolean extra = number < items.size() % slices;
                int size = items.size() / slices + (extra ? 1 : 0);
                render.budget.items(size + 1L);
                List<Object> slice = new ArrayList<>(items.subList(at, at + size));
                if (fill != None.NONE && !extra) {
                    slice.add(fill);
                }
                at += size;
                number++;
                return slice;
            }
        };
    }

    private static Object dictSort(Render render, Args args) {
        @Nullable Object[] a = args.bind("dictsort", 1, "value", "case_sensitive", "by", "reverse");
        String by = a[2] == null ? "key" : Types.string(a[2]).text();
        if (!by.equals("key") && !by.equals("value")) {
            throw PyError.other("You can only sort by either \"key\" or \"value\"");
        }
        Object value = Args.given(a[0]);
        if (!(value instanceof Dict dict)) {
            throw value instanceof Undefined u
                    ? u.error()
                    : PyError.type("'" + Types.name(value) + "' object has no attribute 'items'");
        }
        boolean caseSensitive = a[1] != null && Types.truth(a[1]);
        int position = by.equals("key") ? 0 : 1;
        return Sort.by(
                render,
                dict.pairs(render.budget),
                pair -> {
                    Object key = ((Tuple) pair).items().get(position);
                    return caseSensitive ? key : Selector.ignoreCase(render, key);
                },
                a[3] != null && Types.truth(a[3]));
    }

    private static Object join(Render render, Args args) {
        @Nullable Object[] a = args.bind("join", 1, "value", "d", "attribute");
        Selector selector =
                a[2] == null || a[2] == None.NONE ? null : new Selector(render, a[2], null);
        Str separator = a[1] == null ? Str.EMPTY : Repr.str(render, a[1]);
        Iterator<Object> items = Types.iterate(render, Args.given(a[0]));
        StrBuilder out = new StrBuilder(render.budget);
        boolean first = true;
        while (items.hasNext()) {
            render.budget.step();
            Object item = items.next();
            if (!first) {
                out.append(separator);
            }
            first = false;
            out.append(Repr.str(render, selector == null ? item : selector.get(item)));
        }
        return out.toStr();
    }

    private static Object attribute(Render render, Args args) {
        @Nullable Object[] a = args.bind("attr", 2, "obj", "name");
        Object object = Args.given(a[0]);
        Str name = Types.string(Args.given(a[1]));
        Object value = Attributes.find(object, name.text());
        return value == null ? Undefined.attribute(object, name) : value;
    }
}
