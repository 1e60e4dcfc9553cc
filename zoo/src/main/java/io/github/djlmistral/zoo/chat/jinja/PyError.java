/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat.jinja;

/** A Python exception raised while a template is rendered. */
final class PyError extends RuntimeException {

    private static final long serialVersionUID = 1;

    /** The exception's class, as far as constructs of the language distinguish classes. */
    enum Kind {
        TYPE,
        VALUE,
        LOOKUP,
        OVERFLOW,
        UNDEFINED,
        /** A limit of the interpreter; no construct of the language recovers from it. */
        LIMIT,
        /** Raised by the template itself with {@code raise_exception}. */
        RAISED,
        OTHER
    }

    private final Kind kind;
    private final String text;

    PyError(Kind kind, String message) {
        super(message, null, false, false);
        this.kind = kind;
        this.text = message;
    }

    /** Returns the message. */
    String text() {
        return text;
    }

    static PyError type(String message) {
        return new PyError(Kind.TYPE, message);
    }

    static PyError value(String message) {
        return new PyError(Kind.VALUE, message);
    }

    static PyError lookup(String message) {
        return new PyError(Kind.LOOKUP, message);
    }

    static PyError limit(String message) {
        return new PyError(Kind.LIMIT, message);
    }

    static PyError other(String message) {
        return new PyError(Kind.OTHER, message);
    }

    Kind kind() {
        return kind;
    }

    boolean is(Kind... kinds) {
        for (Kind k : kinds) {
            if (k == kind) {
                return true;
            }
        }
        return false;
    }
}
