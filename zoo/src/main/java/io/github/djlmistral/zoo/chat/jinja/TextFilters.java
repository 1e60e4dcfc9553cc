/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Filters of strings. */
final class TextFilters {

    private static final Str NEWLINE = Str.of("\n");
    private static final Str SPACE = Str.of(" ");

    private TextFilters() {}

    @FunctionalInterface
    private interface Change {
        Str apply(Render render, Str text);
    }

    static void addTo(Map<String, Callable> filters) {
        plain(filters, "upper", (r, s) -> Text.upper(r.budget, s));
        plain(filters, "lower", (r, s) -> Text.lower(r.budget, s));
        plain(filters, "capitalize", (r, s) -> Text.capitalize(r.budget, s));
        plain(filters, "title", TextFilters::title);
        plain(filters, "string", (r, s) -> s);
        plain(filters, "forceescape", Markup::forceEscape);
        plain(filters, "escape", Markup::escape);
        plain(filters, "e", Markup::escape);
        plain(filters, "safe", (r, s) -> s.asMarkup());
        filters.put("trim", TextFilters::trim);
        filters.put("replace", TextFilters::replace);
        filters.put("center", TextFilters::center);
        filters.put("indent", TextFilters::indent);
        filters.put("truncate", TextFilters::truncate);
        filters.put("format", TextFilters::format);
        filters.put("wordcount", TextFilters::wordCount);
    }

    private static void plain(Map<String, Callable> filters, String name, Change change) {
        filters.put(
                name,
                (render, args) -> {
                    Object value = Args.given(args.bind(name, 1, "s")[0]);
                    return change.apply(render, Repr.str(render, value));
                });
    }

    private static Object trim(Render render, Args args) {
        @Nullable Object[] a = args.bind("trim", 1, "value", "chars");
        Str text = Repr.str(render, Args.given(a[0]));
        return Text.strip(render.budget, text, a[1], Text.Ends.BOTH);
    }

    private static Object replace(Render render, Args args) {
        @Nullable Object[] a = args.bind("replace", 3, "s", "old", "new", "count");
        return Text.replace(
                render.budget,
                Repr.str(render, Args.given(a[0])).asPlain(),
                Repr.str(render, Args.given(a[1])),
                Repr.str(render, Args.given(a[2])),
                a[3] == None.NONE ? -1 : Types.integer(a[3], -1));
    }

    private static Object center(Render render, Args args) {
        @Nullable Object[] a = args.bind("center", 1, "value", "width");
        return Text.pad(
                render.budget,
                Repr.str(render, Args.given(a[0])),
                Types.integer(a[1], 80),
                SPACE,
                Text.Alignment.CENTER);
    }

    /** Capitalizes words, which begin after spaces, hyphens and brackets. */
    private static Str title(Render render, Str s) {
        Budget budget = render.budget;
        StrBuilder out = new StrBuilder(budget);
        int start = 0;
        String text = s.text();
        while (start < text.length()) {
            int end = start;
            boolean separator = separates(text.charAt(start));
            while (end < text.length() && separates(text.charAt(end)) == separator) {
                end++;
            }
            if (separator) {
                out.append(s, start, end);
            } else {
                int first = text.offsetByCodePoints(start, 1);
                out.append(Text.upper(budget, s.substring(budget, start, first)));
                out.append(Text.lower(budget, s.substring(budget, first, end)));
            }
            start = end;
        }
        return out.toStr();
    }

    private static boolean separates(char c) {
        return "-({[<".indexOf(c) >= 0 || Chars.isSpace(c);
    }

    private static Object indent(Render render, Args args) {
        @Nullable Object[] a = args.bind("indent", 1, "s", "width", "first", "blank");
        Budget budget = render.budget;
        Str text =
                (Str) Arithmetic.apply(render, Arithmetic.Operator.ADD, Args.given(a[0]), NEWLINE);
        Str indent =
                a[1] instanceof Str s
                        ? s
                        : new StrBuilder(budget).repeat(SPACE, Types.integer(a[1], 4)).toStr();
        boolean first = a[2] != null && Types.truth(a[2]);
        boolean blank = a[3] != null && Types.truth(a[3]);
        StrBuilder out = new StrBuilder(budget);
        boolean begin = true;
        for (Object item : Text.splitLines(budget, text, false)) {
            Str line = (Str) item;
            if (!begin) {
                out.append(NEWLINE);
            }
            if (begin ? first : blank || !line.isEmpty()) {
                out.append(indent);
            }
            out.append(line);
            begin = false;
        }
        return out.toStr();
    }

    private static Object truncate(Render render, Args args) {
        @Nullable Object[] a =
                args.bind("truncate", 1, "s", "length", "killwords", "end", "leeway");
        Budget budget = render.budget;
        Object value = Args.given(a[0]);
        Str end = a[3] == null ? Str.of("...") : Types.string(a[3]);
        int length = Types.integer(a[1], 255);
        int leeway = a[4] == None.NONE ? 5 : Types.integer(a[4], 5);
        if (length < end.length()) {
            throw PyError.other("expected length >= " + end.length() + ", got " + length);
        }
        if (leeway < 0) {
            throw PyError.other("expected leeway >= 0, got " + leeway);
        }
        if (Types.size(value) <= (long) length + leeway) {
            return value;
        }
        Str s = Types.string(value);
        Str kept = s.substring(budget, 0, s.offset(budget, length - end.length()));
        if (a[2] == null || !Types.truth(a[2])) {
            int space = kept.text().lastIndexOf(' ');
            kept = space < 0 ? kept : kept.substring(budget, 0, space);
        }
        return kept.concat(budget, end);
    }

    private static Object format(Render render, Args args) {
        if (args.positional().size() > 1 && !args.keywords().isEmpty()) {
            throw PyError.other("can't handle positional and keyword arguments at the same time");
        }
        Str format = Repr.str(render, args.positional().get(0));
        if (args.keywords().isEmpty()) {
            List<Object> values = args.positional().subList(1, args.positional().size());
            return PercentFormat.format(render, format, new Tuple(new ArrayList<>(values)));
        }
        Dict values = new Dict();
        args.keywords().forEach((k, v) -> values.put(render.budget, Str.of(k), v));
        return PercentFormat.format(render, format, values);
    }

    private static Object wordCount(Render render, Args args) {
        Object value = Args.given(args.bind("wordcount", 1, "s")[0]);
        Str text = Repr.str(render, value);
        render.budget.work(8L * text.text().length());
        long words = 0;
        boolean word = false;
        for (int i = 0; i < text.text().length(); ) {
            int c = text.text().codePointAt(i);
            words += Chars.isWord(c) && !word ? 1 : 0;
            word = Chars.isWord(c);
            i += Character.charCount(c);
        }
        return words;
    }
}
