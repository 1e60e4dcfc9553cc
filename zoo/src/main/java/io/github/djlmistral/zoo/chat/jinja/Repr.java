/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.math.BigInteger;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Python's {@code str} and {@code repr}. */
final class Repr {

    private Repr() {}

    /** Returns {@code str(value)}; the origin of a string's characters is kept. */
    static Str str(Render render, Object value) {
        if (value instanceof Str s) {
            return s;
        }
        if (value instanceof Undefined) {
            return Str.EMPTY;
        }
        return repr(render, value);
    }

    static Str repr(Render render, Object value) {
        if (value instanceof Long || value instanceof Boolean || value == None.NONE) {
            render.budget.characters(20);
            return Str.of(scalar(value));
        }
        StrBuilder out = new StrBuilder(render.budget);
        write(render, value, out);
        return out.toStr();
    }

    private static String scalar(Object value) {
        return value instanceof Boolean b
                ? b ? "True" : "False"
                : value == None.NONE ? "None" : value.toString();
    }

    private static void write(Render render, Object value, StrBuilder out) {
        if (value instanceof Str s) {
            quote(s, out);
            return;
        }
        Budget budget = render.budget;
        budget.enter();
        if (value instanceof List) {
            sequence(render, "[", Types.items(value).iterator(), "]", out);
        } else if (value instanceof Tuple tuple) {
            sequence(
                    render,
                    "(",
                    tuple.items().iterator(),
                    tuple.items().size() == 1 ? ",)" : ")",
                    out);
        } else if (value instanceof Dict dict) {
            dict(render, dict, out);
        } else if (value instanceof DictView view) {
            out.append(view.kind().type);
            sequence(render, "([", view.list(budget).iterator(), "])", out);
        } else if (value instanceof Double d) {
            budget.work(FloatFormat.WORK);
            out.append(Numbers.repr(d));
        } else if (value instanceof BigInteger n) {
            out.append(Numbers.digits(n));
        } else if (value instanceof Range range) {
            out.append("range(" + range.start() + ", " + range.stop());
            out.append(range.step() == 1 ? ")" : ", " + range.step() + ")");
        } else if (value instanceof Namespace namespace) {
            out.append("<Namespace ");
            dict(render, namespace.attributes, out);
            out.append(">");
        } else if (value instanceof Undefined) {
            out.append("Undefined");
        } else if (value instanceof MacroStmt.Macro macro) {
            Object name = macro.attribute("name");
            out.append("<Macro ");
            out.append(name instanceof Str s ? quote(s.text()) : "anonymous").append(">");
        } else if (value instanceof Loop loop) {
            out.append("<LoopContext " + loop.attribute("index") + "/" + loop.length() + ">");
        } else if (value instanceof BlockStmt.SelfReference) {
            out.append("<TemplateReference None>");
        } else if (value instanceof Long || value instanceof Boolean || value == None.NONE) {
            out.append(scalar(value));
        } else {
            out.append("<" + Types.name(value) + " object>");
        }
        budget.leave();
    }

    private static void sequence(
            Render render, String begin, Iterator<Object> items, String end, StrBuilder out) {
        out.append(begin);
        String separator = "";
        while (items.hasNext()) {
            out.append(separator);
            write(render, items.next(), out);
            separator = ", ";
        }
        out.append(end);
    }

    private static void dict(Render render, Dict dict, StrBuilder out) {
        out.append("{");
        String separator = "";
        for (Dict.Entry entry : dict.entries()) {
            out.append(separator);
            write(render, entry.key(), out);
            out.append(": ");
            write(render, entry.value(), out);
            separator = ", ";
        }
        out.append("}");
    }

    /** Returns the {@code repr} of a string. */
    static String quote(String text) {
        StrBuilder out = new StrBuilder(new Budget(text.length()));
        quote(Str.of(text), out);
        return out.toStr().text();
    }

    private static void quote(Str s, StrBuilder out) {
        String text = s.text();
        char quote = text.indexOf('\'') >= 0 && text.indexOf('"') < 0 ? '"' : '\'';
        if (s.isMarkup()) {
            out.append("Markup(");
        }
        out.append(quote);
        int plain = 0; // up to here nothing is pending
        int i = 0;
        while (i < text.length()) {
            int c = text.codePointAt(i);
            int size = Character.charCount(c);
            String escape = escape(c, quote);
            if (escape != null) {
                out.append(s, plain, i).append(escape, s.isInput(i));
                plain = i + size;
            }
            i += size;
        }
        out.append(s, plain, text.length()).append(quote);
        if (s.isMarkup()) {
            out.append(")");
        }
    }

    private static @Nullable String escape(int c, char quote) {
        if (c == quote || c == '\\') {
            return "\\" + (char) c;
        }
        if (c >= ' ' && c < 0x7f) {
            return null;
        }
        return switch (c) {
            case '\n' -> "\\n";
            case '\r' -> "\\r";
            case '\t' -> "\\t";
            default -> Chars.isPrintable(c) ? null : hex(c);
        };
    }

    static String hex(int c) {
        String digits = Integer.toHexString(c);
        return c < 0x100
                ? "\\x" + "0".repeat(2 - digits.length()) + digits
                : c < 0x10000
                        ? "\\u" + "0".repeat(4 - digits.length()) + digits
                        : "\\U" + "0".repeat(8 - digits.length()) + digits;
    }
}
