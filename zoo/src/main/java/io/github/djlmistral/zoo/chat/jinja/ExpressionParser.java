/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import io.github.djlmistral.zoo.chat.jinja.Arithmetic.Operator;
import io.github.djlmistral.zoo.chat.jinja.Expr.Name;
import io.github.djlmistral.zoo.chat.jinja.Token.Kind;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Parses expressions by recursive descent, one method for each level of precedence. Operands are
 * parsed by {@link OperandParser}.
 */
final class ExpressionParser {

    private static final int MAX_NESTING = 64;
    private static final int MAX_HEIGHT = 250;

    private static final Map<String, Operator> TERMS =
            Map.of("+", Operator.ADD, "-", Operator.SUBTRACT);

    private static final Map<String, Operator> FACTORS =
            Map.of(
                    "*", Operator.MULTIPLY,
                    "/", Operator.DIVIDE,
                    "//", Operator.FLOOR_DIVIDE,
                    "%", Operator.MODULO);

    private static final Map<String, Compare.Operator> COMPARISONS =
            Map.of(
                    "==", Compare.Operator.EQUAL,
                    "!=", Compare.Operator.NOT_EQUAL,
                    "<", Compare.Operator.LESS,
                    "<=", Compare.Operator.LESS_OR_EQUAL,
                    ">", Compare.Operator.GREATER,
                    ">=", Compare.Operator.GREATER_OR_EQUAL);

    private final TokenStream tokens;
    private final OperandParser operands;
    private int nesting;

    ExpressionParser(TokenStream tokens) {
        this.tokens = tokens;
        this.operands = new OperandParser(tokens, this);
    }

    /** Returns the parser of operands. */
    OperandParser operands() {
        return operands;
    }

    /** Checks the height of a new node: chains of operators make trees high without nesting. */
    <T extends Expr> T made(T expression) {
        int[] height = {0};
        expression.children(child -> height[0] = Math.max(height[0], ((Expr) child).height));
        expression.height = height[0] + 1;
        if (expression.height > MAX_HEIGHT) {
            throw tokens.error("an expression has more than " + MAX_HEIGHT + " nested operations");
        }
        return expression;
    }

    <T> T nested(Supplier<T> parser) {
        if (++nesting > MAX_NESTING) {
            throw tokens.error("an expression is nested more than " + MAX_NESTING + " deep");
        }
        T parsed = parser.get();
        nesting--;
        return parsed;
    }

    private int line() {
        return tokens.current().line();
    }

    /** Parses an expression. */
    Expr expression() {
        return expression(true);
    }

    private Expr expression(boolean conditional) {
        return nested(conditional ? this::conditional : this::or);
    }

    /** Parses an expression, or several with commas between that make a tuple. */
    Expr tuple() {
        return tuple(this::expression, false);
    }

    /** Parses a tuple or expression without {@code a if b} outside of parentheses. */
    Expr plainTuple() {
        return tuple(() -> expression(false), false);
    }

    /** Parses the target of an assignment. */
    Expr target(boolean namespace) {
        Expr target = tuple(() -> operands.primary(namespace), false);
        checkTarget(target);
        Names.use(target, Name.Use.STORE);
        return target;
    }

    private void checkTarget(Expr target) {
        if (target instanceof Expr.Sequence sequence && sequence.tuple) {
            sequence.items.forEach(this::checkTarget);
        } else if (!(target instanceof Name) && !(target instanceof Expr.NamespaceAttribute)) {
            throw TemplateException.syntax("can't assign to this expression", target.line);
        }
    }

    /** Parses a tuple or one item; a tuple in parentheses may be empty. */
    Expr tuple(Supplier<Expr> item, boolean parentheses) {
        int line = line();
        List<Expr> items = new ArrayList<>();
        boolean tuple = false;
        while (true) {
            if (!items.isEmpty()) {
                tokens.expect(",");
            }
            if (tokens.is(Kind.PRINT_END) || tokens.is(Kind.BLOCK_END) || tokens.is(")")) {
                break;
            }
            items.add(item.get());
            if (!tokens.is(",")) {
                break;
            }
            tuple = true;
            line = line();
        }
        if (!tuple) {
            if (!items.isEmpty()) {
                return items.get(0);
            }
            if (!parentheses) {
                throw tokens.error("Expected an expression, got " + tokens.current().describe());
            }
        }
        return made(new Expr.Sequence(items, true, line));
    }

