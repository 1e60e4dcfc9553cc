/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import io.github.djlmistral.zoo.chat.jinja.Arithmetic.Operator;
import io.github.djlmistral.zoo.chat.jinja.Expr.Literal;
import io.github.djlmistral.zoo.chat.jinja.Expr.Name;
import io.github.djlmistral.zoo.chat.jinja.Token.Kind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** Parses expressions by recursive descent, one method for each level of precedence. */
final class ExpressionParser {

    private static final int MAX_NESTING = 100;
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
    private int nesting;

    ExpressionParser(TokenStream tokens) {
        this.tokens = tokens;
    }

    /** Checks the height of a new node of the tree: chains of operators lean to the left. */
    private <T extends Expr> T made(T expression) {
        int[] height = {0};
        expression.children(child -> height[0] = Math.max(height[0], ((Expr) child).height));
        expression.height = height[0] + 1;
        if (expression.height > MAX_HEIGHT) {
            throw tokens.error("an expression has more than " + MAX_HEIGHT + " nested operations");
        }
        return expression;
    }

    private <T> T nested(Supplier<T> parser) {
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
        Expr target = tuple(() -> primary(namespace), false);
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

    private Expr tuple(Supplier<Expr> item, boolean parentheses) {
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
            value = made(new Expr.Conditional(test, value, no, line));
            line = line();
        }
        return value;
    }

    private Expr or() {
        int line = line();
        Expr left = and();
        while (tokens.skipName("or")) {
            left = made(new Expr.Logical(false, left, and(), line));
            line = line();
        }
        return left;
    }

    private Expr and() {
        int line = line();
        Expr left = not();
        while (tokens.skipName("and")) {
            left = made(new Expr.Logical(true, left, not(), line));
            line = line();
        }
        return left;
    }

