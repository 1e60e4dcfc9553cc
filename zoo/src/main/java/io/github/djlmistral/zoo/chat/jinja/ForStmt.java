/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.Iterator;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** {@code for}. */
final class ForStmt extends Stmt {

    private final Expr target;
    private final Expr iterable;
    private final @Nullable Expr test;
    private final boolean recursive;
    private final List<Stmt> body;
    private final List<Stmt> otherwise;

    private @Nullable Compiled compiled;
    private @Nullable Filter filter;

    /**
     * The loop with its names resolved.
     *
     * @param layout of the function that a recursive loop is, otherwise null
     */
    private record Compiled(
            Target target,
            Variable loop,
            Scope.Locals locals,
            Scope.Locals elseLocals,
            Scope.@Nullable Layout layout) {}

    /** The condition of {@code for .. if}, a function of its own. */
    private record Filter(Target target, Scope.Layout layout, Scope.Locals locals) {}

    ForStmt(
            Expr target,
            Expr iterable,
            @Nullable Expr test,
            boolean recursive,
            List<Stmt> body,
            List<Stmt> otherwise,
            int line) {
        super(line);
        this.target = target;
        this.iterable = iterable;
        this.test = test;
        this.recursive = recursive;
        this.body = body;
        this.otherwise = otherwise;
        if (Names.stores(this, "loop")) {
            throw TemplateException.syntax(
                    "Can't assign to special loop variable in for-loop target", line);
        }
    }

    @Override
    void declare(Scope scope) {
        Names.declare(iterable, scope);
    }

    @Override
    void bind(Scope scope) {
        Names.bind(iterable, scope);
        if (test != null) {
            Scope testScope = scope.function();
            Names.declareParameters(target, testScope);
            Names.declare(test, testScope);
            Names.bind(test, testScope);
            filter =
                    new Filter(
                            Target.bind(target, testScope), testScope.layout, testScope.locals());
        }
        Scope inside = recursive ? scope.function() : scope.inner();
        Variable loop = inside.parameter("loop");
        Names.declareParameters(target, inside);
        body.forEach(s -> s.declare(inside));
        Scope elseScope = recursive ? inside.sibling() : scope.inner();
        otherwise.forEach(s -> s.declare(elseScope));
        Target to = Target.bind(target, inside);
        body.forEach(s -> s.bind(inside));
        otherwise.forEach(s -> s.bind(elseScope));
        compiled =
                new Compiled(
                        to,
                        loop,
                        inside.locals(),
                        elseScope.locals(),
                        recursive ? inside.layout : null);
    }

    @Override
    Signal exec(Frame frame, StrBuilder out) {
        frame.render.line = line;
        Object items = iterable.nested(frame);
        frame.render.line = line;
        if (recursive) {
            out.append(render(frame, items, 0));
        } else {
            loop(frame, frame, items, null, 0, out);
        }
        return Signal.NEXT;
    }

    /** Runs a recursive loop in a frame of its own. */
    private Str render(Frame outer, Object items, int depth) {
        Render render = outer.render;
        Scope.Layout layout = compiled == null ? null : compiled.layout();
        if (layout == null) {
            throw new IllegalStateException("not bound");
        }
        Frame frame = new Frame(render, outer.context, outer, layout.size());
        StrBuilder out = new StrBuilder(render.budget);
        loop(
                outer,
                frame,
                items,
                (again, level) -> {
                    render.budget.enter();
                    Str text = render(outer, again, level);
                    render.budget.leave();
                    return text;
                },
                depth,
                out);
        return out.toStr();
    }

    private void loop(
            Frame outer,
            Frame frame,
            Object items,
            Loop.@Nullable Recursion recursion,
            int depth,
            StrBuilder out) {
        Compiled c = compiled;
        if (c == null) {
            throw new IllegalStateException("not bound");
        }
        Render render = frame.render;
        Object source = test == null ? items : filtered(outer, items, test);
        Loop loop = new Loop(render, source, recursion, depth);
        boolean completed = false;
        while (loop.hasNext()) {
            render.budget.step();
            c.target().assign(frame, loop.next());
            c.loop().set(frame, loop);
            c.locals().enter(frame);
            Signal signal = render.run(body, frame, out);
            if (signal == Signal.BREAK) {
                break;
            }
            // As in Jinja2: 'else' runs unless an iteration has reached its end.
            completed |= signal == Signal.NEXT;
        }
        c.locals().leave(frame);
        if (!completed && !otherwise.isEmpty()) {
            c.elseLocals().enter(frame);
            render.run(otherwise, frame, out);
            c.elseLocals().leave(frame);
        }
    }

    private Iter filtered(Frame outer, Object items, Expr condition) {
        Filter f = filter;
        if (f == null) {
            throw new IllegalStateException("not bound");
        }
        return new Iter() {
            private @Nullable Frame frame;
            private @Nullable Iterator<Object> source;

            @Override
            @Nullable Object advance() {
                Frame own = frame;
                Iterator<Object> all = source;
                if (own == null || all == null) {
                    own = new Frame(outer.render, outer.context, outer, f.layout().size());
                    f.locals().enter(own);
                    all = Types.iterate(outer.render, items);
                    frame = own;
                    source = all;
                }
                while (all.hasNext()) {
                    outer.render.budget.step();
                    Object item = all.next();
                    f.target().assign(own, item);
                    if (Types.truth(condition.nested(own))) {
                        return item;
                    }
                }
                return null;
            }
        };
    }

    @Override
    void children(Consumer<Node> visitor) {
        visitor.accept(target);
        visitor.accept(iterable);
        visit(body, visitor);
        visit(otherwise, visitor);
        if (test != null) {
            visitor.accept(test);
        }
    }
}
