/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.ArrayList;
import java.util.Iterator;
import java.util.List;

/** The target of an assignment: a name, an attribute of a namespace, or a tuple of these. */
interface Target {

    void assign(Frame frame, Object value);

    /** Checks, before the value is evaluated, that namespaces are namespaces. */
    default void check(Frame frame) {}

    static Target bind(Expr target, Scope scope) {
        if (target instanceof Expr.Name name) {
            Variable variable = scope.variable(name.name);
            return scope.isRoot() ? new Exported(name.name, variable) : variable::set;
        }
        if (target instanceof Expr.NamespaceAttribute attribute) {
            return new Attribute(
                    scope.variable(attribute.namespace.name), Str.of(attribute.attribute));
        }
        List<Target> parts = new ArrayList<>();
        for (Expr item : ((Expr.Sequence) target).items) {
            parts.add(bind(item, scope));
        }
        return new Unpacking(parts);
    }

    /**
     * A name assigned at the top level, which blocks see.
     *
     * @param name the name
     * @param variable where it is kept
     */
    record Exported(String name, Variable variable) implements Target {

        @Override
        public void assign(Frame frame, Object value) {
            variable.set(frame, value);
            frame.context.assign(name, value);
        }
    }

    /**
     * An attribute of a namespace.
     *
     * @param namespace the variable
     * @param name the attribute
     */
    record Attribute(Variable namespace, Str name) implements Target {

        private Namespace namespace(Frame frame) {
            if (namespace.get(frame) instanceof Namespace found) {
                return found;
            }
            throw PyError.other("cannot assign attribute on non-namespace object");
        }

        @Override
        public void check(Frame frame) {
            namespace(frame);
        }

        @Override
        public void assign(Frame frame, Object value) {
            namespace(frame).attributes.put(frame.render.budget, name, value);
        }
    }

    /**
     * Several targets, one for each item.
     *
     * @param parts the targets
     */
    record Unpacking(List<Target> parts) implements Target {

        @Override
        public void check(Frame frame) {
            parts.forEach(part -> part.check(frame));
        }

        @Override
        public void assign(Frame frame, Object value) {
            List<Object> items = new ArrayList<>();
            Iterator<Object> iterator = Types.iterate(frame.render, value);
            while (iterator.hasNext()) {
                if (items.size() == parts.size()) {
                    throw PyError.value(
                            "too many values to unpack (expected " + parts.size() + ")");
                }
                items.add(iterator.next());
            }
            if (items.size() < parts.size()) {
                throw PyError.value(
                        "not enough values to unpack (expected "
                                + parts.size()
                                + ", got "
                                + items.size()
                                + ")");
            }
            for (int i = 0; i < parts.size(); i++) {
                parts.get(i).assign(frame, items.get(i));
            }
        }
    }
}
