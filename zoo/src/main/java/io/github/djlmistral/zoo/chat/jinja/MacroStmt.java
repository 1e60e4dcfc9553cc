/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * {@code macro}, and the bodies of {@code call} and {@code generation}, which are anonymous macros.
 */
final class MacroStmt extends Stmt {

    /** The name of a macro; null of a block's body. */
    final @Nullable String name;

    private final List<Expr.Name> parameters;
    private final List<Expr> defaults;
    private final List<Stmt> body;

    /** The call of a {@code call} block, otherwise null. */
    private final @Nullable CallExpr call;

    private final boolean explicitCaller;
    private final boolean usesCaller;
    private final boolean usesKeywords;
    private final boolean usesPositional;

    private @Nullable Compiled compiled;

    /** The function with its names resolved. */
    private record Compiled(
            @Nullable Target target,
            List<Variable> parameters,
            @Nullable Variable caller,
            @Nullable Variable keywords,
            @Nullable Variable positional,
            Scope.Layout layout,
            Scope.Locals locals) {}

    MacroStmt(
            @Nullable String name,
            List<Expr.Name> parameters,
            List<Expr> defaults,
            List<Stmt> body,
            @Nullable CallExpr call,
            int line) {
        super(line);
        this.name = name;
        this.parameters = parameters;
        this.defaults = defaults;
        this.body = body;
        this.call = call;
        int callerAt = indexOf("caller");
        explicitCaller = callerAt >= 0;
        usesCaller = Names.undeclared(body, "caller");
        usesKeywords = Names.undeclared(body, "kwargs") && indexOf("kwargs") < 0;
        usesPositional = Names.undeclared(body, "varargs") && indexOf("varargs") < 0;
        if (usesCaller && explicitCaller && callerAt < parameters.size() - defaults.size()) {
            throw TemplateException.syntax(
                    "When defining macros or call blocks the special \"caller\" argument must be"
                            + " omitted or be given a default.",
                    line);
        }
    }

    private int indexOf(String parameter) {
        for (int i = 0; i < parameters.size(); i++) {
            if (parameters.get(i).name.equals(parameter)) {
                return i;
            }
        }
        return -1;
    }

    @Override
    void declare(Scope scope) {
        if (name != null) {
            scope.store(name);
        }
        if (call != null) {
            Names.declare(call, scope);
        }
    }

    @Override
    void bind(Scope scope) {
        if (call != null) {
            Names.bind(call, scope);
        }
        Scope inside = scope.function();
        List<Variable> variables = new ArrayList<>();
        for (Expr.Name parameter : parameters) {
            variables.add(inside.parameter(parameter.name));
        }
        Variable caller = usesCaller && !explicitCaller ? inside.parameter("caller") : null;
        Variable keywords = usesKeywords ? inside.parameter("kwargs") : null;
        Variable positional = usesPositional ? inside.parameter("varargs") : null;
        defaults.forEach(value -> Names.declare(value, inside));
        body.forEach(s -> s.declare(inside));
        defaults.forEach(value -> Names.bind(value, inside));
        body.forEach(s -> s.bind(inside));
        compiled =
                new Compiled(
                        name == null ? null : Target.bind(new Expr.Name(name, line), scope),
                        variables,
                        caller,
                        keywords,
                        positional,
                        inside.layout,
                        inside.locals());
    }

    @Override
    Signal exec(Frame frame, StrBuilder out) {
        Compiled c = compiled;
        if (c == null) {
            throw new IllegalStateException("not bound");
        }
        frame.render.line = line;
        Macro macro = new Macro(name == null ? "None" : name, c, frame);
        if (c.target() != null) {
            c.target().assign(frame, macro);
        } else if (call != null && call.subject != null) {
            Object callee = call.subject.nested(frame);
            out.append(Repr.str(frame.render, call.apply(frame, callee, macro)));
        } else {
            out.append((Str) frame.render.call(macro, Args.NONE));
        }
        return Signal.NEXT;
    }

    @Override
    void children(Consumer<Node> visitor) {
        if (call != null) {
            visitor.accept(call);
        }
        visit(parameters, visitor);
        visit(defaults, visitor);
        visit(body, visitor);
    }

    /** A macro as a value. */
    final class Macro implements Callable {

        private final String title;
        private final Compiled function;
        private final Frame outer;

        private Macro(String title, Compiled function, Frame outer) {
            this.title = title;
            this.function = function;
            this.outer = outer;
        }

        @Nullable Object attribute(String attribute) {
            return switch (attribute) {
                case "name" -> name == null ? None.NONE : Str.of(name);
                case "arguments" -> {
                    List<Object> names = new ArrayList<>();
                    parameters.forEach(p -> names.add(Str.of(p.name)));
                    yield new Tuple(names);
                }
                case "catch_kwargs" -> usesKeywords;
                case "catch_varargs" -> usesPositional;
                case "caller" -> usesCaller;
                default -> null;
            };
        }

        @Override
        public Object call(Render render, Args args) {
            Frame frame = new Frame(render, outer.context, outer, function.layout().size());
            assignArguments(frame, args);
            function.locals().enter(frame);
            for (int i = 0; i < parameters.size(); i++) {
                Variable variable = function.parameters().get(i);
                if (Undefined.isMissing(variable.get(frame))) {
                    int at = i - (parameters.size() - defaults.size());
                    variable.set(
                            frame,
                            at >= 0
                                    ? defaults.get(at).nested(frame)
                                    : new Undefined(
                                            "parameter "
                                                    + Repr.quote(parameters.get(i).name)
                                                    + " was not provided"));
                }
            }
            StrBuilder out = new StrBuilder(render.budget);
            render.run(body, frame, out);
            return out.toStr();
        }

        private void assignArguments(Frame frame, Args args) {
            Map<String, Object> keywords = new LinkedHashMap<>(args.keywords());
            List<Object> positional = args.positional();
            int count = parameters.size();
            int given = Math.min(positional.size(), count);
            for (int i = 0; i < given; i++) {
                function.parameters().get(i).set(frame, positional.get(i));
            }
            boolean callerFound = given == count && explicitCaller;
            for (int i = given; i < count; i++) {
                String parameter = parameters.get(i).name;
                Object value = keywords.remove(parameter);
                callerFound |= parameter.equals("caller");
                if (value != null) {
                    function.parameters().get(i).set(frame, value);
                }
            }
            if (function.caller() != null && !callerFound) {
                Object caller = keywords.remove("caller");
                function.caller()
                        .set(
                                frame,
                                caller == null || caller == None.NONE
                                        ? new Undefined("No caller defined")
                                        : caller);
            }
            if (function.keywords() != null) {
                Dict dict = new Dict();
                keywords.forEach((k, v) -> dict.put(frame.render.budget, Str.of(k), v));
                function.keywords().set(frame, dict);
            } else if (!keywords.isEmpty()) {
                String first = keywords.keySet().iterator().next();
                throw PyError.type(
                        "macro "
                                + Repr.quote(title)
                                + (keywords.containsKey("caller")
                                        ? " was invoked with two values for the special caller"
                                                + " argument. This is most likely a bug."
                                        : " takes no keyword argument " + Repr.quote(first)));
            }
            List<Object> rest = positional.subList(given, positional.size());
            if (function.positional() != null) {
                function.positional().set(frame, new Tuple(rest));
            } else if (!rest.isEmpty()) {
                throw PyError.type(
                        "macro "
                                + Repr.quote(title)
                                + " takes not more than "
                                + count
                                + " argument(s)");
            }
        }
    }
}
