/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * {@code object.name} and {@code object[key]} as Jinja2's immutable sandbox looks them up: the dot
 * prefers attributes, the brackets prefer items, and each falls back to the other.
 */
final class Attributes {

    private static final Set<String> CHANGES_LIST =
            Set.of("append", "clear", "pop", "reverse", "insert", "sort", "extend", "remove");

    private static final Set<String> CHANGES_DICT =
            Set.of("clear", "pop", "popitem", "setdefault", "update");

    private Attributes() {}

    static Object attribute(Render render, Object object, Str name) {
        Object value = find(object, name.text());
        if (value != null) {
            return value;
        }
        value = itemOrNone(render, object, name);
        return value == null ? Undefined.attribute(object, name) : value;
    }

    static Object item(Render render, Object object, Object key) {
        if (object instanceof Undefined undefined) {
            throw undefined.error();
        }
        Object value = itemOrNone(render, object, key);
        if (value == null && key instanceof Str name) {
            value = find(object, name.text());
        }
        return value == null ? Undefined.attribute(object, key) : value;
    }

    private static @Nullable Object itemOrNone(Render render, Object object, Object key) {
        if (object instanceof Dict dict) {
            try {
                return dict.get(render.budget, key);
            } catch (PyError e) {
                if (e.is(PyError.Kind.TYPE)) {
                    return null; // unhashable
                }
                throw e;
            }
        }
        if (object instanceof BlockStmt.SelfReference self && key instanceof Str name) {
            BlockStmt block = render.blocks.get(name.text());
            return block == null ? null : self.block(block);
        }
        if (!(key instanceof Long || key instanceof Boolean)) {
            return null;
        }
        boolean sequence =
                object instanceof List
                        || object instanceof Tuple
                        || object instanceof Str
                        || object instanceof Range;
        if (!sequence) {
            return null;
        }
        long index = key instanceof Boolean b ? b ? 1 : 0 : (Long) key;
        int size = Types.size(object);
        if (index < 0) {
            index += size;
        }
        if (index < 0 || index >= size) {
            return null;
        }
        int at = (int) index;
        if (object instanceof Str s) {
            int offset = s.offset(render.budget, at);
            return s.substring(render.budget, offset, s.text().offsetByCodePoints(offset, 1));
        }
        if (object instanceof Tuple tuple) {
            return tuple.items().get(at);
        }
        return object instanceof Range range ? range.at(at) : Types.items(object).get(at);
    }

    /** Returns an attribute, null if there is none. */
    static @Nullable Object find(Object object, String name) {
        if (object instanceof Undefined undefined) {
            throw undefined.error();
        }
        if (object instanceof Namespace namespace) {
            return namespace.attributes.get(new Budget(0), Str.of(name));
        }
        if (isInternal(name)
                || (object instanceof List && CHANGES_LIST.contains(name))
                || (object instanceof Dict && CHANGES_DICT.contains(name))) {
            return new Undefined(
                    "access to attribute '"
                            + name
                            + "' of '"
                            + Types.name(object)
                            + "' object is unsafe.");
        }
        if (object instanceof Str s) {
            StrMethods.Method method = StrMethods.find(name);
            return method == null
                    ? null
                    : (Callable) (render, args) -> method.call(render, s, args);
        }
        if (object instanceof Dict dict) {
            return DictMethods.find(dict, name);
        }
        if (object instanceof List || object instanceof Tuple || object instanceof Range) {
            return ListMethods.find(object, name);
        }
        if (object instanceof Loop loop) {
            return loop.attribute(name);
        }
        if (object instanceof MacroStmt.Macro macro) {
            return macro.attribute(name);
        }
        if (object instanceof Globals.Cycler cycler) {
            return cycler.attribute(name);
        }
        return Types.isNumber(object) ? numberAttribute(object, name) : null;
    }

    /** Whether the sandbox hides an attribute, as it does all special names. */
    private static boolean isInternal(String name) {
        return name.startsWith("__") && name.endsWith("__") && name.length() > 4;
    }

    private static @Nullable Object numberAttribute(Object number, String name) {
        boolean real = number instanceof Double;
        return switch (name) {
            case "real" -> real ? number : Numbers.normalize(Numbers.big(number));
            case "imag" -> real ? (Object) 0.0 : (Object) 0L;
            case "numerator" -> real ? null : Numbers.normalize(Numbers.big(number));
            case "denominator" -> real ? null : 1L;
            case "conjugate" ->
                    (Callable)
                            (render, args) -> {
                                args.bind(name, 0);
                                return real ? number : Numbers.normalize(Numbers.big(number));
                            };
            case "is_integer" ->
                    real
                            ? (Callable)
                                    (render, args) -> {
                                        args.bind(name, 0);
                                        double d = (Double) number;
                                        return d == Math.rint(d) && !Double.isInfinite(d);
                                    }
                            : null;
            case "bit_length" ->
                    real
                            ? null
                            : (Callable)
                                    (render, args) -> {
                                        args.bind(name, 0);
                                        return (long) Numbers.big(number).abs().bitLength();
                                    };
            default -> null;
        };
    }
}
