/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import io.github.djlmistral.zoo.chat.jinja.Expr.Literal;
import io.github.djlmistral.zoo.chat.jinja.Expr.Name;
import io.github.djlmistral.zoo.chat.jinja.Token.Kind;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Parses operands: literals, names, displays, and what follows them, such as calls and filters. */
final class OperandParser {

    private final TokenStream tokens;
    private final ExpressionParser expressions;

    OperandParser(TokenStream tokens, ExpressionParser expressions) {
        this.tokens = tokens;
        this.expressions = expressions;
    }

    private int line() {
        return tokens.current().line();
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

    Expr primary(boolean namespace) {
        Token token = tokens.current();
        int line = token.line();
        return switch (token.kind()) {
            case NAME -> name(tokens.next(), namespace);
            case STRING -> {
                StringBuilder text = new StringBuilder();
                while (tokens.is(Kind.STRING)) {
                    text.append(tokens.next().text());
                }
                yield expressions.made(new Literal(Str.of(text.toString()), line));
            }
            case INTEGER, FLOAT -> expressions.made(new Literal(tokens.next().value(), line));
            default -> bracketed(line);
        };
    }

    private Expr bracketed(int line) {
        if (tokens.skip("(")) {
            Expr inner = expressions.tuple(expressions::expression, true);
            tokens.expect(")");
            return inner;
        }
        if (tokens.skip("[")) {
            return expressions.made(new Expr.Sequence(items("]"), false, line));
        }
        if (tokens.skip("{")) {
            return dict(line);
        }
        throw tokens.error("unexpected " + tokens.current().describe());
    }

    private Expr name(Token token, boolean namespace) {
        int line = token.line();
        return switch (token.text()) {
            case "true", "True" -> expressions.made(new Literal(true, line));
            case "false", "False" -> expressions.made(new Literal(false, line));
            case "none", "None" -> expressions.made(new Literal(None.NONE, line));
            default ->
                    namespace && tokens.skip(".")
                            ? new Expr.NamespaceAttribute(token.text(), tokens.name().text(), line)
                            : expressions.made(new Name(token.text(), line));
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
            items.add(expressions.expression());
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
            keys.add(expressions.expression());
            tokens.expect(":");
            values.add(expressions.expression());
        }
        tokens.expect("}");
        return expressions.made(new Expr.DictDisplay(keys, values, line));
    }

    Expr postfix(Expr operand) {
        Expr value = operand;
        while (true) {
            int line = line();
            if (tokens.skip(".")) {
                value = attribute(value, line);
            } else if (tokens.skip("[")) {
                value = subscript(value, line);
            } else if (tokens.is("(")) {
                value = expressions.made(CallExpr.call(value, arguments(), line));
            } else {
                return value;
            }
        }
    }

    Expr filters(Expr operand) {
        Expr value = operand;
        while (true) {
            int line = line();
            if (tokens.is("|")) {
                value = filter(value, false);
            } else if (tokens.isName("is")) {
                value = test(value);
            } else if (tokens.is("(")) {
                value = expressions.made(CallExpr.call(value, arguments(), line));
            } else {
                return value;
            }
        }
    }

    private Expr attribute(Expr object, int line) {
        Token name = tokens.next();
        return switch (name.kind()) {
            case NAME ->
                    expressions.made(
                            new Expr.Access(
                                    object, new Literal(Str.of(name.text()), line), true, line));
            case INTEGER ->
                    expressions.made(
                            new Expr.Access(object, new Literal(name.value(), line), false, line));
            default -> throw TemplateException.syntax("expected name or number", name.line());
        };
    }

    private Expr subscript(Expr object, int line) {
        Expr first = tokens.is(":") ? null : expressions.expression();
        if (tokens.skip(":")) {
            Expr stop = bound();
            Expr step = tokens.skip(":") ? bound() : null;
            tokens.expect("]");
            return expressions.made(new Expr.Slice(object, first, stop, step, line));
        }
        if (first == null) {
            throw tokens.error("expected subscript expression");
        }
        if (tokens.is(",")) {
            List<Expr> keys = new ArrayList<>(List.of(first));
            while (tokens.skip(",")) {
                keys.add(expressions.expression());
            }
            first = expressions.made(new Expr.Sequence(keys, true, line));
        }
        tokens.expect("]");
        return expressions.made(new Expr.Access(object, first, false, line));
    }

    private @Nullable Expr bound() {
        return tokens.is(":") || tokens.is("]") || tokens.is(",") ? null : expressions.expression();
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
                list = expressions.expression();
            } else if (tokens.skip("**")) {
                valid = dict == null;
                dict = expressions.expression();
            } else if (tokens.is(Kind.NAME) && tokens.look().is("=")) {
                String key = tokens.next().text();
                tokens.next();
                valid = dict == null && keywords.put(key, expressions.expression()) == null;
            } else {
                valid = list == null && dict == null && keywords.isEmpty();
                positional.add(expressions.expression());
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
            filter =
                    expressions.made(
                            CallExpr.builtin(CallExpr.Kind.FILTER, value, name, arguments, line));
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
            Expr argument = expressions.nested(() -> postfix(primary(false)));
            arguments = new CallExpr.Arguments(List.of(argument), Map.of(), null, null);
        }
        Expr test =
                expressions.made(
                        CallExpr.builtin(CallExpr.Kind.TEST, subject, name, arguments, line));
        return negated ? expressions.made(new OperatorExpr.Unary('!', test, line)) : test;
    }

    private boolean beginsOperand() {
        return switch (tokens.current().kind()) {
            case STRING, INTEGER, FLOAT -> true;
            case NAME -> !tokens.isName("else") && !tokens.isName("or") && !tokens.isName("and");
            default -> tokens.is("[") || tokens.is("{");
        };
    }
}
