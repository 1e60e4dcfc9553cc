/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.nio.charset.StandardCharsets;
import java.util.HexFormat;
import java.util.Iterator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/** Escaping for HTML and URLs. */
final class Markup {

    private Markup() {}

    /** Returns the text of a value, escaped unless it is markup already. */
    static Str escape(Render render, Object value) {
        Str s = Repr.str(render, value);
        return s.isMarkup() ? s : forceEscape(render, s);
    }

    static Str forceEscape(Render render, Str s) {
        StrBuilder out = new StrBuilder(render.budget);
        String text = s.text();
        int plain = 0;
        for (int i = 0; i < text.length(); i++) {
            String entity =
                    switch (text.charAt(i)) {
                        case '&' -> "&amp;";
                        case '<' -> "&lt;";
                        case '>' -> "&gt;";
                        case '\'' -> "&#39;";
                        case '"' -> "&#34;";
                        default -> null;
                    };
            if (entity != null) {
                out.append(s, plain, i).append(entity, s.isInput(i));
                plain = i + 1;
            }
        }
        return out.append(s, plain, text.length()).toStr().asMarkup();
    }

    /** The filter {@code urlencode}. */
    static Object urlEncode(Render render, Args args) {
        Object value = Args.given(args.bind("urlencode", 1, "value")[0]);
        Iterator<Object> items = value instanceof Str ? null : Types.iterateOrNone(render, value);
        StrBuilder out = new StrBuilder(render.budget);
        if (items == null) {
            return quote(Repr.str(render, value), false, out).toStr();
        }
        if (value instanceof Dict dict) {
            items = dict.pairs(render.budget).iterator();
        }
        boolean first = true;
        while (items.hasNext()) {
            List<Object> pair = Types.list(render, items.next());
            if (pair.size() != 2) {
                throw PyError.value("expected pairs");
            }
            if (!first) {
                out.append("&");
            }
            first = false;
            quote(Repr.str(render, pair.get(0)), true, out).append("=");
            quote(Repr.str(render, pair.get(1)), true, out);
        }
        return out.toStr();
    }

    private static StrBuilder quote(Str s, boolean query, StrBuilder out) {
        String text = s.text();
        for (int i = 0; i < text.length(); ) {
            int c = text.codePointAt(i);
            int end = i + Character.charCount(c);
            boolean safe = c < 128 && (Character.isLetterOrDigit(c) || "_.-~".indexOf(c) >= 0);
            if (safe || (c == '/' && !query)) {
                out.append(s, i, end);
            } else if (c == ' ' && query) {
                out.append("+", s.isInput(i));
            } else {
                for (byte b : text.substring(i, end).getBytes(StandardCharsets.UTF_8)) {
                    String hex = HexFormat.of().withUpperCase().toHexDigits(b);
                    out.append("%" + hex, s.isInput(i));
                }
            }
            i = end;
        }
        return out;
    }

    /** The filter {@code xmlattr}. */
    static Object xmlAttributes(Render render, Args args) {
        @Nullable Object[] a = args.bind("xmlattr", 1, "d", "autospace");
        if (!(a[0] instanceof Dict dict)) {
            throw PyError.type("xmlattr needs a dict");
        }
        StrBuilder out = new StrBuilder(render.budget);
        for (Dict.Entry entry : dict.entries()) {
            if (entry.value() == None.NONE || entry.value() instanceof Undefined) {
                continue;
            }
            Str key = Types.string(entry.key());
            if (key.text()
                    .chars()
                    .anyMatch(c -> c == ' ' || (c >= 9 && c <= 13) || "/>=".indexOf(c) >= 0)) {
                throw PyError.value(
                        "Invalid character in attribute name: " + Repr.quote(key.text()));
            }
            if (out.length() > 0 || a[1] == null || Types.truth(a[1])) {
                out.append(" ");
            }
            out.append(escape(render, key))
                    .append("=\"")
                    .append(escape(render, entry.value()))
                    .append("\"");
        }
        return out.toStr();
    }
}
