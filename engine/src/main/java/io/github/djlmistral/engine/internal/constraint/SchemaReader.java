/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.internal.StrictJson;
import java.math.BigDecimal;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * Reads schemas as sets of values. Values within arrays and objects stay references to schemas, so
 * that recursion ends.
 */
final class SchemaReader {

    /** Keywords that assert nothing about a value. */
    private static final Set<String> ANNOTATIONS =
            Set.of(
                    "$id",
                    "$schema",
                    "$anchor",
                    "$dynamicAnchor",
                    "$comment",
                    "$defs",
                    "definitions",
                    "title",
                    "description",
                    "default",
                    "examples",
                    "deprecated",
                    "readOnly",
                    "writeOnly",
                    "contentEncoding",
                    "contentMediaType",
                    "contentSchema",
                    // after all others
                    "unevaluatedItems",
                    "unevaluatedProperties",
                    // they belong to "if" and "contains", and mean nothing without
                    "then",
                    "else",
                    "minContains",
                    "maxContains");

    private static final Set<String> ARRAY =
            Set.of("prefixItems", "items", "additionalItems", "minItems", "maxItems");

    private static final Set<String> OBJECT =
            Set.of(
                    "properties",
                    "required",
                    "patternProperties",
                    "additionalProperties",
                    "propertyNames",
                    "minProperties",
                    "maxProperties");

    private final SchemaDocument document;
    private final Applicators applicators;
    private final Map<Place, Values> known = new HashMap<>();
    private final Set<Place> open = new LinkedHashSet<>();
    private final ArrayReader arrays;
    private final ObjectReader objects;

    /** A schema, and whether it matters which items and properties it evaluates. */
    private record Place(Location schema, boolean evaluating) {}

    /**
     * Reads the schemas of a document.
     *
     * @param overlapping places of oneOf, of whose branches the others are excluded one by one
     */
    SchemaReader(SchemaDocument document, Set<String> overlapping) {
        this.document = document;
        applicators = new Applicators(document, overlapping);
        arrays = new ArrayReader(document);
        objects = new ObjectReader(document, schema -> values(schema, false));
    }

    /** The values that satisfy all of some schemas. */
    Values values(Conjunction conjunction) {
        Values values = Values.ALL;
        for (Location schema : conjunction.schemas()) {
            values = values.and(values(schema, false));
        }
        return values;
    }

    private Values values(Location schema, boolean evaluating) {
        Place place = new Place(schema, evaluating);
        Values ready = known.get(place);
        if (ready != null) {
            return ready;
        }
        if (!open.add(place)) {
            throw SchemaDocument.error(
                    schema.pointer(), "the schema refers to itself for the same value");
        }
        Values values;
        if (schema.negated()) {
            values = Complement.of(values(schema.opposite(), false));
        } else if (!schema.options().isEmpty()) {
            values = Values.NONE;
            for (Location option : schema.options()) {
                values = values.or(values(option, false));
            }
        } else {
            values = schema.literal() ? literal(schema) : read(schema, evaluating);
        }
        open.remove(place);
        known.put(place, values);
        return values;
    }

    private static Values literal(Location place) {
        JsonElement value = place.element();
        if (value instanceof JsonNull) {
            return Values.NULL;
        }
        if (value instanceof JsonArray array) {
            List<Conjunction> items = new ArrayList<>();
            for (int i = 0; i < array.size(); i++) {
                items.add(Conjunction.of(place.value("" + i, array.get(i))));
            }
            int size = items.size();
            return Values.onlyArrays(new ArrayShape(items, Conjunction.ANY, size, size));
        }
        if (value instanceof JsonObject object) {
            Map<String, Conjunction> properties = new LinkedHashMap<>();
            for (Map.Entry<String, JsonElement> entry : object.entrySet()) {
                Location below = place.value(entry.getKey(), entry.getValue());
                properties.put(entry.getKey(), Conjunction.of(below));
            }
            int size = properties.size();
            return Values.onlyObjects(
                    new ObjectShape(
                            properties, properties.keySet(), ObjectShape.ANY.others(), size, size));
        }
        JsonPrimitive primitive = (JsonPrimitive) value;
        if (primitive.isBoolean()) {
            return Values.bool(primitive.getAsBoolean());
        }
        return primitive.isString()
                ? Values.onlyStrings(Text.literals(Set.of(primitive.getAsString())))
                : Values.onlyNumbers(
                        NumberRange.literal(SchemaNumbers.number(value, place.pointer())));
    }

    private Values read(Location schema, boolean evaluatingOutside) {
        if (schema.element() instanceof JsonPrimitive primitive) {
            return primitive.getAsBoolean() ? Values.ALL : Values.NONE;
        }
        Map<String, JsonElement> keywords = document.keywords(schema);
        boolean items = keywords.containsKey("unevaluatedItems");
        boolean properties = keywords.containsKey("unevaluatedProperties");
        boolean evaluating = evaluatingOutside || items || properties;
        Values values = Values.ALL;
        boolean array = false;
        boolean object = false;
        for (Map.Entry<String, JsonElement> member : keywords.entrySet()) {
            String keyword = member.getKey();
            String pointer = Location.below(schema.pointer(), keyword);
            try {
                if (!document.knows(keyword)) {
                    throw SchemaDocument.error(
                            pointer,
                            "the draft of the schema has no keyword "
                                    + Quote.of(keyword)
                                    + ", and ignores it; remove it");
                }
                if (ARRAY.contains(keyword)) {
                    values = array ? values : values.and(Values.arraysOf(arrays.of(schema)));
                    array = true;
                } else if (OBJECT.contains(keyword)) {
                    values =
                            object
                                    ? values
                                    : values.and(Values.objectsOf(objects.of(schema, evaluating)));
                    object = true;
                } else if (!ANNOTATIONS.contains(keyword) && !keyword.startsWith("x-")) {
                    values =
                            values.and(
                                    keyword(
                                            schema,
                                            keyword,
                                            member.getValue(),
                                            pointer,
                                            evaluating));
                }
            } catch (SchemaException e) {
                throw e;
            } catch (IllegalArgumentException e) {
                throw new SchemaException(pointer, String.valueOf(e.getMessage()), e);
            }
        }
        try {
            if (items) {
                values =
                        values.withUnevaluatedItems(
                                Conjunction.of(document.at(schema, "unevaluatedItems")));
            }
            if (properties) {
                values =
                        values.withUnevaluatedProperties(
                                Conjunction.of(document.at(schema, "unevaluatedProperties")));
            }
        } catch (IllegalArgumentException e) {
            throw new SchemaException(schema.pointer(), String.valueOf(e.getMessage()), e);
        }
        return values;
    }

