/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

/** A schema that is wrong or not supported; the message begins with the place. */
final class SchemaException extends IllegalArgumentException {

    private static final long serialVersionUID = 1L;

    SchemaException(String pointer, String message, Throwable cause) {
        super("JSON Schema, " + pointer + ": " + message, cause);
    }

    SchemaException(String pointer, String message) {
        super("JSON Schema, " + pointer + ": " + message);
    }
}
