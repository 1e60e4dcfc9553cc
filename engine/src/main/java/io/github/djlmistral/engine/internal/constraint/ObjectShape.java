/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Objects.
 *
 * @param properties values of properties known by name, in the order in which they are written;
 *     these names are not looked up in {@code others}
 * @param required names of properties that are not left out; each is in {@code properties}
 * @param others values of all other properties: every name is in exactly one of the sets
 * @param least the least number of properties
 * @param most the greatest, {@link Integer#MAX_VALUE} for no limit
 * @param evaluated names of properties that {@code unevaluatedProperties} leaves alone
 */
record ObjectShape(
        Map<String, Conjunction> properties,
        Set<String> required,
        List<Names> others,
        int least,
        int most,
        Text evaluated) {

    /**
     * Properties that are not known by name.
     *
     * @param names their names
     * @param value their values
     */
    record Names(Text names, Conjunction value) {}

    ObjectShape(
            Map<String, Conjunction> properties,
            Set<String> required,
            List<Names> others,
            int least,
            int most) {
        this(properties, required, others, least, most, Text.NONE);
    }

    static final ObjectShape ANY =
            new ObjectShape(
                    Map.of(),
                    Set.of(),
                    List.of(new Names(Text.ANY, Conjunction.ANY)),
                    0,
                    Integer.MAX_VALUE);

    Conjunction value(String name) {
        Conjunction known = properties.get(name);
        if (known != null) {
            return known;
        }
        for (Names other : others) {
            if (other.names() == Text.ANY || other.names().contains(name)) {
                return other.value();
            }
        }
        throw new IllegalStateException(name);
    }

    @SuppressWarnings("ReferenceEquality") // a shortcut for the constant
    ObjectShape and(ObjectShape other) {
        if (this == ANY) {
            return other;
        }
        if (other == ANY) {
            return this;
        }
        Map<String, Conjunction> values = new LinkedHashMap<>();
        properties.forEach((name, value) -> values.put(name, value.and(other.value(name))));
        other.properties.forEach(
                (name, value) -> values.computeIfAbsent(name, key -> value(key).and(value)));
        Set<String> names = new LinkedHashSet<>(required);
        names.addAll(other.required);
        List<Names> rest = new ArrayList<>();
        for (Names left : others) {
            for (Names right : other.others) {
                Text both = left.names().and(right.names());
                if (!both.isEmpty()) {
                    rest.add(new Names(both, left.value().and(right.value())));
                }
            }
        }
        return new ObjectShape(
                values,
                names,
                rest,
                Math.max(least, other.least),
                Math.min(most, other.most),
                evaluated.or(other.evaluated));
    }

    /** These objects, of which a keyword has evaluated some properties. */
    ObjectShape evaluating(Text names) {
        return new ObjectShape(properties, required, others, least, most, names);
    }

    /** The objects whose other properties than the evaluated ones have a value. */
    ObjectShape withUnevaluated(Conjunction value) {
        Map<String, Conjunction> values = new LinkedHashMap<>();
        properties.forEach(
                (name, own) -> values.put(name, evaluated.contains(name) ? own : own.and(value)));
        List<Names> rest = new ArrayList<>();
        for (Names other : others) {
            Text left = other.names().and(evaluated);
            if (!left.isEmpty()) {
                rest.add(new Names(left, other.value()));
            }
            Text restricted = other.names().minus(evaluated);
            if (!restricted.isEmpty()) {
                rest.add(new Names(restricted, other.value().and(value)));
            }
        }
        return new ObjectShape(values, required, rest, least, most, Text.ANY);
    }
}
