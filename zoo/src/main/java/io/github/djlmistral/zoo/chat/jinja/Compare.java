/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.math.BigDecimal;
import java.math.BigInteger;
import java.util.Iterator;
import java.util.List;

/** Python's comparisons. */
final class Compare {

    /** The operators. */
    enum Operator {
        EQUAL("=="),
        NOT_EQUAL("!="),
        LESS("<"),
        LESS_OR_EQUAL("<="),
        GREATER(">"),
        GREATER_OR_EQUAL(">="),
        IN("in"),
        NOT_IN("not in");

        final String symbol;

        Operator(String symbol) {
            this.symbol = symbol;
        }
    }

    private Compare() {}

    static boolean apply(Render render, Operator operator, Object a, Object b) {
        return switch (operator) {
            case EQUAL -> equal(render, a, b);
            case NOT_EQUAL -> !equal(render, a, b);
            case IN -> contains(render, b, a);
            case NOT_IN -> !contains(render, b, a);
            case LESS -> {
                int order = order(render, operator, a, b);
                yield order != UNORDERED && order < 0;
            }
            case LESS_OR_EQUAL -> {
                int order = order(render, operator, a, b);
                yield order != UNORDERED && order <= 0;
            }
            case GREATER -> {
                int order = order(render, operator, a, b);
                yield order != UNORDERED && order > 0;
            }
            case GREATER_OR_EQUAL -> {
                int order = order(render, operator, a, b);
                yield order != UNORDERED && order >= 0;
            }
        };
    }

    /** The order of NaN and another number. */
    private static final int UNORDERED = 2;

    static boolean equal(Render render, Object a, Object b) {
        if (a instanceof Str x && b instanceof Str y) {
            render.budget.work(Math.min(x.text().length(), y.text().length()) >> 2);
            return x.equals(y);
        }
        if (a instanceof Long x && b instanceof Long y) {
            return x.equals(y);
        }
        if (Types.isNumber(a) && Types.isNumber(b)) {
            return numbers(a, b) == 0;
        }
        if (a instanceof List && b instanceof List) {
            return equalItems(render, Types.items(a), Types.items(b));
        }
        if (a instanceof Tuple x && b instanceof Tuple y) {
            return equalItems(render, x.items(), y.items());
        }
        if (a instanceof Dict x && b instanceof Dict y) {
            return equalDicts(render, x, y);
        }
        if (a instanceof Range x && b instanceof Range y) {
            return sameNumbers(x, y);
        }
        return isIdentical(a, b) || (a instanceof Undefined && b instanceof Undefined);
    }

    /** Equality of items: Python takes an object to be equal to itself. */
    private static boolean same(Render render, Object a, Object b) {
        return isIdentical(a, b) || equal(render, a, b);
    }

    private static boolean sameNumbers(Range a, Range b) {
        if (a.length() != b.length() || a.length() == 0) {
            return a.length() == b.length();
        }
        return a.start() == b.start() && (a.length() == 1 || a.step() == b.step());
    }

    /** Whether two values are identical, as tested by Python's {@code is}. */
    @SuppressWarnings("ReferenceEquality") // identity is what is meant
    static boolean isIdentical(Object a, Object b) {
        return a == b;
    }

    private static boolean equalItems(Render render, List<Object> a, List<Object> b) {
        if (a.size() != b.size()) {
            return false;
        }
        render.budget.enter();
        for (int i = 0; i < a.size(); i++) {
            render.budget.step();
            if (!same(render, a.get(i), b.get(i))) {
                render.budget.leave();
                return false;
            }
        }
        render.budget.leave();
        return true;
    }

    private static boolean equalDicts(Render render, Dict a, Dict b) {
        if (a.size() != b.size()) {
            return false;
        }
        render.budget.enter();
        for (Dict.Entry entry : a.entries()) {
            render.budget.step();
            Object other = b.get(render.budget, entry.key());
            if (other == null || !same(render, entry.value(), other)) {
                render.budget.leave();
                return false;
            }
        }
        render.budget.leave();
        return true;
    }

