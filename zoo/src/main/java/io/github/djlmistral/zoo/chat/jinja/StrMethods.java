/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntPredicate;
import org.jspecify.annotations.Nullable;

/** The methods of Python's strings. */
final class StrMethods {

    /** A method. */
    @FunctionalInterface
    interface Method {
        Object call(Render render, Str self, Args args);
    }

    private static final Map<String, Method> METHODS = new HashMap<>();

    private static final Str SPACE = Str.of(" ");

    private StrMethods() {}

    static @Nullable Method find(String name) {
        return METHODS.get(name);
    }

    private static void add(String name, Method method) {
        METHODS.put(name, method);
    }

    /** Adds a method without arguments. */
    private static void plain(String name, Change change) {
        add(
                name,
                (render, self, args) -> {
                    args.bind(name, 0);
                    render.budget.work(8L * self.text().length());
                    return change.apply(render.budget, self);
                });
    }

    @FunctionalInterface
    private interface Change {
        Object apply(Budget budget, Str self);
    }

    /** Adds a predicate that is true for non-empty strings all of whose characters match. */
    private static void all(String name, IntPredicate test) {
        plain(name, (budget, self) -> !self.isEmpty() && self.text().codePoints().allMatch(test));
    }

    static {
        plain("upper", Text::upper);
        plain("lower", Text::lower);
        plain("casefold", Text::foldCase);
        plain("capitalize", Text::capitalize);
        plain("title", Text::title);
        plain("swapcase", Text::swapCase);
        all("isalpha", Character::isLetter);
        all("isdigit", Chars::isDigit);
        all("isdecimal", Character::isDigit);
        all("isnumeric", Chars::isNumeric);
        all("isalnum", Chars::isAlphanumeric);
        all("isspace", Chars::isSpace);
        plain("isascii", (budget, self) -> self.text().chars().allMatch(c -> c < 128));
        plain("isprintable", (budget, s) -> s.text().codePoints().allMatch(Chars::isPrintable));
        plain("isidentifier", (budget, self) -> Chars.isIdentifier(self.text()));
        plain("islower", (budget, self) -> isCase(self, Character::isLowerCase));
        plain("isupper", (budget, self) -> isCase(self, Character::isUpperCase));
        plain("istitle", (budget, self) -> isTitle(self));
        strips("strip", Text.Ends.BOTH);
        strips("lstrip", Text.Ends.START);
        strips("rstrip", Text.Ends.END);
        pads("ljust", Text.Alignment.LEFT);
        pads("rjust", Text.Alignment.RIGHT);
        pads("center", Text.Alignment.CENTER);
        add("zfill", StrMethods::zfill);
        add("split", (render, self, args) -> split(render, self, args, false));
        add("rsplit", (render, self, args) -> split(render, self, args, true));
        add("splitlines", StrMethods::splitLines);
        add("partition", (render, self, args) -> partition(render, self, args, false));
        add("rpartition", (render, self, args) -> partition(render, self, args, true));
        add("join", StrMethods::join);
        add("replace", StrMethods::replace);
        add("expandtabs", StrMethods::expandTabs);
        add("startswith", (render, self, args) -> hasAffix(render, self, args, true));
        add("endswith", (render, self, args) -> hasAffix(render, self, args, false));
        add("removeprefix", (render, self, args) -> removeAffix(render, self, args, true));
        add("removesuffix", (render, self, args) -> removeAffix(render, self, args, false));
        add("find", (render, self, args) -> search(render, self, args, false));
        add("rfind", (render, self, args) -> search(render, self, args, true));
        add("index", (render, self, args) -> required(search(render, self, args, false)));
        add("rindex", (render, self, args) -> required(search(render, self, args, true)));
        add("count", StrMethods::count);
        add("format", StrFormat::format);
        add("format_map", StrFormat::formatMap);
    }

    private static void strips(String name, Text.Ends ends) {
        add(
                name,
                (render, self, args) ->
                        Text.strip(render.budget, self, args.bind(name, 0, "/chars")[0], ends));
    }

