/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A call of a value, a filter or a test. */
final class CallExpr extends Expr {

    /** What is called. */
    enum Kind {
        VALUE,
        FILTER,
        TEST
    }

    /**
     * Arguments as they are written.
     *
     * @param positional the positional ones
     * @param keywords the keyword ones
     * @param list of {@code *list}
     * @param dict of {@code **dict}
     */
    record Arguments(
            List<Expr> positional,
            Map<String, Expr> keywords,
            @Nullable Expr list,
            @Nullable Expr dict) {

        static final Arguments NONE = new Arguments(List.of(), Map.of(), null, null);

        boolean isEmpty() {
            return positional.isEmpty() && keywords.isEmpty() && list == null && dict == null;
        }
    }

    final Kind kind;

    /** The callee of a value's call, the subject of a filter or test; null in filter blocks. */
    final @Nullable Expr subject;

    final String name;
    final Arguments arguments;
    private final @Nullable Callable function;

    private CallExpr(
            Kind kind,
            @Nullable Expr subject,
            String name,
            Arguments arguments,
            @Nullable Callable function,
            int line) {
        super(line);
        this.kind = kind;
        this.subject = subject;
        this.name = name;
        this.arguments = arguments;
        this.function = function;
    }

    static CallExpr call(Expr callee, Arguments arguments, int line) {
        return new CallExpr(Kind.VALUE, callee, "", arguments, null, line);
    }

    /** Creates the call of a filter or test, which may turn out to be unknown. */
    static CallExpr builtin(
            Kind kind, @Nullable Expr subject, String name, Arguments arguments, int line) {
        Callable function = kind == Kind.FILTER ? Filters.find(name) : Tests.find(name);
        return new CallExpr(kind, subject, name, arguments, function, line);
    }

    /** Whether this is a filter or test that does not exist. */
    boolean isUnknown() {
        return kind != Kind.VALUE && function == null;
    }

    String unknown() {
        return "No " + (kind == Kind.FILTER ? "filter" : "test") + " named " + Repr.quote(name);
    }

    @Override
    Object eval(Frame frame) {
        if (subject == null) {
            throw new IllegalStateException("a filter without subject is applied to a block");
        }
        return apply(frame, subject.nested(frame), null);
    }

    /**
     * Calls with an evaluated subject.
     *
     * @param caller the body of a call block, null if there is none
     */
    Object apply(Frame frame, Object value, @Nullable Callable caller) {
        Render render = frame.render;
        if (kind == Kind.VALUE) {
            render.line = line;
            Args args = evalArguments(frame);
            render.line = line;
            return render.call(value, caller == null ? args : args.with("caller", caller));
        }
        Args args = evalArguments(frame).prepend(value);
        render.line = line;
        if (function == null) {
            throw PyError.other(unknown());
        }
        return function.call(render, args);
    }

    private Args evalArguments(Frame frame) {
        if (arguments.isEmpty()) {
            return Args.NONE;
        }
        Render render = frame.render;
        List<Object> positional = evalAll(arguments.positional(), frame);
        Map<String, Object> keywords = new LinkedHashMap<>();
        arguments.keywords().forEach((key, value) -> keywords.put(key, value.nested(frame)));
        if (arguments.list() != null) {
            positional = new ArrayList<>(positional);
            positional.addAll(Types.list(render, arguments.list().nested(frame)));
        }
        if (arguments.dict() != null) {
            Object dict = arguments.dict().nested(frame);
            if (!(dict instanceof Dict map)) {
                throw PyError.type("argument after ** must be a mapping, not " + Types.name(dict));
            }
            render.budget.items(map.size());
            for (Dict.Entry entry : map.entries()) {
                if (!(entry.key() instanceof Str key)) {
                    throw PyError.type("keywords must be strings");
                }
                if (keywords.put(key.text(), entry.value()) != null) {
                    throw PyError.type("got multiple values for keyword argument '" + key + "'");
                }
            }
        }
        return new Args(positional, keywords);
    }

    @Override
    void children(Consumer<Node> visitor) {
        if (subject != null) {
            visitor.accept(subject);
        }
        visit(arguments.positional(), visitor);
        visit(List.copyOf(arguments.keywords().values()), visitor);
        if (arguments.list() != null) {
            visitor.accept(arguments.list());
        }
        if (arguments.dict() != null) {
            visitor.accept(arguments.dict());
        }
    }
}
