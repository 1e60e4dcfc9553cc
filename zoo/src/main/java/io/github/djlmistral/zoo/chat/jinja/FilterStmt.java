/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** {@code filter}. */
final class FilterStmt extends Stmt {

    private final CallExpr filter;
    private final List<Stmt> body;
    private Scope.@Nullable Locals locals;

    FilterStmt(CallExpr filter, List<Stmt> body, int line) {
        super(line);
        this.filter = filter;
        this.body = body;
    }

    /** Applies filters, the innermost of which has no subject, to a block's text. */
    static Object apply(@Nullable CallExpr filter, Frame frame, Str text) {
        if (filter == null) {
            return text;
        }
        Object subject =
                filter.subject == null ? text : apply((CallExpr) filter.subject, frame, text);
        return filter.apply(frame, subject, null);
    }

    @Override
    void declare(Scope scope) {
        Names.declare(filter, scope);
    }

    @Override
    void bind(Scope scope) {
        Scope inner = scope.inner();
        body.forEach(s -> s.declare(inner));
        Names.declare(filter, inner);
        body.forEach(s -> s.bind(inner));
        Names.bind(filter, inner);
        locals = inner.locals();
    }

    @Override
    Signal exec(Frame frame, StrBuilder out) {
        if (locals == null) {
            throw new IllegalStateException("not bound");
        }
        locals.enter(frame);
        StrBuilder text = new StrBuilder(frame.render.budget);
        Signal signal = frame.render.run(body, frame, text);
        if (signal != Signal.NEXT) {
            return signal;
        }
        out.append(Repr.str(frame.render, apply(filter, frame, text.toStr())));
        locals.leave(frame);
        return Signal.NEXT;
    }

    @Override
    void children(Consumer<Node> visitor) {
        visit(body, visitor);
        visitor.accept(filter);
    }
}
