/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

/**
 * The value of an unknown name or attribute. It is false, empty, and printed as the empty string;
 * most other uses raise an error.
 */
final class Undefined {

    /** Marks a variable without a value; never seen by the language. */
    enum Missing {
        MISSING
    }

    static final Object MISSING = Missing.MISSING;

    static boolean isMissing(Object value) {
        return value instanceof Missing;
    }

    private final String hint;

    Undefined(String hint) {
        this.hint = hint;
    }

    static Undefined name(String name) {
        return new Undefined(Repr.quote(name) + " is undefined");
    }

    static Undefined attribute(Object object, Object name) {
        String owner = object == None.NONE ? "None" : Types.name(object) + " object";
        return new Undefined(
                name instanceof Str s
                        ? "'" + owner + "' has no attribute " + Repr.quote(s.text())
                        : owner + " has no element " + name);
    }

    PyError error() {
        return new PyError(PyError.Kind.UNDEFINED, hint);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Undefined;
    }

    @Override
    public int hashCode() {
        return 0;
    }
}
