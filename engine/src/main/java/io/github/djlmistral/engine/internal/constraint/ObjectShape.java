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
 * @param some properties of which there is at least one, if by another name than is known
 * @param evaluated names of properties that {@code unevaluatedProperties} leaves alone
 */
record ObjectShape(
        Map<String, Conjunction> properties,
        Set<String> required,
        List<Names> others,
        int least,
        int most,
        List<Names> some,
        Text evaluated) {

    /**
     * Properties with some names.
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
        this(properties, required, others, least, most, List.of(), Text.NONE);
    }

    static final ObjectShape ANY =
            new ObjectShape(
                    Map.of(),
                    Set.of(),
                    List.of(new Names(Text.ANY, Conjunction.ANY)),
                    0,
                    Integer.MAX_VALUE);

    /** Objects with some number of properties. */
    static ObjectShape count(int least, int most) {
        return new ObjectShape(Map.of(), Set.of(), ANY.others, least, most);
    }

    /** Objects without a property. */
    static ObjectShape absent(String name) {
        return property(name, Conjunction.NONE, false);
    }

    /** Objects whose property, if they have it, has one of some values. */
    static ObjectShape property(String name, Conjunction value, boolean required) {
        return new ObjectShape(
                Map.of(name, value),
                required ? Set.of(name) : Set.of(),
                ANY.others,
                0,
                Integer.MAX_VALUE);
    }

    /** Objects whose properties with some names have one of some values. */
    static ObjectShape all(Text names, Conjunction value) {
        List<Names> sets = new ArrayList<>();
        for (Names set :
                List.of(
                        new Names(names, value),
                        new Names(Text.ANY.minus(names), Conjunction.ANY))) {
            if (!set.names().isEmpty()) {
                sets.add(set);
            }
        }
        return new ObjectShape(Map.of(), Set.of(), sets, 0, Integer.MAX_VALUE);
    }

    /**
     * Objects with a property that is not known by name here, and has one of some names and one of
     * some values.
     */
    ObjectShape withSome(Text names, Conjunction value) {
        Map<String, Conjunction> known = new LinkedHashMap<>();
        properties.keySet().forEach(name -> known.put(name, Conjunction.ANY));
        Text other = names.minus(Text.literals(properties.keySet()));
        return new ObjectShape(
                known,
                Set.of(),
                ANY.others,
                1,
                Integer.MAX_VALUE,
                List.of(new Names(other, value)),
                Text.NONE);
    }

    /** Whether a property is required and has no value: then there is no such object. */
    boolean isAbsurd() {
        return least > most || required.stream().anyMatch(name -> value(name).isNone());
    }

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
                Text common = left.names().and(right.names());
                if (!common.isEmpty()) {
                    rest.add(new Names(common, left.value().and(right.value())));
                }
            }
        }
        List<Names> both = new ArrayList<>(some);
        other.some.stream().filter(set -> !both.contains(set)).forEach(both::add);
        return new ObjectShape(
                values,
                names,
                rest,
                Math.max(least, other.least),
                Math.min(most, other.most),
                both,
                evaluated.or(other.evaluated));
    }

    /** These objects, of which a keyword has evaluated some properties. */
    ObjectShape evaluating(Text names) {
        return new ObjectShape(properties, required, others, least, most, some, names);
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
        return new ObjectShape(values, required, rest, least, most, some, Text.ANY);
    }
}