    private Expr not() {
        if (tokens.isName("not")) {
            int line = tokens.next().line();
            return made(new Expr.Unary('!', nested(this::not), line));
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
                : made(new Expr.Comparison(first, operators, operands, line));
    }

    private Expr terms() {
        return binary(this::concatenation, TERMS);
    }

    private Expr binary(Supplier<Expr> operand, Map<String, Operator> operators) {
        int line = line();
        Expr left = operand.get();
        while (tokens.is(Kind.OPERATOR)) {
            Operator operator = operators.get(tokens.current().text());
            if (operator == null) {
                break;
            }
            tokens.next();
            left = made(new Expr.Binary(operator, left, operand.get(), line));
            line = line();
        }
        return left;
    }

    private Expr concatenation() {
        int line = line();
        Expr first = binary(this::power, FACTORS);
        if (!tokens.is("~")) {
            return first;
        }
        List<Expr> parts = new ArrayList<>(List.of(first));
        while (tokens.skip("~")) {
            parts.add(binary(this::power, FACTORS));
        }
        return made(new Expr.Concat(parts, line));
    }

    private Expr power() {
        return binary(() -> unary(true), Map.of("**", Operator.POWER));
    }

    private Expr unary(boolean filters) {
        int line = line();
        Expr value;
        if (tokens.skip("-")) {
            value = made(new Expr.Unary('-', nested(() -> unary(false)), line));
        } else if (tokens.skip("+")) {
            value = made(new Expr.Unary('+', nested(() -> unary(false)), line));
        } else {
            value = primary(false);
        }
        value = postfix(value);
        return filters ? filters(value) : value;
    }

    private Expr primary(boolean namespace) {
        Token token = tokens.current();
        int line = token.line();
        return switch (token.kind()) {
            case NAME -> name(tokens.next(), namespace);
            case STRING -> {
                StringBuilder text = new StringBuilder();
                while (tokens.is(Kind.STRING)) {
                    text.append(tokens.next().text());
                }
                yield made(new Literal(Str.of(text.toString()), line));
            }
            case INTEGER, FLOAT -> made(new Literal(tokens.next().value(), line));
            default -> bracketed(line);
        };
    }

    private Expr bracketed(int line) {
        if (tokens.skip("(")) {
            Expr inner = tuple(this::expression, true);
            tokens.expect(")");
            return inner;
        }
        if (tokens.skip("[")) {
            return made(new Expr.Sequence(items("]"), false, line));
        }
        if (tokens.skip("{")) {
            return dict(line);
        }
        throw tokens.error("unexpected " + tokens.current().describe());
    }

    private Expr name(Token token, boolean namespace) {
        int line = token.line();
        return switch (token.text()) {
            case "true", "True" -> made(new Literal(true, line));
            case "false", "False" -> made(new Literal(false, line));
            case "none", "None" -> made(new Literal(None.NONE, line));
            default ->
                    namespace && tokens.skip(".")
                            ? new Expr.NamespaceAttribute(token.text(), tokens.name().text(), line)
                            : made(new Name(token.text(), line));
        };
    }

    private List<Expr> items(String end) {
        List<Expr> items = new ArrayList<>();
        while (!tokens.is(end)) {
            if (!items.isEmpty()) {
                tokens.expect(",");
                if (tokens.is(end)) {
                    break;
                }
            }
            items.add(expression());
        }
        tokens.expect(end);
        return items;
    }

    private Expr dict(int line) {
        List<Expr> keys = new ArrayList<>();
        List<Expr> values = new ArrayList<>();
        while (!tokens.is("}")) {
            if (!keys.isEmpty()) {
                tokens.expect(",");
                if (tokens.is("}")) {
                    break;
                }
            }
            keys.add(expression());
            tokens.expect(":");
            values.add(expression());
        }
        tokens.expect("}");
        return made(new Expr.DictDisplay(keys, values, line));
    }

    private Expr postfix(Expr operand) {
        Expr value = operand;
        while (true) {
            int line = line();
            if (tokens.skip(".")) {
                value = attribute(value, line);
            } else if (tokens.skip("[")) {
                value = subscript(value, line);
            } else if (tokens.is("(")) {
                value = made(CallExpr.call(value, arguments(), line));
            } else {
                return value;
            }
        }
    }

    private Expr filters(Expr operand) {
        Expr value = operand;
        while (true) {
            int line = line();
            if (tokens.is("|")) {
                value = filter(value, false);
            } else if (tokens.isName("is")) {
                value = test(value);
            } else if (tokens.is("(")) {
                value = made(CallExpr.call(value, arguments(), line));
            } else {
                return value;
            }
        }
    }

    private Expr attribute(Expr object, int line) {
        Token name = tokens.next();
        return switch (name.kind()) {
            case NAME ->
                    made(
                            new Expr.Access(
                                    object, new Literal(Str.of(name.text()), line), true, line));
            case INTEGER ->
                    made(new Expr.Access(object, new Literal(name.value(), line), false, line));
            default -> throw TemplateException.syntax("expected name or number", name.line());
        };
    }

    private Expr subscript(Expr object, int line) {
        Expr first = tokens.is(":") ? null : expression();
        if (tokens.skip(":")) {
            Expr stop = bound();
            Expr step = tokens.skip(":") ? bound() : null;
            tokens.expect("]");
            return made(new Expr.Slice(object, first, stop, step, line));
        }
        if (first == null) {
            throw tokens.error("expected subscript expression");
        }
        if (tokens.is(",")) {
            List<Expr> keys = new ArrayList<>(List.of(first));
            while (tokens.skip(",")) {
                keys.add(expression());
            }
            first = made(new Expr.Sequence(keys, true, line));
        }
        tokens.expect("]");
        return made(new Expr.Access(object, first, false, line));
    }

    private @Nullable Expr bound() {
        return tokens.is(":") || tokens.is("]") || tokens.is(",") ? null : expression();
    }

    private CallExpr.Arguments arguments() {
        int line = tokens.expect("(").line();
        List<Expr> positional = new ArrayList<>();
        Map<String, Expr> keywords = new LinkedHashMap<>();
        Expr list = null;
        Expr dict = null;
        boolean comma = false;
        while (!tokens.is(")")) {
            if (comma) {
                tokens.expect(",");
                if (tokens.is(")")) {
                    break;
                }
            }
            comma = true;
            boolean valid;
            if (tokens.skip("*")) {
                valid = list == null && dict == null;
                list = expression();
            } else if (tokens.skip("**")) {
                valid = dict == null;
                dict = expression();
            } else if (tokens.is(Kind.NAME) && tokens.look().is("=")) {
                String key = tokens.next().text();
                tokens.next();
                valid = dict == null && keywords.put(key, expression()) == null;
            } else {
                valid = list == null && dict == null && keywords.isEmpty();
                positional.add(expression());
            }
            if (!valid) {
                throw TemplateException.syntax("invalid syntax for function call expression", line);
            }
        }
        tokens.expect(")");
        return new CallExpr.Arguments(positional, keywords, list, dict);
    }

    private String dottedName() {
        StringBuilder name = new StringBuilder(tokens.name().text());
        while (tokens.skip(".")) {
            name.append('.').append(tokens.name().text());
        }
        return name.toString();
    }

    /**
     * Parses filters.
     *
     * @param subject what they are applied to; null in front of a block
     * @param begun whether the first filter has no bar in front of it
     * @return the filters, the subject if there is none
     */
    @Nullable Expr blockFilter(@Nullable Expr subject, boolean begun) {
        return !begun && !tokens.is("|") ? subject : filter(subject, begun);
    }

    private Expr filter(@Nullable Expr subject, boolean begun) {
        Expr value = subject;
        boolean first = begun;
        CallExpr filter;
        do {
            if (!first) {
                tokens.expect("|");
            }
            first = false;
            int line = line();
            String name = dottedName();
            CallExpr.Arguments arguments = tokens.is("(") ? arguments() : CallExpr.Arguments.NONE;
            filter = made(CallExpr.builtin(CallExpr.Kind.FILTER, value, name, arguments, line));
            value = filter;
        } while (tokens.is("|"));
        return filter;
    }

    private Expr test(Expr subject) {
        int line = tokens.next().line();
        boolean negated = tokens.skipName("not");
        String name = dottedName();
        CallExpr.Arguments arguments = CallExpr.Arguments.NONE;
        if (tokens.is("(")) {
            arguments = arguments();
        } else if (beginsOperand()) {
            if (tokens.isName("is")) {
                throw tokens.error("You cannot chain multiple tests with is");
            }
            Expr argument = nested(() -> postfix(primary(false)));
            arguments = new CallExpr.Arguments(List.of(argument), Map.of(), null, null);
        }
        Expr test = made(CallExpr.builtin(CallExpr.Kind.TEST, subject, name, arguments, line));
        return negated ? made(new Expr.Unary('!', test, line)) : test;
    }

    private boolean beginsOperand() {
        return switch (tokens.current().kind()) {
            case STRING, INTEGER, FLOAT -> true;
            case NAME -> !tokens.isName("else") && !tokens.isName("or") && !tokens.isName("and");
            default -> tokens.is("[") || tokens.is("{");
        };
    }
}