    private static void pads(String name, Text.Alignment alignment) {
        add(
                name,
                (render, self, args) -> {
                    @Nullable Object[] a = args.bind(name, 1, "/width", "/fillchar");
                    Str fill = a[1] == null ? SPACE : Types.string(a[1]);
                    return Text.pad(
                            render.budget, self, Types.integer(Args.given(a[0])), fill, alignment);
                });
    }

    private static boolean isCase(Str self, IntPredicate wanted) {
        boolean cased = false;
        for (int i = 0; i < self.text().length(); ) {
            int c = self.text().codePointAt(i);
            if (wanted.test(c)) {
                cased = true;
            } else if (Text.isCased(c)) {
                return false;
            }
            i += Character.charCount(c);
        }
        return cased;
    }

    static boolean isLower(Str self) {
        return isCase(self, Character::isLowerCase);
    }

    static boolean isUpper(Str self) {
        return isCase(self, Character::isUpperCase);
    }

    private static boolean isTitle(Str self) {
        boolean cased = false;
        boolean before = false;
        for (int c : self.text().codePoints().toArray()) {
            if (Character.isUpperCase(c) || Character.isTitleCase(c)) {
                if (before) {
                    return false;
                }
                before = true;
                cased = true;
            } else if (Character.isLowerCase(c)) {
                if (!before) {
                    return false;
                }
                cased = true;
            } else {
                before = false;
            }
        }
        return cased;
    }

    private static Object zfill(Render render, Str self, Args args) {
        int width = Types.integer(Args.given(args.bind("zfill", 1, "/width")[0]));
        long missing = (long) width - self.length();
        if (missing <= 0) {
            return self;
        }
        int sign = self.text().startsWith("-") || self.text().startsWith("+") ? 1 : 0;
        return new StrBuilder(render.budget)
                .append(self, 0, sign)
                .repeat(Str.of("0"), missing)
                .append(self, sign, self.text().length())
                .toStr();
    }

    private static Object split(Render render, Str self, Args args, boolean right) {
        @Nullable Object[] a = args.bind(right ? "rsplit" : "split", 0, "sep", "maxsplit");
        int max = Types.integer(a[1], -1);
        Budget budget = render.budget;
        if (a[0] == null || a[0] == None.NONE) {
            return right
                    ? Text.splitWordsFromRight(budget, self, max)
                    : Text.splitWords(budget, self, max);
        }
        Str separator = Types.string(a[0]);
        return right
                ? Text.splitFromRight(budget, self, separator, max)
                : Text.split(budget, self, separator, max);
    }

    private static Object splitLines(Render render, Str self, Args args) {
        Object keep = args.bind("splitlines", 0, "keepends")[0];
        return Text.splitLines(render.budget, self, keep != null && Types.truth(keep));
    }

    private static Object partition(Render render, Str self, Args args, boolean right) {
        Str separator = Types.string(Args.given(args.bind("partition", 1, "/separator")[0]));
        if (separator.isEmpty()) {
            throw PyError.value("empty separator");
        }
        Budget budget = render.budget;
        String text = self.text();
        int at =
                right
                        ? Find.last(budget, text, separator.text(), text.length())
                        : Find.in(budget, text, separator.text(), 0);
        if (at < 0) {
            return right
                    ? Tuple.of(Str.EMPTY, Str.EMPTY, self)
                    : Tuple.of(self, Str.EMPTY, Str.EMPTY);
        }
        return Tuple.of(
                self.substring(budget, 0, at),
                separator,
                self.substring(budget, at + separator.text().length()));
    }

    private static Object join(Render render, Str self, Args args) {
        Object items = Args.given(args.bind("join", 1, "/iterable")[0]);
        return Text.join(render, self, Types.list(render, items));
    }

    private static Object replace(Render render, Str self, Args args) {
        @Nullable Object[] a = args.bind("replace", 2, "/old", "/new", "/count");
        return Text.replace(
                render.budget,
                self,
                Types.string(Args.given(a[0])),
                Types.string(Args.given(a[1])),
                Types.integer(a[2], -1));
    }