    private static int numbers(Object a, Object b) {
        if (a instanceof Double || b instanceof Double) {
            if (a instanceof BigInteger
                    || b instanceof BigInteger
                    || a instanceof Long
                    || b instanceof Long) {
                return mixed(a, b);
            }
            double x = Numbers.real(a);
            double y = Numbers.real(b);
            return Double.isNaN(x) || Double.isNaN(y) ? UNORDERED : x < y ? -1 : x > y ? 1 : 0;
        }
        return Numbers.big(a).compareTo(Numbers.big(b));
    }

    /** Compares an int and a float exactly. */
    private static int mixed(Object a, Object b) {
        if (!(a instanceof Double x)) {
            int order = numbers(b, a);
            return order == UNORDERED ? UNORDERED : -order;
        }
        if (Double.isNaN(x)) {
            return UNORDERED;
        }
        if (Double.isInfinite(x)) {
            return x > 0 ? 1 : -1;
        }
        return new BigDecimal(x).compareTo(new BigDecimal(Numbers.big(b)));
    }

    /** Returns the order of two values, as {@code compareTo}, or UNORDERED. */
    private static int order(Render render, Operator operator, Object a, Object b) {
        if (Types.isNumber(a) && Types.isNumber(b)) {
            return numbers(a, b);
        }
        if (a instanceof Str x && b instanceof Str y) {
            render.budget.work(Math.min(x.text().length(), y.text().length()));
            return Integer.signum(x.compareTo(y));
        }
        if (a instanceof List && b instanceof List) {
            return items(render, operator, Types.items(a), Types.items(b));
        }
        if (a instanceof Tuple x && b instanceof Tuple y) {
            return items(render, operator, x.items(), y.items());
        }
        if (a instanceof Undefined undefined) {
            throw undefined.error();
        }
        if (b instanceof Undefined undefined) {
            throw undefined.error();
        }
        throw PyError.type(
                "'"
                        + operator.symbol
                        + "' not supported between instances of '"
                        + Types.name(a)
                        + "' and '"
                        + Types.name(b)
                        + "'");
    }

    private static int items(Render render, Operator operator, List<Object> a, List<Object> b) {
        render.budget.enter();
        int n = Math.min(a.size(), b.size());
        for (int i = 0; i < n; i++) {
            render.budget.step();
            if (!same(render, a.get(i), b.get(i))) {
                int order = order(render, operator, a.get(i), b.get(i));
                render.budget.leave();
                return order;
            }
        }
        render.budget.leave();
        return Integer.compare(a.size(), b.size());
    }

    /** Returns whether {@code a < b} holds, the order that sorting uses. */
    static boolean less(Render render, Object a, Object b) {
        return apply(render, Operator.LESS, a, b);
    }

    static boolean contains(Render render, Object container, Object item) {
        if (container instanceof Str text) {
            if (!(item instanceof Str part)) {
                throw PyError.type(
                        "'in <string>' requires string as left operand, not " + Types.name(item));
            }
            render.budget.work(text.text().length());
            return Find.in(render.budget, text.text(), part.text(), 0) >= 0;
        }
        if (container instanceof Dict dict) {
            return dict.contains(render.budget, item);
        }
        if (container instanceof DictView view && view.kind() == DictView.Kind.KEYS) {
            return view.dict().contains(render.budget, item);
        }
        if (container instanceof Range range && item instanceof Long number) {
            return range.contains(number);
        }
        Iterator<Object> items = Types.iterateOrNone(render, container);
        if (items == null) {
            throw PyError.type("argument of type '" + Types.name(container) + "' is not iterable");
        }
        while (items.hasNext()) {
            render.budget.step();
            if (same(render, items.next(), item)) {
                return true;
            }
        }
        return false;
    }
}