    private Expr conditional() {
        int line = line();
        Expr value = or();
        while (tokens.skipName("if")) {
            Expr test = or();
            Expr no = tokens.skipName("else") ? nested(this::conditional) : null;
            value = made(new OperatorExpr.Conditional(test, value, no, line));
            line = line();
        }
        return value;
    }

    private Expr or() {
        int line = line();
        Expr left = and();
        while (tokens.skipName("or")) {
            left = made(new OperatorExpr.Logical(false, left, and(), line));
            line = line();
        }
        return left;
    }

    private Expr and() {
        int line = line();
        Expr left = not();
        while (tokens.skipName("and")) {
            left = made(new OperatorExpr.Logical(true, left, not(), line));
            line = line();
        }
        return left;
    }

    private Expr not() {
        if (tokens.isName("not")) {
            int line = tokens.next().line();
            return made(new OperatorExpr.Unary('!', nested(this::not), line));
        }
        return comparison();
    }

    private Expr comparison() {
        int line = line();
        Expr first = terms();
        List<Compare.Operator> operators = new ArrayList<>();
        List<Expr> operands = new ArrayList<>();
        while (true) {
            Compare.Operator operator = null;
            if (tokens.is(Kind.OPERATOR)) {
                operator = COMPARISONS.get(tokens.current().text());
            } else if (tokens.isName("in")) {
                operator = Compare.Operator.IN;
            } else if (tokens.isName("not") && tokens.look().isName("in")) {
                tokens.next();
                operator = Compare.Operator.NOT_IN;
            }
            if (operator == null) {
                break;
            }
            tokens.next();
            operators.add(operator);
            operands.add(terms());
        }
        return operators.isEmpty()
                ? first
                : made(new OperatorExpr.Comparison(first, operators, operands, line));
    }

    private Expr terms() {
        int line = line();
        Expr left = concatenation();
        for (Operator sign = skip(TERMS); sign != null; sign = skip(TERMS)) {
            left = made(new OperatorExpr.Binary(sign, left, concatenation(), line));
            line = line();
        }
        return left;
    }

    private Expr concatenation() {
        int line = line();
        Expr first = factors();
        if (!tokens.is("~")) {
            return first;
        }
        List<Expr> parts = new ArrayList<>(List.of(first));
        while (tokens.skip("~")) {
            parts.add(factors());
        }
        return made(new OperatorExpr.Concat(parts, line));
    }

    private Expr factors() {
        int line = line();
        Expr left = power();
        for (Operator sign = skip(FACTORS); sign != null; sign = skip(FACTORS)) {
            left = made(new OperatorExpr.Binary(sign, left, power(), line));
            line = line();
        }
        return left;
    }

    private Expr power() {
        int line = line();
        Expr left = unary(true);
        while (tokens.skip("**")) {
            left = made(new OperatorExpr.Binary(Operator.POWER, left, unary(true), line));
            line = line();
        }
        return left;
    }

    /** Skips one of some operators and returns it; returns null if none follows. */
    private @Nullable Operator skip(Map<String, Operator> operators) {
        Operator operator =
                tokens.is(Kind.OPERATOR) ? operators.get(tokens.current().text()) : null;
        if (operator != null) {
            tokens.next();
        }
        return operator;
    }

    private Expr unary(boolean filters) {
        int line = line();
        Expr value;
        if (tokens.skip("-")) {
            value = made(new OperatorExpr.Unary('-', nested(() -> unary(false)), line));
        } else if (tokens.skip("+")) {
            value = made(new OperatorExpr.Unary('+', nested(() -> unary(false)), line));
        } else {
            value = operands.primary(false);
        }
        value = operands.postfix(value);
        return filters ? operands.filters(value) : value;
    }
}
