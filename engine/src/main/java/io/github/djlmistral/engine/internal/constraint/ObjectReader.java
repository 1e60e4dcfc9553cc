/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import io.github.djlmistral.engine.internal.StrictJson;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/** Reads the keywords about the properties of objects. */
final class ObjectReader {

    private final SchemaDocument document;
    private final Function<Location, Values> values;

    /**
     * Reads the schemas of a document.
     *
     * @param values the values of another schema
     */
    ObjectReader(SchemaDocument document, Function<Location, Values> values) {
        this.document = document;
        this.values = values;
    }

    /**
     * The objects that the keywords of a schema about objects allow.
     *
     * @param evaluating whether it matters which properties they evaluate
     */
    ObjectShape of(Location schema, boolean evaluating) {
        ObjectShape shape = of(schema);
        return evaluating ? shape.evaluating(evaluated(schema.object())) : shape;
    }

    /** The names of the properties whose values keywords evaluate. */
    private static Text evaluated(JsonObject schema) {
        if (schema.has("additionalProperties")) {
            return Text.ANY;
        }
        Text names = Text.NONE;
        if (schema.has("properties")) {
            names =
                    Text.literals(
                            StrictJson.object(schema.get("properties"), "properties").keySet());
        }
        if (schema.has("patternProperties")) {
            for (String pattern :
                    StrictJson.object(schema.get("patternProperties"), "patternProperties")
                            .keySet()) {
                names = names.or(Text.of(RegexParser.anywhere(pattern)));
            }
        }
        return names;
    }

    private ObjectShape of(Location schema) {
        JsonObject object = schema.object();
        Conjunction additional =
                object.has("additionalProperties")
                        ? Conjunction.of(document.at(schema, "additionalProperties"))
                        : Conjunction.ANY;
        List<ObjectShape.Names> patterns = patterns(schema, additional);
        ObjectShape unnamed =
                new ObjectShape(
                        Map.of(),
                        Set.of(),
                        patterns,
                        SchemaNumbers.limit(schema, "minProperties", 0),
                        SchemaNumbers.limit(schema, "maxProperties", Integer.MAX_VALUE));
        Map<String, Conjunction> properties = new LinkedHashMap<>();
        if (object.has("properties")) {
            for (String name : StrictJson.object(object.get("properties"), "properties").keySet()) {
                Conjunction own = Conjunction.of(document.at(schema, "properties", name));
                // patterns apply to properties known by name too, additionalProperties does not
                Conjunction pattern = matching(schema, name);
                properties.put(name, own.and(pattern));
            }
        }
        Set<String> required = new LinkedHashSet<>();
        if (object.has("required")) {
            for (JsonElement name : StrictJson.array(object.get("required"), "required")) {
                String text = StrictJson.string(name, "required");
                required.add(text);
                properties.computeIfAbsent(text, unnamed::value);
            }
        }
        return names(
                schema,
                new ObjectShape(properties, required, patterns, unnamed.least(), unnamed.most()));
    }

    /** Applies {@code propertyNames}. */
    private ObjectShape names(Location schema, ObjectShape shape) {
        if (!schema.object().has("propertyNames")) {
            return shape;
        }
        Location place = document.at(schema, "propertyNames");
        Text allowed = values.apply(place).strings();
        Conjunction none =
                new Conjunction(
                        Set.of(
                                new Location(
                                        place.pointer() + "/false",
                                        new JsonPrimitive(false),
                                        place.base(),
                                        false)));
        Map<String, Conjunction> properties = new LinkedHashMap<>();
        shape.properties()
                .forEach(
                        (name, value) ->
                                properties.put(name, allowed.contains(name) ? value : none));
        List<ObjectShape.Names> others = new ArrayList<>();
        for (ObjectShape.Names other : shape.others()) {
            add(others, other.names().and(allowed), other.value());
            add(others, other.names().minus(allowed), none);
        }
        return new ObjectShape(properties, shape.required(), others, shape.least(), shape.most());
    }

    private static void add(List<ObjectShape.Names> list, Text names, Conjunction value) {
        if (!names.isEmpty()) {
            list.add(new ObjectShape.Names(names, value));
        }
    }

    /** The schemas of patternProperties whose pattern a name contains. */
    private Conjunction matching(Location schema, String name) {
        Conjunction all = Conjunction.ANY;
        if (schema.object().has("patternProperties")) {
            for (String pattern :
                    StrictJson.object(schema.object().get("patternProperties"), "patternProperties")
                            .keySet()) {
                if (Text.of(RegexParser.anywhere(pattern)).contains(name)) {
                    all =
                            all.and(
                                    Conjunction.of(
                                            document.at(schema, "patternProperties", pattern)));
                }
            }
        }
        return all;
    }

    /** Splits all names by the patterns of patternProperties that they contain. */
    private List<ObjectShape.Names> patterns(Location schema, Conjunction additional) {
        List<ObjectShape.Names> sets = new ArrayList<>();
        sets.add(new ObjectShape.Names(Text.ANY, additional));
        if (!schema.object().has("patternProperties")) {
            return sets;
        }
        Set<String> patterns =
                StrictJson.object(schema.object().get("patternProperties"), "patternProperties")
                        .keySet();
        List<Boolean> matched = new ArrayList<>(List.of(false));
        for (String pattern : patterns) {
            Text text = Text.of(RegexParser.anywhere(pattern));
            Conjunction value = Conjunction.of(document.at(schema, "patternProperties", pattern));
            List<ObjectShape.Names> split = new ArrayList<>();
            List<Boolean> splitMatched = new ArrayList<>();
            for (int i = 0; i < sets.size(); i++) {
                ObjectShape.Names set = sets.get(i);
                int size = split.size();
                add(split, set.names().and(text), matched.get(i) ? set.value().and(value) : value);
                if (split.size() > size) {
                    splitMatched.add(true);
                }
                size = split.size();
                add(split, set.names().minus(text), set.value());
                if (split.size() > size) {
                    splitMatched.add(matched.get(i));
                }
            }
            sets = split;
            matched = splitMatched;
        }
        return sets;
    }
}