    private Values keyword(
            Location schema,
            String keyword,
            JsonElement value,
            String pointer,
            boolean evaluating) {
        Function<Location, Values> inPlace = part -> values(part, evaluating);
        return switch (keyword) {
            case "type" -> types(schema, value, pointer);
            case "const" -> values(schema.value(keyword, value), false);
            case "enum" -> {
                Values any = Values.NONE;
                List<JsonElement> options = StrictJson.array(value, keyword);
                for (int i = 0; i < options.size(); i++) {
                    any =
                            any.or(
                                    values(
                                            schema.value(keyword, value)
                                                    .value("" + i, options.get(i)),
                                            false));
                }
                yield any;
            }
            case "minimum", "exclusiveMinimum" ->
                    Values.numbersOf(
                            NumberRange.least(
                                    SchemaNumbers.number(value, pointer),
                                    keyword.equals("exclusiveMinimum")));
            case "maximum", "exclusiveMaximum" ->
                    Values.numbersOf(
                            NumberRange.most(
                                    SchemaNumbers.number(value, pointer),
                                    keyword.equals("exclusiveMaximum")));
            case "multipleOf" -> {
                BigDecimal multiple = SchemaNumbers.number(value, pointer);
                if (multiple.signum() <= 0) {
                    throw SchemaDocument.error(pointer, "it must be above 0");
                }
                yield Values.numbersOf(NumberRange.multipleOf(multiple));
            }
            case "minLength" ->
                    Values.stringsOf(
                            Text.length(SchemaNumbers.count(value, pointer), Integer.MAX_VALUE));
            case "maxLength" ->
                    Values.stringsOf(Text.length(0, SchemaNumbers.count(value, pointer)));
            case "pattern" ->
                    Values.stringsOf(
                            Text.of(RegexParser.anywhere(StrictJson.string(value, keyword))));
            case "format" -> Values.stringsOf(Formats.of(StrictJson.string(value, keyword)));
            case "$ref" ->
                    values(document.resolve(schema, StrictJson.string(value, keyword)), evaluating);
            case "$dynamicRef" ->
                    values(
                            document.resolveDynamic(schema, StrictJson.string(value, keyword)),
                            evaluating);
            case "contains" -> arrays.contains(schema);
            case "allOf" -> applicators.allOf(schema, inPlace);
            case "anyOf" -> applicators.anyOf(schema, inPlace, evaluating);
            case "oneOf" -> applicators.oneOf(schema, inPlace, pointer);
            case "not" -> Complement.of(values(document.at(schema, keyword), false));
            case "if" -> applicators.condition(schema, inPlace, evaluating);
            case "dependentRequired", "dependentSchemas", "dependencies" ->
                    applicators.dependent(schema, keyword, inPlace);
            case "nullable" -> {
                if (StrictJson.bool(value, keyword) && !schema.object().has("type")) {
                    throw SchemaDocument.error(pointer, "nullable needs \"type\" beside it");
                }
                yield Values.ALL;
            }
            case "uniqueItems" ->
                    StrictJson.bool(value, keyword)
                            ? Values.arraysOf(ArrayShape.unique(pointer))
                            : Values.ALL;
            default ->
                    throw SchemaDocument.error(
                            pointer,
                            "the keyword " + Quote.of(keyword) + " cannot be enforced; remove it");
        };
    }

    private static Values types(Location schema, JsonElement value, String pointer) {
        Values any = Values.NONE;
        List<JsonElement> names =
                value instanceof JsonArray array ? array.asList() : List.of(value);
        for (JsonElement name : names) {
            any = any.or(type(StrictJson.string(name, "type"), pointer));
        }
        JsonElement nullable = schema.object().get("nullable");
        return nullable != null && StrictJson.bool(nullable, "nullable")
                ? any.or(Values.NULL)
                : any;
    }

    private static Values type(String name, String pointer) {
        return switch (name) {
            case "null" -> Values.NULL;
            case "boolean" -> Values.bool(false).or(Values.bool(true));
            case "integer" -> Values.onlyNumbers(NumberRange.multipleOf(BigDecimal.ONE));
            case "number" -> Values.onlyNumbers(NumberRange.ANY);
            case "string" -> Values.onlyStrings(Text.ANY);
            case "array" -> Values.onlyArrays(ArrayShape.ANY);
            case "object" -> Values.onlyObjects(ObjectShape.ANY);
            default -> throw SchemaDocument.error(pointer, "no type is named " + Quote.of(name));
        };
    }

    /** See {@link Applicators#findOverlapping}. */
    boolean findOverlapping() {
        return applicators.findOverlapping(new Emptiness(this));
    }
}
