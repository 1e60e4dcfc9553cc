/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.math.BigInteger;
import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Python's {@code json.dumps}. */
final class Json {

    private final Render render;
    private final boolean ascii;
    private final @Nullable Str indent;
    private final Str itemSeparator;
    private final Str keySeparator;
    private final boolean sortKeys;
    private final StrBuilder out;

    private Json(
            Render render,
            boolean ascii,
            @Nullable Str indent,
            Str itemSeparator,
            Str keySeparator,
            boolean sortKeys) {
        this.render = render;
        this.ascii = ascii;
        this.indent = indent;
        this.itemSeparator = itemSeparator;
        this.keySeparator = keySeparator;
        this.sortKeys = sortKeys;
        this.out = new StrBuilder(render.budget);
    }

    /** The filter {@code tojson} as transformers defines it. */
    static Object filter(Render render, Args args) {
        @Nullable Object[] a =
                args.bind("tojson", 1, "x", "ensure_ascii", "indent", "separators", "sort_keys");
        Str indent = null;
        if (a[2] instanceof Str s) {
            indent = s;
        } else if (a[2] != null && a[2] != None.NONE) {
            int width = Types.integer(a[2]);
            indent = new StrBuilder(render.budget).repeat(Str.of(" "), width).toStr();
        }
        Str itemSeparator = Str.of(indent == null ? ", " : ",");
        Str keySeparator = Str.of(": ");
        if (a[3] != null && a[3] != None.NONE) {
            List<Object> pair = Types.list(render, a[3]);
            if (pair.size() != 2) {
                throw PyError.value("separators must be a pair");
            }
            itemSeparator = Types.string(pair.get(0));
            keySeparator = Types.string(pair.get(1));
        }
        Json json =
                new Json(
                        render,
                        a[1] != null && Types.truth(a[1]),
                        indent,
                        itemSeparator,
                        keySeparator,
                        a[4] != null && Types.truth(a[4]));
        json.write(Args.given(a[0]), 0);
        return json.out.toStr();
    }

    private void write(Object value, int level) {
        if (value instanceof Str s) {
            string(s);
            return;
        }
        if (value instanceof Dict dict) {
            render.budget.enter();
            object(dict, level);
            render.budget.leave();
        } else if (value instanceof List || value instanceof Tuple) {
            render.budget.enter();
            array(Types.list(render, value), level);
            render.budget.leave();
        } else if (value == None.NONE || Types.isNumber(value)) {
            render.budget.work(value instanceof Double ? FloatFormat.WORK : 0);
            out.append(scalar(value));
        } else {
            throw PyError.type("Object of type " + Types.name(value) + " is not JSON serializable");
        }
    }

    private static String scalar(Object value) {
        if (value == None.NONE) {
            return "null";
        }
        if (value instanceof Double d) {
            return Double.isNaN(d)
                    ? "NaN"
                    : Double.isInfinite(d) ? d > 0 ? "Infinity" : "-Infinity" : Numbers.repr(d);
        }
        return value instanceof BigInteger n ? Numbers.digits(n) : value.toString();
    }

    private void newline(int level) {
        if (indent != null) {
            out.append("\n").repeat(indent, level);
        }
    }

    private void array(List<Object> items, int level) {
        if (items.isEmpty()) {
            out.append("[]");
            return;
        }
        out.append("[");
        boolean first = true;
        for (Object item : items) {
            render.budget.step();
            if (!first) {
                out.append(itemSeparator);
            }
            first = false;
            newline(level + 1);
            write(item, level + 1);
        }
        newline(level);
        out.append("]");
    }

    private void object(Dict dict, int level) {
        Iterator<Dict.Entry> entries = sorted(dict).iterator();
        if (!entries.hasNext()) {
            out.append("{}");
            return;
        }
        out.append("{");
        while (entries.hasNext()) {
            render.budget.step();
            Dict.Entry entry = entries.next();
            newline(level + 1);
            key(entry.key());
            out.append(keySeparator);
            write(entry.value(), level + 1);
            if (entries.hasNext()) {
                out.append(itemSeparator);
            }
        }
        newline(level);
        out.append("}");
    }

    private Iterable<Dict.Entry> sorted(Dict dict) {
        if (!sortKeys) {
            return dict.entries();
        }
        render.budget.items(dict.size());
        List<Dict.Entry> entries = new ArrayList<>(dict.entries());
        return Sort.by(render, entries, Dict.Entry::key, false);
    }

    private void key(Object key) {
        if (key instanceof Str s) {
            string(s);
        } else if (key == None.NONE || Types.isNumber(key)) {
            out.append("\"" + scalar(key) + "\"");
        } else {
            throw PyError.type(
                    "keys must be str, int, float, bool or None, not " + Types.name(key));
        }
    }

    private void string(Str s) {
        String text = s.text();
        out.append("\"");
        int plain = 0;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            String escape = escape(c);
            if (escape != null) {
                out.append(s, plain, i).append(escape, s.isInput(i));
                plain = i + 1;
            }
        }
        out.append(s, plain, text.length()).append("\"");
    }

    private @Nullable String escape(char c) {
        return switch (c) {
            case '"' -> "\\\"";
            case '\\' -> "\\\\";
            case '\n' -> "\\n";
            case '\r' -> "\\r";
            case '\t' -> "\\t";
            case '\f' -> "\\f";
            case '\b' -> "\\b";
            default -> c < ' ' || (ascii && c > '~') ? unit(c) : null;
        };
    }

    private static String unit(char c) {
        String digits = Integer.toHexString(c);
        return "\\u" + "0".repeat(4 - digits.length()) + digits;
    }

    /** Escapes what is not ASCII, as Python's {@code ascii} does. */
    static Str ascii(Budget budget, Str s) {
        StrBuilder out = new StrBuilder(budget);
        for (int i = 0; i < s.text().length(); ) {
            int c = s.text().codePointAt(i);
            int end = i + Character.charCount(c);
            if (c < 128) {
                out.append(s, i, end);
            } else {
                out.append(Repr.hex(c), s.isInput(i));
            }
            i = end;
        }
        return out.toStr();
    }
}
