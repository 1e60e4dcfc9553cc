/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import io.github.djlmistral.zoo.chat.jinja.Expr.Name;
import io.github.djlmistral.zoo.chat.jinja.Expr.Name.Use;
import java.util.List;

/** Finds the names in expressions and resolves them. */
final class Names {

    private Names() {}

    /** Enters the names of an expression in a scope, in the order of their evaluation. */
    static void declare(Expr expression, Scope scope) {
        if (expression instanceof Name name) {
            switch (name.use) {
                case LOAD -> scope.load(name.name);
                case STORE -> scope.store(name.name);
                case PARAMETER -> scope.parameter(name.name);
            }
        } else if (expression instanceof Expr.NamespaceAttribute attribute) {
            scope.load(attribute.namespace.name);
        } else {
            expression.children(child -> declare((Expr) child, scope));
        }
    }

    /** Enters the names of a loop's target as parameters. */
    static void declareParameters(Expr target, Scope scope) {
        if (target instanceof Name name) {
            scope.parameter(name.name);
        } else {
            target.children(child -> declareParameters((Expr) child, scope));
        }
    }

    /**
     * Resolves the names that an expression reads.
     *
     * @throws TemplateException if it uses an unsupported or unknown name; in a branch, an unknown
     *     filter or test is an error only when it is evaluated, as in Jinja2
     */
    static void bind(Expr expression, Scope scope) {
        bind(expression, scope, scope.isConditional());
    }

    private static void bind(Expr expression, Scope scope, boolean conditional) {
        if (expression instanceof Name name) {
            name.variable = scope.variable(name.name);
            return;
        }
        if (expression instanceof CallExpr call) {
            check(call, scope, conditional);
        }
        boolean below = conditional || expression instanceof OperatorExpr.Conditional;
        expression.children(child -> bind((Expr) child, scope, below));
    }

    private static void check(CallExpr call, Scope scope, boolean conditional) {
        if (call.kind == CallExpr.Kind.VALUE && call.subject != null) {
            Unsupported.checkCall(call.subject, scope);
        } else if (call.kind == CallExpr.Kind.FILTER) {
            Unsupported.checkFilter(call.name, call.line);
        }
        if (!conditional && call.isUnknown()) {
            throw TemplateException.syntax(call.unknown(), call.line);
        }
    }

    /** Sets how the names of a target are used. */
    static void use(Expr target, Use use) {
        if (target instanceof Name name) {
            name.use = use;
        } else {
            target.children(child -> use((Expr) child, use));
        }
    }

    /** Whether statements read a name before they assign it, as far as the order of text tells. */
    static boolean undeclared(List<Stmt> body, String name) {
        return new Search(name).in(body);
    }

    /** A search for the first use of a name. */
    private static final class Search {

        private final String name;
        private boolean read;
        private boolean done;

        Search(String name) {
            this.name = name;
        }

        boolean in(List<? extends Node> nodes) {
            nodes.forEach(this::visit);
            return read;
        }

        private void visit(Node node) {
            if (done) {
                return;
            }
            if (node instanceof Name found) {
                if (found.name.equals(name)) {
                    read = found.use == Use.LOAD;
                    done = true;
                }
            } else {
                node.children(this::visit);
            }
        }
    }

    /** Returns the first assignment to a name within a node, null if there is none. */
    static boolean stores(Node node, String name) {
        boolean[] found = new boolean[1];
        node.children(
                child ->
                        found[0] |=
                                child instanceof Name n
                                        ? n.use == Use.STORE && n.name.equals(name)
                                        : stores(child, name));
        return found[0];
    }
}
