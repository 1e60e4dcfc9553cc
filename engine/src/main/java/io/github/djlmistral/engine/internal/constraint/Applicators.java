/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import io.github.djlmistral.engine.internal.StrictJson;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/** Reads the keywords that apply other schemas to the same value. */
final class Applicators {

    /** Limit on the branches of anyOf of which every selection is looked at. */
    private static final int SELECTED = 9;

    private final SchemaDocument document;
    private final Set<String> overlapping;
    private final Deque<Check> checks = new ArrayDeque<>();

    private record Check(Values both, String pointer) {}

    /**
     * Reads the schemas of a document.
     *
     * @param overlapping places of oneOf, of whose branches the others are excluded one by one
     */
    Applicators(SchemaDocument document, Set<String> overlapping) {
        this.document = document;
        this.overlapping = overlapping;
    }

    private List<Location> list(Location schema, String keyword) {
        List<Location> parts = new ArrayList<>();
        for (int i = 0; i < ((JsonArray) schema.object().get(keyword)).size(); i++) {
            parts.add(document.at(schema, keyword, "" + i));
        }
        return parts;
    }

    Values allOf(Location schema, Function<Location, Values> values) {
        Values all = Values.ALL;
        for (Location part : list(schema, "allOf")) {
            all = all.and(values.apply(part));
        }
        return all;
    }

    /**
     * The union of the branches; where it matters what they have evaluated, that of all selections
     * of branches, since a value may satisfy several.
     */
    Values anyOf(Location schema, Function<Location, Values> values, boolean evaluating) {
        List<Location> parts = list(schema, "anyOf");
        Values any = Values.NONE;
        if (evaluating && parts.size() > SELECTED) {
            throw new IllegalArgumentException(
                    "it has more than " + SELECTED + " branches beside an unevaluated keyword");
        }
        Values selections = Values.ALL;
        for (Location part : parts) {
            Values next = values.apply(part);
            any = any.or(evaluating ? selections.and(next) : next);
            selections = evaluating ? any.or(Values.ALL) : selections;
        }
        return any;
    }

    /** The union, which is oneOf if no value is in two; that is seen once all are read. */
    @SuppressWarnings("ReferenceEquality") // a part may stand twice in the list
    Values oneOf(Location schema, Function<Location, Values> values, String pointer) {
        List<Location> parts = list(schema, "oneOf");
        Values any = Values.NONE;
        if (overlapping.contains(pointer)) {
            for (Location part : parts) {
                Values only = values.apply(part);
                for (Location other : parts) {
                    only = other == part ? only : only.and(values.apply(other.opposite()));
                }
                any = any.or(only);
            }
            return any;
        }
        List<Values> before = new ArrayList<>();
        for (Location part : parts) {
            Values next = values.apply(part);
            for (Values other : before) {
                checks.add(new Check(other.and(next), pointer));
            }
            before.add(next);
            any = any.or(next);
        }
        return any;
    }

    /**
     * Adds the places of every oneOf whose branches are not proven to be disjoint.
     *
     * @return whether there are new ones, so that the schema is to be read again
     */
    boolean findOverlapping(Emptiness emptiness) {
        boolean found = false;
        while (!checks.isEmpty()) {
            Check check = checks.remove();
            if (!emptiness.isEmpty(check.both())) {
                found |= overlapping.add(check.pointer());
            }
        }
        return found;
    }

    Values condition(Location schema, Function<Location, Values> values, boolean evaluating) {
        boolean then = schema.object().has("then");
        boolean otherwise = schema.object().has("else");
        if (!then && !otherwise && !evaluating) {
            return Values.ALL;
        }
        Values condition = values.apply(document.at(schema, "if"));
        if (!then && !otherwise) {
            return condition.or(Values.ALL);
        }
        Values yes = then ? values.apply(document.at(schema, "then")) : Values.ALL;
        Values no = otherwise ? values.apply(document.at(schema, "else")) : Values.ALL;
        return condition.and(yes).or(Complement.of(condition).and(no));
    }

    /** The keyword {@code dependentRequired}, {@code dependentSchemas} or {@code dependencies}. */
    Values dependent(Location schema, String keyword, Function<Location, Values> values) {
        Values all = Values.ALL;
        for (Map.Entry<String, JsonElement> entry :
                StrictJson.object(schema.object().get(keyword), keyword).entrySet()) {
            String name = entry.getKey();
            ObjectShape present = ObjectShape.property(name, Conjunction.ANY, true);
            Values without = Values.onlyObjects(ObjectShape.absent(name)).or(noObjects());
            Values with;
            if (keyword.equals("dependentRequired") || entry.getValue() instanceof JsonArray) {
                for (JsonElement other : StrictJson.array(entry.getValue(), keyword)) {
                    String required = StrictJson.string(other, keyword);
                    present = present.and(ObjectShape.property(required, Conjunction.ANY, true));
                }
                with = Values.onlyObjects(present);
            } else {
                with =
                        Values.onlyObjects(present)
                                .and(values.apply(document.at(schema, keyword, name)));
            }
            all = all.and(without.or(with));
        }
        return all;
    }

    private static Values noObjects() {
        return Complement.of(Values.onlyObjects(ObjectShape.ANY));
    }
}