    private static Object expandTabs(Render render, Str self, Args args) {
        int size = Types.integer(args.bind("expandtabs", 0, "tabsize")[0], 8);
        StrBuilder out = new StrBuilder(render.budget);
        int column = 0;
        for (int i = 0; i < self.text().length(); ) {
            int end = self.text().offsetByCodePoints(i, 1);
            char c = self.text().charAt(i);
            if (c == '\t') {
                int spaces = size > 0 ? size - column % size : 0;
                out.repeat(Str.of(" ", self.isInput(i)), spaces);
                column += spaces;
            } else {
                out.append(self, i, end);
                column = c == '\n' || c == '\r' ? 0 : column + 1;
            }
            i = end;
        }
        return out.toStr();
    }

    /**
     * Converts start and stop arguments to a range of UTF-16 units; returns null if it is empty.
     */
    private static int @Nullable [] range(
            Budget budget, Str self, @Nullable Object start, @Nullable Object stop) {
        int length = self.length();
        int from = bound(start, 0, length);
        int to = bound(stop, length, length);
        return from > to ? null : new int[] {self.offset(budget, from), self.offset(budget, to)};
    }

    private static int bound(@Nullable Object value, int fallback, int length) {
        if (value == null || value == None.NONE) {
            return fallback;
        }
        int at = Types.integer(value);
        if (at < 0) {
            return Math.max(0, at + length);
        }
        // A start after the end finds nothing, not even the empty string.
        return fallback == 0 && at > length ? length + 1 : Math.min(at, length);
    }

    private static Object hasAffix(Render render, Str self, Args args, boolean start) {
        String name = start ? "startswith" : "endswith";
        @Nullable Object[] a = args.bind(name, 1, "/prefix", "/start", "/end");
        int[] range = range(render.budget, self, a[1], a[2]);
        Object affix = Args.given(a[0]);
        List<Object> affixes = affix instanceof Tuple tuple ? tuple.items() : List.of(affix);
        for (Object one : affixes) {
            if (!(one instanceof Str part)) {
                throw PyError.type(
                        name + " first arg must be str or a tuple of str, not " + Types.name(one));
            }
            int size = part.text().length();
            render.budget.work(size);
            if (range != null
                    && size <= range[1] - range[0]
                    && self.text().startsWith(part.text(), start ? range[0] : range[1] - size)) {
                return true;
            }
        }
        return false;
    }

    private static Object removeAffix(Render render, Str self, Args args, boolean start) {
        String affix =
                Types.string(
                                Args.given(
                                        args.bind(
                                                        start ? "removeprefix" : "removesuffix",
                                                        1,
                                                        "/affix")[0]))
                        .text();
        int length = self.text().length();
        render.budget.work(affix.length());
        if (affix.isEmpty()
                || !(start ? self.text().startsWith(affix) : self.text().endsWith(affix))) {
            return self;
        }
        return start
                ? self.substring(render.budget, affix.length())
                : self.substring(render.budget, 0, length - affix.length());
    }

    private static long search(Render render, Str self, Args args, boolean last) {
        @Nullable Object[] a = args.bind("find", 1, "/sub", "/start", "/end");
        String part = Types.string(Args.given(a[0])).text();
        int[] range = range(render.budget, self, a[1], a[2]);
        if (range == null) {
            return -1;
        }
        render.budget.work(range[1]);
        String within = self.text().substring(0, range[1]);
        int at =
                last
                        ? Find.last(render.budget, within, part, within.length())
                        : Find.in(render.budget, within, part, range[0]);
        return at < range[0] ? -1 : self.index(render.budget, at);
    }

    private static long required(long position) {
        if (position < 0) {
            throw PyError.value("substring not found");
        }
        return position;
    }

    private static Object count(Render render, Str self, Args args) {
        @Nullable Object[] a = args.bind("count", 1, "/sub", "/start", "/end");
        String part = Types.string(Args.given(a[0])).text();
        int[] range = range(render.budget, self, a[1], a[2]);
        if (range == null) {
            return 0L;
        }
        render.budget.work(range[1] - range[0]);
        String within = self.text().substring(range[0], range[1]);
        if (part.isEmpty()) {
            return within.codePointCount(0, within.length()) + 1L;
        }
        long count = 0;
        int at = Find.in(render.budget, within, part, 0);
        while (at >= 0) {
            render.budget.step();
            count++;
            at = Find.in(render.budget, within, part, at + part.length());
        }
        return count;
    }
}
