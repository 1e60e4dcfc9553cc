/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** {@code set}, of an expression or of a block. */
final class SetStmt extends Stmt {

    final Expr target;
    private final @Nullable Expr value;
    private final List<Stmt> body;
    private final @Nullable CallExpr filter;
    private @Nullable Target to;
    private Scope.@Nullable Locals locals;

    /** Creates an assignment; filter and body are of a block, the value is null then. */
    SetStmt(
            Expr target,
            @Nullable Expr value,
            List<Stmt> body,
            @Nullable CallExpr filter,
            int line) {
        super(line);
        this.target = target;
        this.value = value;
        this.body = body;
        this.filter = filter;
    }

    @Override
    void declare(Scope scope) {
        if (value != null) {
            Names.declare(value, scope);
        }
        Names.declare(target, scope);
    }

    @Override
    void bind(Scope scope) {
        to = Target.bind(target, scope);
        if (value != null) {
            Names.bind(value, scope);
            return;
        }
        Scope inner = scope.inner();
        body.forEach(s -> s.declare(inner));
        if (filter != null) {
            Names.declare(filter, inner);
            Names.bind(filter, inner);
        }
        body.forEach(s -> s.bind(inner));
        locals = inner.locals();
    }

    @Override
    Signal exec(Frame frame, StrBuilder out) {
        Render render = frame.render;
        render.line = line;
        if (to == null) {
            throw new IllegalStateException("not bound");
        }
        to.check(frame);
        if (value != null) {
            Object assigned = value.nested(frame);
            render.line = line;
            to.assign(frame, assigned);
            return Signal.NEXT;
        }
        if (locals != null) {
            locals.enter(frame);
        }
        StrBuilder text = new StrBuilder(render.budget);
        Signal signal = render.run(body, frame, text);
        if (signal != Signal.NEXT) {
            return signal;
        }
        render.line = line;
        Object assigned = FilterStmt.apply(filter, frame, text.toStr());
        to.assign(frame, assigned);
        if (locals != null) {
            locals.leave(frame);
        }
        return Signal.NEXT;
    }

    @Override
    void children(Consumer<Node> visitor) {
        visitor.accept(target);
        if (value != null) {
            visitor.accept(value);
        }
        if (filter != null) {
            visitor.accept(filter);
        }
        visit(body, visitor);
    }
}
