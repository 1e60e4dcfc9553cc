/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A statement. {@link ForStmt}, {@link SetStmt}, {@link FilterStmt}, {@link MacroStmt} and {@link
 * BlockStmt} are in files of their own.
 */
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
}
