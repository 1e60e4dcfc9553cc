/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Python's types: {@link Str}, {@code Long} or {@code BigInteger}, {@code Double}, {@code Boolean},
 * {@link None}, {@code List}, {@link Tuple}, {@link Dict} and others.
 */
final class Types {

    private Types() {}

    /** Returns the name of a value's Python class. */
    static String name(Object value) {
        if (value instanceof Str s) {
            return s.isMarkup() ? "Markup" : "str";
        }
        if (value instanceof Boolean) {
            return "bool";
        }
        if (isInteger(value)) {
            return "int";
        }
        if (value instanceof Double) {
            return "float";
        }
        if (value == None.NONE) {
            return "NoneType";
        }
        if (value instanceof List) {
            return "list";
        }
        if (value instanceof Tuple) {
            return "tuple";
        }
        if (value instanceof Dict) {
            return "dict";
        }
        if (value instanceof DictView view) {
            return view.kind().type;
        }
        if (value instanceof Range) {
            return "range";
        }
        if (value instanceof Iter) {
            return "generator";
        }
        if (value instanceof Undefined) {
            return "Undefined";
        }
        if (value instanceof Namespace) {
            return "Namespace";
        }
        if (value instanceof Loop) {
            return "LoopContext";
        }
        if (value instanceof MacroStmt.Macro) {
            return "Macro";
        }
        return value instanceof Callable ? "function" : value.getClass().getSimpleName();
    }

    /** Whether a value is an int but not a bool. */
    static boolean isInteger(Object value) {
        return value instanceof Long || value instanceof BigInteger;
    }

    /** Whether a value is an int, bool or float. */
    static boolean isNumber(Object value) {
        return value instanceof Boolean || value instanceof Double || isInteger(value);
    }

    /** Python's truth. */
    static boolean truth(Object value) {
        if (value instanceof Boolean b) {
            return b;
        }
        if (value instanceof Long n) {
            return n != 0;
        }
        if (value instanceof Double d) {
            return d != 0;
        }
        if (value == None.NONE) {
            return false;
        }
        if (value instanceof Loop) {
            return true;
        }
        int size = sizeOrNone(value);
        return size != 0;
    }

    /** Returns Python's {@code len}, -1 if the value has none. */
    static int sizeOrNone(Object value) {
        if (value instanceof Str s) {
            return s.length();
        }
        if (value instanceof List<?> list) {
            return list.size();
        }
        if (value instanceof Dict dict) {
            return dict.size();
        }
        if (value instanceof Tuple tuple) {
            return tuple.items().size();
        }
        if (value instanceof Undefined) {
            return 0;
        }
        if (value instanceof Range range) {
            return range.length();
        }
        if (value instanceof DictView view) {
            return view.dict().size();
        }
        if (value instanceof Loop loop) {
            return loop.length();
        }
        return -1;
    }

    static int size(Object value) {
        int size = sizeOrNone(value);
        if (size < 0) {
            throw PyError.type("object of type '" + name(value) + "' has no len()");
        }
        return size;
    }

    /** Returns the items of an iterable; null if the value is not iterable. */
    static @Nullable Iterator<Object> iterateOrNone(Render render, Object value) {
        if (value instanceof List) {
            return items(value).iterator();
        }
        if (value instanceof Tuple tuple) {
            return tuple.items().iterator();
        }
        if (value instanceof Dict dict) {
            return dict.keys(render.budget).iterator();
        }
        if (value instanceof DictView view) {
            return view.list(render.budget).iterator();
        }
        if (value instanceof Iter iter) {
            return iter;
        }
        if (value instanceof Undefined) {
            return List.of().iterator();
        }
        if (value instanceof Str s) {
            return characters(render.budget, s);
        }
        if (value instanceof Range range) {
            return numbers(range);
        }
        return null;
    }

    static Iterator<Object> iterate(Render render, Object value) {
        Iterator<Object> items = iterateOrNone(render, value);
        if (items == null) {
            throw PyError.type("'" + name(value) + "' object is not iterable");
        }
        return items;
    }

    @SuppressWarnings("unchecked")
    static List<Object> items(Object list) {
        return (List<Object>) list;
    }

    private static Iterator<Object> characters(Budget budget, Str s) {
        return new Iter() {
            private int at;

            @Override
            @Nullable Object advance() {
                if (at >= s.text().length()) {
                    return null;
                }
                int end = s.text().offsetByCodePoints(at, 1);
                Str c = s.substring(budget, at, end);
                at = end;
                return c;
            }
        };
    }

    private static Iterator<Object> numbers(Range range) {
        return new Iter() {
            private int at;

            @Override
            @Nullable Object advance() {
                return at < range.length() ? (Object) range.at(at++) : null;
            }
        };
    }

    /** Returns the items of an iterable as a list, which must not be modified. */
    static List<Object> list(Render render, Object value) {
        if (value instanceof List) {
            return items(value);
        }
        if (value instanceof Tuple tuple) {
            return tuple.items();
        }
        List<Object> list = new ArrayList<>();
        Iterator<Object> items = iterate(render, value);
        render.budget.items(0);
        while (items.hasNext()) {
            render.budget.items(1);
            list.add(items.next());
        }
        return list;
    }

    /** Returns an argument that must be an int and fits into 32 bits, saturating. */
    static int integer(Object value) {
        if (value instanceof Boolean b) {
            return b ? 1 : 0;
        }
        if (value instanceof Long n) {
            return (int) Math.max(Integer.MIN_VALUE, Math.min(Integer.MAX_VALUE, n));
        }
        if (value instanceof BigInteger n) {
            return n.signum() < 0 ? Integer.MIN_VALUE : Integer.MAX_VALUE;
        }
        if (value instanceof Undefined undefined) {
            throw undefined.error();
        }
        throw PyError.type("'" + name(value) + "' object cannot be interpreted as an integer");
    }

    static int integer(@Nullable Object value, int fallback) {
        return value == null ? fallback : integer(value);
    }

    /** Returns an argument that must be a string. */
    static Str string(Object value) {
        if (value instanceof Str s) {
            return s;
        }
        throw PyError.type("expected a str, not " + name(value));
    }
}
