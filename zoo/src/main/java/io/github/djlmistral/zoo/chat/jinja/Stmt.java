/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A statement. Loops are in {@link ForStmt}, macros in {@link MacroStmt}. */
abstract class Stmt extends Node {

    /** How a statement ends. */
    enum Signal {
        NEXT,
        BREAK,
        CONTINUE
    }

    Stmt(int line) {
        super(line);
    }

    /** Enters the names that the statement uses in the scope around it. */
    abstract void declare(Scope scope);

    /** Resolves the names of the statement, once all of the scope is known. */
    abstract void bind(Scope scope);

    abstract Signal exec(Frame frame, StrBuilder out);

    /** Template text and printed expressions. */
    static final class Output extends Stmt {

        final List<Expr> parts;

        Output(List<Expr> parts, int line) {
            super(line);
            this.parts = parts;
        }

        @Override
        void declare(Scope scope) {
            parts.forEach(part -> Names.declare(part, scope));
        }

        @Override
        void bind(Scope scope) {
            parts.forEach(part -> Names.bind(part, scope));
        }

        @Override
        Signal exec(Frame frame, StrBuilder out) {
            for (Expr part : parts) {
                frame.render.line = part.line;
                out.append(Repr.str(frame.render, part.nested(frame)));
            }
            return Signal.NEXT;
        }

        @Override
        void children(Consumer<Node> visitor) {
            visit(parts, visitor);
        }
    }

    /** {@code if}, with {@code elif} as an {@code if} in the alternative. */
    static final class If extends Stmt {

        /** A condition and what it guards. */
        record Branch(Expr test, List<Stmt> body) {}

        final List<Branch> branches;
        final List<Stmt> otherwise;

        If(List<Branch> branches, List<Stmt> otherwise, int line) {
            super(line);
            this.branches = branches;
            this.otherwise = otherwise;
        }

        @Override
        void declare(Scope scope) {
            Names.declare(branches.get(0).test(), scope);
            Scope first = scope.branch();
            branches.get(0).body().forEach(s -> s.declare(first));
            Scope others = scope.branch();
            for (Branch branch : branches.subList(1, branches.size())) {
                Names.declare(branch.test(), others);
                Scope body = others.branch();
                branch.body().forEach(s -> s.declare(body));
                others.merge(List.of(body));
            }
            Scope last = scope.branch();
            otherwise.forEach(s -> s.declare(last));
            scope.merge(List.of(first, others, last));
        }

        @Override
        void bind(Scope scope) {
            scope.conditionally(
                    () -> {
                        for (Branch branch : branches) {
                            Names.bind(branch.test(), scope);
                            branch.body().forEach(s -> s.bind(scope));
                        }
                        otherwise.forEach(s -> s.bind(scope));
                    });
        }

        @Override
        Signal exec(Frame frame, StrBuilder out) {
            for (Branch branch : branches) {
                frame.render.line = branch.test().line;
                if (Types.truth(branch.test().nested(frame))) {
                    return frame.render.run(branch.body(), frame, out);
                }
            }
            return frame.render.run(otherwise, frame, out);
        }

        @Override
        void children(Consumer<Node> visitor) {
            for (Branch branch : branches) {
                visitor.accept(branch.test());
                visit(branch.body(), visitor);
            }
            visit(otherwise, visitor);
        }
    }

    /** {@code break} or {@code continue}. */
    static final class Jump extends Stmt {

        private final Signal signal;

        Jump(Signal signal, int line) {
            super(line);
            this.signal = signal;
        }

        @Override
        void declare(Scope scope) {}

        @Override
        void bind(Scope scope) {}

        @Override
        Signal exec(Frame frame, StrBuilder out) {
            frame.render.budget.step();
            return signal;
        }

        @Override
        void children(Consumer<Node> visitor) {}
    }

    /** {@code set}, of an expression or of a block. */
    static final class Set extends Stmt {

        final Expr target;
        private final @Nullable Expr value;
        private final List<Stmt> body;
        private final @Nullable CallExpr filter;
        private @Nullable Target to;
        private Scope.@Nullable Locals locals;

