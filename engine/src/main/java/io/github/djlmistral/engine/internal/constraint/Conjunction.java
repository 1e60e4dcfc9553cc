/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.net.URI;
import java.util.LinkedHashSet;
import java.util.Set;

/**
 * Schemas that a value must satisfy all; none is any value. There are finitely many of them in a
 * document, so that recursive schemas that are intersected end.
 *
 * @param schemas in the order in which properties are written
 */
record Conjunction(Set<Location> schemas) {

    static final Conjunction ANY = new Conjunction(Set.of());

    static final Conjunction NONE =
            new Conjunction(
                    Set.of(
                            new Location(
                                    "false",
                                    new JsonPrimitive(false),
                                    URI.create("schema:/"),
                                    false)));

    static Conjunction of(Location schema) {
        return isAny(schema) ? ANY : new Conjunction(Set.of(schema));
    }

    private static boolean isAny(Location schema) {
        if (schema.literal()) {
            return false;
        }
        return schema.element() instanceof JsonPrimitive primitive
                ? primitive.getAsBoolean() != schema.negated()
                : !schema.negated()
                        && schema.element() instanceof JsonObject object
                        && object.isEmpty();
    }

    /** Whether no value satisfies the schemas since one of them is false. */
    boolean isNone() {
        return schemas.stream()
                .anyMatch(
                        schema ->
                                !schema.literal()
                                        && schema.element() instanceof JsonPrimitive primitive
                                        && primitive.getAsBoolean() == schema.negated());
    }

    /** What does not satisfy all of the schemas. */
    Conjunction opposite() {
        return schemas.isEmpty()
                ? NONE
                : of(Location.anyOf(schemas.stream().map(Location::opposite).toList()));
    }

    Conjunction and(Conjunction other) {
        if (schemas.containsAll(other.schemas)) {
            return this;
        }
        Set<Location> both = new LinkedHashSet<>(schemas);
        both.addAll(other.schemas);
        return new Conjunction(both);
    }

    /** The pointers of the schemas, as the name of a rule. */
    String name() {
        return schemas.isEmpty()
                ? "any"
                : String.join(" & ", schemas.stream().map(Location::toString).toList());
    }
}
