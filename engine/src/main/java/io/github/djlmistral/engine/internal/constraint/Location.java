/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.net.URI;

/**
 * A schema within a document, or a value that stands for the schema {@code {"const": value}}.
 *
 * <p>Two locations are equal if their pointers are: JSON elements that are equal at two places are
 * two schemas, since {@code $ref} may be relative.
 */
final class Location {

    private final String pointer;
    private final JsonElement element;
    private final URI base;
    private final boolean literal;
    private final boolean negated;

    Location(String pointer, JsonElement element, URI base, boolean literal) {
        this(pointer, element, base, literal, false);
    }

    private Location(
            String pointer, JsonElement element, URI base, boolean literal, boolean negated) {
        this.negated = negated;
        this.pointer = pointer;
        this.element = element;
        this.base = base;
        this.literal = literal;
    }

    /** JSON pointer as a fragment, such as {@code #/properties/name}. */
    String pointer() {
        return pointer;
    }

    /** An object, true or false; any value of a literal. */
    JsonElement element() {
        return element;
    }

    /** The URI against which {@code $ref} is resolved. */
    URI base() {
        return base;
    }

    /** Whether this accepts exactly the value {@link #element}. */
    boolean literal() {
        return literal;
    }

    /** Whether this accepts the values that the schema at this place does not. */
    boolean negated() {
        return negated;
    }

    Location opposite() {
        return new Location(pointer, element, base, literal, !negated);
    }

    JsonObject object() {
        return element.getAsJsonObject();
    }

    /** A value below this one, of a literal or of a keyword such as {@code const}. */
    Location value(String token, JsonElement value) {
        return new Location(below(pointer, token), value, base, true);
    }

    static String below(String pointer, String token) {
        return pointer + "/" + token.replace("~", "~0").replace("/", "~1");
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof Location location
                && location.pointer.equals(pointer)
                && location.literal == literal
                && location.negated == negated;
    }

    @Override
    public int hashCode() {
        return 2 * pointer.hashCode() + (negated ? 1 : 0);
    }

    @Override
    public String toString() {
        return (negated ? "not " : "") + pointer + (literal ? "=" : "");
    }
}