        /** Creates an assignment; filter and body are of a block, the value is null then. */
        Set(
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
            Object assigned = FilterBlock.apply(filter, frame, text.toStr());
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

    /** {@code filter}. */
    static final class FilterBlock extends Stmt {

        private final CallExpr filter;
        private final List<Stmt> body;
        private Scope.@Nullable Locals locals;

        FilterBlock(CallExpr filter, List<Stmt> body, int line) {
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

    /** {@code with}, or another scope without variables of its own. */
    static final class With extends Stmt {

        private final List<Expr> targets;
        private final List<Expr> values;
        private final List<Stmt> body;
        private final List<Target> to = new ArrayList<>();
        private Scope.@Nullable Locals locals;

        With(List<Expr> targets, List<Expr> values, List<Stmt> body, int line) {
            super(line);
            this.targets = targets;
            this.values = values;
            this.body = body;
        }

        @Override
        void declare(Scope scope) {
            values.forEach(value -> Names.declare(value, scope));
        }

        @Override
        void bind(Scope scope) {
            values.forEach(value -> Names.bind(value, scope));
            Scope inner = scope.inner();
            targets.forEach(target -> Names.declare(target, inner));
            body.forEach(s -> s.declare(inner));
            targets.forEach(target -> to.add(Target.bind(target, inner)));
            body.forEach(s -> s.bind(inner));
            locals = inner.locals();
        }

        @Override
        Signal exec(Frame frame, StrBuilder out) {
            if (locals == null) {
                throw new IllegalStateException("not bound");
            }
            frame.render.line = line;
            locals.enter(frame);
            for (int i = 0; i < to.size(); i++) {
                to.get(i).assign(frame, values.get(i).nested(frame));
            }
            Signal signal = frame.render.run(body, frame, out);
            if (signal == Signal.NEXT) {
                locals.leave(frame);
            }
            return signal;
        }

        @Override
        void children(Consumer<Node> visitor) {
            visit(targets, visitor);
            visit(values, visitor);
            visit(body, visitor);
        }
    }

    /** {@code block}: a function that sees the context only. */
    static final class Block extends Stmt {

        final String name;
        private final boolean scoped;
        private final boolean required;
        final List<Stmt> body;
        private Map<String, Variable> visible = Map.of();
        private final Scope scope = Scope.root();
        private final Scope.Locals locals;
        private final @Nullable Variable self;

        Block(String name, boolean scoped, boolean required, List<Stmt> body, int line) {
            super(line);
            this.name = name;
            this.scoped = scoped;
            this.required = required;
            this.body = body;
            self = Names.undeclared(body, "self") ? scope.parameter("self") : null;
            body.forEach(s -> s.declare(scope));
            body.forEach(s -> s.bind(scope));
            locals = scope.locals();
        }

        @Override
        void declare(Scope outer) {}

        @Override
        void bind(Scope outer) {
            if (scoped) {
                visible = outer.assigned();
            }
        }

        @Override
        Signal exec(Frame frame, StrBuilder out) {
            frame.render.line = line;
            if (required) {
                throw PyError.other("Required block " + Repr.quote(name) + " not found");
            }
            Context context = frame.context;
            if (scoped) {
                Map<String, Object> values = new HashMap<>();
                visible.forEach(
                        (key, variable) -> {
                            Object value = variable.get(frame);
                            if (!Undefined.isMissing(value)) {
                                values.put(key, value);
                            }
                        });
                context = context.derive(values);
            }
            call(frame.render, context, out);
            return Signal.NEXT;
        }

        void call(Render render, Context context, StrBuilder out) {
            Frame frame = new Frame(render, context, null, scope.layout.size());
            if (self != null) {
                self.set(frame, new SelfReference(context));
            }
            locals.enter(frame);
            render.run(body, frame, out);
        }

        @Override
        void children(Consumer<Node> visitor) {}
    }

    /**
     * The variable {@code self}, whose items are the blocks.
     *
     * @param context of the template
     */
    record SelfReference(Context context) {

        Callable block(Block block) {
            return (render, args) -> {
                StrBuilder out = new StrBuilder(render.budget);
                block.call(render, context, out);
                return out.toStr();
            };
        }
    }
}
