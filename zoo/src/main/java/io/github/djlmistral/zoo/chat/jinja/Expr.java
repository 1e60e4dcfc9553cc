/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * An expression. Operators are in {@link OperatorExpr}; calls, filters and tests in {@link
 * CallExpr}.
 */
abstract class Expr extends Node {

    /** Levels of the tree below and with this node, set by the parser. */
    int height = 1;

    Expr(int line) {
        super(line);
    }

    /** Evaluates the expression. */
    abstract Object eval(Frame frame);

    /** Evaluates the expression one level deeper, which is checked against the limit. */
    final Object nested(Frame frame) {
        Budget budget = frame.render.budget;
        budget.enter();
        Object value = eval(frame);
        budget.leave();
        return value;
    }

    static List<Object> evalAll(List<Expr> items, Frame frame) {
        frame.render.budget.items(items.size());
        List<Object> values = new ArrayList<>(items.size());
        for (Expr item : items) {
            values.add(item.nested(frame));
        }
        return values;
    }

    /** A constant. */
    static final class Literal extends Expr {

        final Object value;

        Literal(Object value, int line) {
            super(line);
            this.value = value;
        }

        @Override
        Object eval(Frame frame) {
            return value;
        }

        @Override
        void children(Consumer<Node> visitor) {}
    }

    /** A variable that is read, assigned or declared as a parameter. */
    static final class Name extends Expr {

        /** Uses of a name. */
        enum Use {
            LOAD,
            STORE,
            PARAMETER
        }

        final String name;
        Use use = Use.LOAD;
        @Nullable Variable variable;

        Name(String name, int line) {
            super(line);
            this.name = name;
        }

        @Override
        Object eval(Frame frame) {
            Object value = variable == null ? Undefined.MISSING : variable.get(frame);
            return Undefined.isMissing(value) ? Undefined.name(name) : value;
        }

        @Override
        void children(Consumer<Node> visitor) {}
    }

    /** {@code name.attribute} as the target of an assignment. */
    static final class NamespaceAttribute extends Expr {

        final Name namespace;
        final String attribute;

        NamespaceAttribute(String name, String attribute, int line) {
            super(line);
            this.namespace = new Name(name, line);
            this.attribute = attribute;
        }

        @Override
        Object eval(Frame frame) {
            throw new IllegalStateException("a target is not evaluated");
        }

        @Override
        void children(Consumer<Node> visitor) {}
    }

    /** A tuple, list, or list of targets. */
    static final class Sequence extends Expr {

        final List<Expr> items;
        final boolean tuple;

        Sequence(List<Expr> items, boolean tuple, int line) {
            super(line);
            this.items = items;
            this.tuple = tuple;
        }

        @Override
        Object eval(Frame frame) {
            List<Object> values = evalAll(items, frame);
            return tuple ? new Tuple(values) : values;
        }

        @Override
        void children(Consumer<Node> visitor) {
            visit(items, visitor);
        }
    }

    /** A dict. */
    static final class DictDisplay extends Expr {

        final List<Expr> keys;
        final List<Expr> values;

        DictDisplay(List<Expr> keys, List<Expr> values, int line) {
            super(line);
            this.keys = keys;
            this.values = values;
        }

        @Override
        Object eval(Frame frame) {
            Budget budget = frame.render.budget;
            budget.items(0);
            Dict dict = new Dict();
            for (int i = 0; i < keys.size(); i++) {
                Object key = keys.get(i).nested(frame);
                dict.put(budget, key, values.get(i).nested(frame));
            }
            return dict;
        }

        @Override
        void children(Consumer<Node> visitor) {
            for (int i = 0; i < keys.size(); i++) {
                visitor.accept(keys.get(i));
                visitor.accept(values.get(i));
            }
        }
    }

    /** {@code object.name} or {@code object[key]}. */
    static final class Access extends Expr {

        final Expr object;
        final Expr key;
        final boolean dot;

        Access(Expr object, Expr key, boolean dot, int line) {
            super(line);
            this.object = object;
            this.key = key;
            this.dot = dot;
        }

        @Override
        Object eval(Frame frame) {
            Object owner = object.nested(frame);
            Object name = key.nested(frame);
            frame.render.line = line;
            return dot
                    ? Attributes.attribute(frame.render, owner, (Str) name)
                    : Attributes.item(frame.render, owner, name);
        }

        @Override
        void children(Consumer<Node> visitor) {
            visitor.accept(object);
            visitor.accept(key);
        }
    }

    /** {@code object[start:stop:step]}. */
    static final class Slice extends Expr {

        final Expr object;
        final @Nullable Expr start;
        final @Nullable Expr stop;
        final @Nullable Expr step;

        Slice(
                Expr object,
                @Nullable Expr start,
                @Nullable Expr stop,
                @Nullable Expr step,
                int line) {
            super(line);
            this.object = object;
            this.start = start;
            this.stop = stop;
            this.step = step;
        }

        @Override
        Object eval(Frame frame) {
            Object owner = object.nested(frame);
            Object from = start == null ? None.NONE : start.nested(frame);
            Object to = stop == null ? None.NONE : stop.nested(frame);
            Object by = step == null ? None.NONE : step.nested(frame);
            frame.render.line = line;
            return Slices.slice(frame.render, owner, from, to, by);
        }

        @Override
        void children(Consumer<Node> visitor) {
            visitor.accept(object);
            for (Expr bound : new @Nullable Expr[] {start, stop, step}) {
                if (bound != null) {
                    visitor.accept(bound);
                }
            }
        }
    }
}
