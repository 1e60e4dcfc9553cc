/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import io.github.djlmistral.zoo.chat.jinja.Expr.Name;
import io.github.djlmistral.zoo.chat.jinja.Token.Kind;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Parses the statements of a template. */
final class Parser {

    private static final int MAX_NESTING = 50;
    private static final int MAX_BLOCKS = 100;

    private final TokenStream tokens;
    private final ExpressionParser expressions;
    private final Map<String, BlockStmt> blocks = new LinkedHashMap<>();
    private int nesting;

    /** How many loops of the current function are open. */
    private int loops;

    Parser(List<Token> tokens) {
        this.tokens = new TokenStream(tokens);
        this.expressions = new ExpressionParser(this.tokens);
    }

    List<Stmt> parse() {
        return statements("end of template");
    }

    /** The {@code block}s of the template. */
    Map<String, BlockStmt> blocks() {
        return blocks;
    }

    /** Parses up to one of the end tags, whose name becomes the current token. */
    private List<Stmt> statements(String tag, String... endTags) {
        if (++nesting > MAX_NESTING) {
            throw tokens.error("tags are nested more than " + MAX_NESTING + " deep");
        }
        List<Stmt> body = new ArrayList<>();
        List<Expr> output = new ArrayList<>();
        while (!tokens.is(Kind.END)) {
            Token token = tokens.next();
            if (token.kind() == Kind.DATA) {
                output.add(new Expr.Literal(Str.of(token.text()), token.line()));
            } else if (token.kind() == Kind.PRINT_BEGIN) {
                output.add(expressions.tuple());
                tokens.expect(Kind.PRINT_END, "'}}'");
            } else {
                flush(output, body);
                for (String end : endTags) {
                    if (tokens.isName(end)) {
                        nesting--;
                        return body;
                    }
                }
                body.add(statement(tag, endTags));
                tokens.expect(Kind.BLOCK_END, "'%}'");
            }
        }
        if (endTags.length > 0) {
            throw tokens.error(
                    "Unexpected end of template: '" + tag + "' needs " + quoted(endTags));
        }
        flush(output, body);
        nesting--;
        return body;
    }

    private static String quoted(String... tags) {
        return "'" + String.join("' or '", tags) + "'";
    }

    private static void flush(List<Expr> output, List<Stmt> body) {
        if (!output.isEmpty()) {
            body.add(new Stmt.Output(List.copyOf(output), output.get(0).line));
            output.clear();
        }
    }

    /** Parses the body of a tag: an optional colon, the end of the tag, and statements. */
    private List<Stmt> body(String tag, String... endTags) {
        tokens.skip(":");
        tokens.expect(Kind.BLOCK_END, "'%}'");
        return statements(tag, endTags);
    }

    /** Parses a body up to a tag, which is consumed. */
    private List<Stmt> bodyTo(String tag, String endTag) {
        List<Stmt> body = body(tag, endTag);
        tokens.next();
        return body;
    }

    /** Parses a body that is a function of its own: no loop around it can be left from within. */
    private List<Stmt> functionBody(String tag, String endTag) {
        int outer = loops;
        loops = 0;
        List<Stmt> body = bodyTo(tag, endTag);
        loops = outer;
        return body;
    }

    private Stmt statement(String outerTag, String... outerEnds) {
        Token tag = tokens.expect(Kind.NAME, "tag name");
        int line = tag.line();
        return switch (tag.text()) {
            case "for" -> forLoop(line);
            case "if" -> condition(line);
            case "set" -> assignment(line);
            case "with" -> with(line);
            case "macro" -> macro(line);
            case "call" -> call(line);
            case "filter" -> filter(line);
            case "print" -> print(line);
            case "block" -> block(line);
            case "autoescape" -> autoescape(line);
            case "generation" ->
                    new MacroStmt(
                            null,
                            List.of(),
                            List.of(),
                            functionBody("generation", "endgeneration"),
                            null,
                            line);
            case "break", "continue" -> jump(tag);
            case "include", "import", "from", "extends" ->
                    throw TemplateException.syntax(
                            "'" + tag.text() + "' is not supported: it reads other templates",
                            line);
            default ->
                    throw TemplateException.syntax(
                            "Encountered unknown tag '"
                                    + tag.text()
                                    + "'."
                                    + (outerEnds.length == 0
                                            ? ""
                                            : " The innermost block that needs to be closed is '"
                                                    + outerTag
                                                    + "', by "
                                                    + quoted(outerEnds)
                                                    + "."),
                            line);
        };
    }

    private Stmt jump(Token tag) {
        if (loops == 0) {
            throw TemplateException.syntax("'" + tag.text() + "' outside loop", tag.line());
        }
        return new Stmt.Jump(
                tag.text().equals("break") ? Stmt.Signal.BREAK : Stmt.Signal.CONTINUE, tag.line());
    }

    private Stmt forLoop(int line) {
        Expr target = expressions.target(false);
        tokens.expectName("in");
        Expr iterable = expressions.plainTuple();
        Expr test = tokens.skipName("if") ? expressions.expression() : null;
        boolean recursive = tokens.skipName("recursive");
        int outer = loops;
        loops = recursive ? 1 : loops + 1;
        List<Stmt> body = body("for", "endfor", "else");
        loops = recursive ? 0 : outer;
        List<Stmt> otherwise =
                tokens.next().text().equals("endfor") ? List.of() : bodyTo("for", "endfor");
        loops = outer;
        return new ForStmt(target, iterable, test, recursive, body, otherwise, line);
    }

