/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.List;

/** Python's {@code str.format}, with attributes and items looked up as the sandbox does. */
final class StrFormat {

    private final Render render;
    private final Args args;
    private final Dict mapping;
    private int automatic;
    private boolean numbered;

    private StrFormat(Render render, Args args, Dict mapping) {
        this.render = render;
        this.args = args;
        this.mapping = mapping;
    }

    static Object format(Render render, Str self, Args args) {
        Dict mapping = new Dict();
        args.keywords().forEach((k, v) -> mapping.put(render.budget, Str.of(k), v));
        return new StrFormat(render, args, mapping).format(self, 2);
    }

    static Object formatMap(Render render, Str self, Args args) {
        Object mapping = Args.given(args.bind("format_map", 1, "/mapping")[0]);
        if (!(mapping instanceof Dict dict)) {
            throw PyError.type("'" + Types.name(mapping) + "' object is not a mapping");
        }
        return new StrFormat(render, Args.NONE, dict).format(self, 2);
    }

    private Str format(Str format, int depth) {
        if (depth < 0) {
            throw PyError.value("Max string recursion exceeded");
        }
        StrBuilder out = new StrBuilder(render.budget);
        String text = format.text();
        int at = 0;
        while (at < text.length()) {
            int brace = at;
            while (brace < text.length() && "{}".indexOf(text.charAt(brace)) < 0) {
                brace++;
            }
            out.append(format, at, brace);
            if (brace == text.length()) {
                break;
            }
            render.budget.step();
            char c = text.charAt(brace);
            if (brace + 1 < text.length() && text.charAt(brace + 1) == c) {
                out.append(format, brace, brace + 1);
                at = brace + 2;
            } else if (c == '}') {
                throw PyError.value("Single '}' encountered in format string");
            } else {
                at = field(format, brace + 1, depth, out);
            }
        }
        return out.toStr();
    }

    private int field(Str format, int start, int depth, StrBuilder out) {
        String text = format.text();
        int end = start;
        int open = 1;
        boolean brackets = false;
        int nameEnd = -1;
        while (end < text.length()) {
            char c = text.charAt(end);
            if (nameEnd < 0 && (c == '[' || c == ']')) {
                brackets = c == '[';
            } else if (nameEnd < 0 && !brackets && (c == '!' || c == ':')) {
                nameEnd = end;
            } else if (!brackets && c == '{') {
                open++;
            } else if (!brackets && c == '}' && --open == 0) {
                break;
            }
            end++;
        }
        if (end == text.length()) {
            throw PyError.value(
                    start == end
                            ? "Single '{' encountered in format string"
                            : "expected '}' before end of string");
        }
        if (nameEnd < 0) {
            nameEnd = end;
        }
        int specStart = nameEnd;
        char conversion = ' ';
        if (text.charAt(nameEnd) == '!') {
            if (nameEnd + 1 >= end || (nameEnd + 2 < end && text.charAt(nameEnd + 2) != ':')) {
                throw PyError.value("expected ':' after conversion specifier");
            }
            conversion = text.charAt(nameEnd + 1);
            specStart = nameEnd + 2;
        }
        Object value = value(format.substring(render.budget, start, nameEnd));
        Object converted =
                switch (conversion) {
                    case ' ' -> value;
                    case 's' -> Repr.str(render, value);
                    case 'r' -> Repr.repr(render, value);
                    case 'a' -> Json.ascii(render.budget, Repr.repr(render, value));
                    default ->
                            throw PyError.value(
                                    "Unknown conversion specifier '" + conversion + "'");
                };
        Str spec =
                specStart < end
                        ? format(format.substring(render.budget, specStart + 1, end), depth - 1)
                        : Str.EMPTY;
        out.append(FormatSpec.format(render, converted, spec.text()));
        return end + 1;
    }

    private Object value(Str field) {
        String name = field.text();
        int end = 0;
        while (end < name.length() && ".[".indexOf(name.charAt(end)) < 0) {
            end++;
        }
        Object value = first(field.substring(render.budget, 0, end));
        while (end < name.length()) {
            if (name.charAt(end) == '.') {
                int start = ++end;
                while (end < name.length() && ".[".indexOf(name.charAt(end)) < 0) {
                    end++;
                }
                value =
                        Attributes.attribute(
                                render, value, field.substring(render.budget, start, end));
            } else if (name.charAt(end) == '[') {
                int close = name.indexOf(']', end);
                if (close < 0) {
                    throw PyError.value("Missing ']' in format string");
                }
                Str key = field.substring(render.budget, end + 1, close);
                value = Attributes.item(render, value, isNumber(key) ? (Object) number(key) : key);
                end = close + 1;
            } else {
                throw PyError.value("Only '.' or '[' may follow ']' in format field specifier");
            }
        }
        return value;
    }

    private static boolean isNumber(Str key) {
        return !key.isEmpty()
                && key.text().length() < 10
                && key.text().chars().allMatch(c -> c >= '0' && c <= '9');
    }

    private static long number(Str key) {
        return Long.parseLong(key.text());
    }

    private Object first(Str name) {
        if (name.isEmpty() || isNumber(name)) {
            if (name.isEmpty() ? numbered : automatic > 0) {
                throw PyError.value(
                        "cannot switch between automatic field numbering and manual field"
                                + " specification");
            }
            numbered |= !name.isEmpty();
            long index = name.isEmpty() ? automatic++ : number(name);
            List<Object> positional = args.positional();
            if (index >= positional.size()) {
                throw PyError.lookup(
                        "Replacement index " + index + " out of range for positional args tuple");
            }
            return positional.get((int) index);
        }
        Object value = mapping.get(render.budget, name);
        if (value == null) {
            throw PyError.lookup(Repr.quote(name.text()));
        }
        return value;
    }
}
