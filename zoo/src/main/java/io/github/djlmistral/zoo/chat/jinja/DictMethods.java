/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import org.jspecify.annotations.Nullable;

/** The non-mutating methods of Python's dicts. */
final class DictMethods {

    private DictMethods() {}

    static @Nullable Object find(Dict dict, String name) {
        return switch (name) {
            case "keys" -> view(dict, DictView.Kind.KEYS, name);
            case "values" -> view(dict, DictView.Kind.VALUES, name);
            case "items" -> view(dict, DictView.Kind.ITEMS, name);
            case "get" -> (Callable) (render, args) -> get(render, dict, args);
            case "copy" -> (Callable) (render, args) -> copy(render, dict, args);
            case "fromkeys" -> (Callable) DictMethods::fromKeys;
            default -> null;
        };
    }

    private static Callable view(Dict dict, DictView.Kind kind, String name) {
        return (render, args) -> {
            args.bind(name, 0);
            return new DictView(dict, kind);
        };
    }

    private static Object get(Render render, Dict dict, Args args) {
        @Nullable Object[] a = args.bind("get", 1, "/key", "/default");
        Object value = dict.get(render.budget, Args.given(a[0]));
        return value != null ? value : a[1] == null ? None.NONE : a[1];
    }

    private static Object copy(Render render, Dict dict, Args args) {
        args.bind("copy", 0);
        return Dict.of(render.budget, dict.entries());
    }

    private static Object fromKeys(Render render, Args args) {
        @Nullable Object[] a = args.bind("fromkeys", 1, "/iterable", "/value");
        Dict dict = new Dict();
        for (Object key : Types.list(render, Args.given(a[0]))) {
            dict.put(render.budget, key, a[1] == null ? None.NONE : a[1]);
        }
        return dict;
    }
}
