/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/** The tests by name. */
final class Tests {

    private static final Map<String, Callable> TESTS = new HashMap<>();

    private Tests() {}

    static @Nullable Callable find(String name) {
        return TESTS.get(name);
    }

    private static void plain(String name, Predicate<Object> test) {
        TESTS.put(name, (render, args) -> test.test(Args.given(args.bind(name, 1, "value")[0])));
    }

    private static void compare(Compare.Operator operator, String... names) {
        for (String name : names) {
            TESTS.put(
                    name,
                    (render, args) -> {
                        @Nullable Object[] a = args.bind(name, 2, "/a", "/b");
                        return Compare.apply(render, operator, Args.given(a[0]), Args.given(a[1]));
                    });
        }
    }

    private static void remainder(String name, long wanted) {
        TESTS.put(
                name,
                (render, args) ->
                        isRemainder(
                                render, Args.given(args.bind(name, 1, "value")[0]), 2L, wanted));
    }

    private static boolean isRemainder(Render render, Object value, Object divisor, Object wanted) {
        return Compare.equal(
                render,
                Arithmetic.apply(render, Arithmetic.Operator.MODULO, value, divisor),
                wanted);
    }

    static {
        plain("defined", value -> !(value instanceof Undefined));
        plain("undefined", value -> value instanceof Undefined);
        plain("none", value -> value == None.NONE);
        plain("boolean", value -> value instanceof Boolean);
        plain("true", value -> value.equals(true));
        plain("false", value -> value.equals(false));
        plain("integer", Types::isInteger);
        plain("float", value -> value instanceof Double);
        plain("number", Types::isNumber);
        plain("string", value -> value instanceof Str);
        plain("mapping", value -> value instanceof Dict);
        plain("sequence", Tests::isSequence);
        plain("iterable", Tests::isIterable);
        plain("callable", value -> value instanceof Callable || value instanceof Undefined);
        plain("escaped", value -> value instanceof Str s && s.isMarkup());
        name("filter", Filters::find);
        name("test", Tests::find);
        TESTS.put("lower", (render, args) -> StrMethods.isLower(text(render, args)));
        TESTS.put("upper", (render, args) -> StrMethods.isUpper(text(render, args)));
        remainder("odd", 1);
        remainder("even", 0);
        TESTS.put(
                "divisibleby",
                (render, args) -> {
                    @Nullable Object[] a = args.bind("divisibleby", 2, "value", "num");
                    return isRemainder(render, Args.given(a[0]), Args.given(a[1]), 0L);
                });
        TESTS.put(
                "sameas",
                (render, args) -> {
                    @Nullable Object[] a = args.bind("sameas", 2, "value", "other");
                    return isSame(Args.given(a[0]), Args.given(a[1]));
                });
        TESTS.put(
                "in",
                (render, args) -> {
                    @Nullable Object[] a = args.bind("in", 2, "value", "seq");
                    return Compare.contains(render, Args.given(a[1]), Args.given(a[0]));
                });
        compare(Compare.Operator.EQUAL, "==", "eq", "equalto");
        compare(Compare.Operator.NOT_EQUAL, "!=", "ne");
        compare(Compare.Operator.GREATER, ">", "gt", "greaterthan");
        compare(Compare.Operator.GREATER_OR_EQUAL, ">=", "ge");
        compare(Compare.Operator.LESS, "<", "lt", "lessthan");
        compare(Compare.Operator.LESS_OR_EQUAL, "<=", "le");
    }

    private static Str text(Render render, Args args) {
        return Repr.str(render, Args.given(args.bind("test", 1, "value")[0]));
    }

    /** Adds a test whether something has a name; as a key of Python's it must be hashable. */
    private static void name(String test, Function<String, @Nullable Callable> finder) {
        TESTS.put(
                test,
                (render, args) -> {
                    Object value = Args.given(args.bind(test, 1, "value")[0]);
                    Dict.hashed(render.budget, value);
                    return value instanceof Str s && finder.apply(s.text()) != null;
                });
    }

    private static boolean isSequence(Object value) {
        return value instanceof Str
                || value instanceof List
                || value instanceof Tuple
                || value instanceof Dict
                || value instanceof Range
                || value instanceof Undefined;
    }

    private static boolean isIterable(Object value) {
        return isSequence(value)
                || value instanceof DictView
                || value instanceof Iter
                || value instanceof Loop;
    }

    /** Identity, where equal small values are one object in CPython. */
    private static boolean isSame(Object a, Object b) {
        boolean small = a instanceof Boolean || a instanceof Long;
        boolean shared = small || (a instanceof Str s && s.length() <= 1);
        return Compare.isIdentical(a, b) || (shared && a.equals(b));
    }
}