    private Stmt condition(int line) {
        List<Stmt.If.Branch> branches = new ArrayList<>();
        while (true) {
            Expr test = expressions.plainTuple();
            branches.add(new Stmt.If.Branch(test, body("if", "elif", "else", "endif")));
            String end = tokens.next().text();
            if (!end.equals("elif")) {
                return new Stmt.If(
                        branches, end.equals("else") ? bodyTo("if", "endif") : List.of(), line);
            }
        }
    }

    private Stmt assignment(int line) {
        Expr target = expressions.target(true);
        if (tokens.skip("=")) {
            return new SetStmt(target, expressions.tuple(), List.of(), null, line);
        }
        CallExpr filter = (CallExpr) expressions.operands().blockFilter(null, false);
        return new SetStmt(target, null, bodyTo("set", "endset"), filter, line);
    }

    private Stmt with(int line) {
        List<Expr> targets = new ArrayList<>();
        List<Expr> values = new ArrayList<>();
        while (!tokens.is(Kind.BLOCK_END) && !tokens.is(":")) {
            if (!targets.isEmpty()) {
                tokens.expect(",");
            }
            Expr target = expressions.target(false);
            Names.use(target, Name.Use.PARAMETER);
            targets.add(target);
            tokens.expect("=");
            values.add(expressions.expression());
        }
        return new Stmt.With(targets, values, bodyTo("with", "endwith"), line);
    }

    private Stmt autoescape(int line) {
        Expr enabled = expressions.expression();
        if (!(enabled instanceof Expr.Literal literal) || Types.truth(literal.value)) {
            throw TemplateException.syntax("'autoescape' is not supported", line);
        }
        return new Stmt.With(List.of(), List.of(), bodyTo("autoescape", "endautoescape"), line);
    }

    private Name nameTarget() {
        Token token = tokens.name();
        switch (token.text()) {
            case "true", "True", "false", "False", "none", "None" ->
                    throw TemplateException.syntax(
                            "can't assign to '" + token.text() + "'", token.line());
            default -> {}
        }
        Name name = new Name(token.text(), token.line());
        name.use = Name.Use.PARAMETER;
        return name;
    }

    /** Parses parameters, and appends defaults to a list. */
    private List<Name> signature(List<Expr> defaults) {
        List<Name> parameters = new ArrayList<>();
        Set<String> names = new HashSet<>();
        tokens.expect("(");
        while (!tokens.is(")")) {
            if (!parameters.isEmpty()) {
                tokens.expect(",");
            }
            Name parameter = nameTarget();
            if (!names.add(parameter.name)) {
                throw TemplateException.syntax(
                        "duplicate argument '" + parameter.name + "'", parameter.line);
            }
            parameters.add(parameter);
            if (tokens.skip("=")) {
                defaults.add(expressions.expression());
            } else if (!defaults.isEmpty()) {
                throw tokens.error("non-default argument follows default argument");
            }
        }
        tokens.expect(")");
        return parameters;
    }

    private Stmt macro(int line) {
        String name = nameTarget().name;
        List<Expr> defaults = new ArrayList<>();
        List<Name> parameters = signature(defaults);
        return new MacroStmt(
                name, parameters, defaults, functionBody("macro", "endmacro"), null, line);
    }

    private Stmt call(int line) {
        List<Expr> defaults = new ArrayList<>();
        List<Name> parameters = tokens.is("(") ? signature(defaults) : List.of();
        Expr call = expressions.expression();
        if (!(call instanceof CallExpr callee) || callee.kind != CallExpr.Kind.VALUE) {
            throw TemplateException.syntax("expected call", line);
        }
        return new MacroStmt(
                null, parameters, defaults, functionBody("call", "endcall"), callee, line);
    }

    private Stmt filter(int line) {
        CallExpr filter = (CallExpr) requireFilter(expressions.operands().blockFilter(null, true));
        return new FilterStmt(filter, bodyTo("filter", "endfilter"), line);
    }

    private Expr requireFilter(@Nullable Expr filter) {
        if (filter == null) {
            throw tokens.error("expected a filter");
        }
        return filter;
    }

    private Stmt print(int line) {
        List<Expr> parts = new ArrayList<>();
        while (!tokens.is(Kind.BLOCK_END)) {
            if (!parts.isEmpty()) {
                tokens.expect(",");
            }
            parts.add(expressions.expression());
        }
        return new Stmt.Output(parts, line);
    }

    private Stmt block(int line) {
        String name = tokens.name().text();
        boolean scoped = tokens.skipName("scoped");
        boolean required = tokens.skipName("required");
        List<Stmt> body = functionBody("block", "endblock");
        tokens.skipName(name);
        if (required
                && !body.stream()
                        .allMatch(
                                s ->
                                        s instanceof Stmt.Output output
                                                && output.parts.stream()
                                                        .allMatch(Parser::isSpace))) {
            throw TemplateException.syntax(
                    "Required blocks can only contain comments or whitespace", line);
        }
        BlockStmt block = new BlockStmt(name, scoped, required, body, line);
        if (blocks.size() >= MAX_BLOCKS) {
            throw TemplateException.syntax("more than " + MAX_BLOCKS + " blocks", line);
        }
        if (blocks.put(name, block) != null) {
            throw TemplateException.syntax("block '" + name + "' defined twice", line);
        }
        return block;
    }

    private static boolean isSpace(Expr part) {
        return part instanceof Expr.Literal literal
                && literal.value instanceof Str s
                && Chars.isSpace(s.text(), 0, s.text().length());
    }
}
