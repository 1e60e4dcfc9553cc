/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import java.net.URI;
import java.util.List;
import java.util.Map;

/**
 * A schema within a document, a value that stands for the schema {@code {"const": value}}, or
 * several schemas of which one is enough.
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
    private final List<Location> options;
    private final Map<String, Location> scope;

    Location(String pointer, JsonElement element, URI base, boolean literal) {
        this(pointer, element, base, literal, false, List.of(), Map.of());
    }

    private Location(
            String pointer,
            JsonElement element,
            URI base,
            boolean literal,
            boolean negated,
            List<Location> options,
            Map<String, Location> scope) {
        this.negated = negated;
        this.pointer = pointer;
        this.element = element;
        this.base = base;
        this.literal = literal;
        this.options = options;
        this.scope = scope;
    }

    /** What satisfies any of several schemas. */
    static Location anyOf(List<Location> options) {
        Location first = options.get(0);
        return options.size() == 1
                ? first
                : new Location(
                        first.pointer,
                        JsonNull.INSTANCE,
                        first.base,
                        false,
                        false,
                        options,
                        Map.of());
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

    /** The schemas of which one is enough; none where this is a schema. */
    List<Location> options() {
        return options;
    }

    /** By name: the outermost {@code $dynamicAnchor} on the way here, where there are several. */
    Map<String, Location> scope() {
        return scope;
    }

    Location opposite() {
        return new Location(pointer, element, base, literal, !negated, options, scope);
    }

    Location withScope(Map<String, Location> other) {
        return other.equals(scope)
                ? this
                : new Location(pointer, element, base, literal, negated, options, other);
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
                && location.negated == negated
                && location.options.equals(options)
                && location.scope.equals(scope);
    }

    @Override
    public int hashCode() {
        return 2 * pointer.hashCode() + (negated ? 1 : 0);
    }

    @Override
    public String toString() {
        return (negated ? "not " : "")
                + (options.isEmpty() ? pointer : options)
                + (literal ? "=" : "")
                + (scope.isEmpty() ? "" : scope);
    }
}
