/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

import java.util.Set;

/**
 * Names that Jinja2 and Python have and this interpreter lacks. They are errors when a template is
 * parsed, also in a branch that may never be taken.
 */
final class Unsupported {

    private static final Set<String> FILTERS = Set.of("pprint", "striptags", "urlize", "wordwrap");

    private static final Set<String> FUNCTIONS = Set.of("lipsum");

    private static final Set<String> METHODS =
            Set.of(
                    "encode",
                    "maketrans",
                    "translate",
                    "as_integer_ratio",
                    "bit_count",
                    "from_bytes",
                    "to_bytes",
                    "fromhex",
                    "hex");

    private Unsupported() {}

    /** Rejects a filter that is not supported. */
    static void checkFilter(String name, int line) {
        check("filter", FILTERS, name, line);
    }

    /** Rejects the call of an attribute or a variable that can only be an unsupported function. */
    static void checkCall(Expr callee, Scope scope) {
        if (callee instanceof Expr.Name name && !scope.isAssigned(name.name)) {
            check("function", FUNCTIONS, name.name, name.line);
        } else if (callee instanceof Expr.Access access && access.dot) {
            check("method", METHODS, ((Expr.Literal) access.key).value.toString(), access.line);
        }
    }

    private static void check(String kind, Set<String> unsupported, String name, int line) {
        if (unsupported.contains(name)) {
            throw TemplateException.syntax(
                    "the " + kind + " '" + name + "' is not supported", line);
        }
    }
}
