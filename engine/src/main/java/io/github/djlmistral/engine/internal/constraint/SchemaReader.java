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
import java.math.BigInteger;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

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
                    "contentSchema");

    private static final Set<String> ARRAY =
            Set.of("prefixItems", "items", "minItems", "maxItems", "unevaluatedItems");

    private static final Set<String> OBJECT =
            Set.of(
                    "properties",
                    "required",
                    "patternProperties",
                    "additionalProperties",
                    "unevaluatedProperties",
                    "propertyNames",
                    "minProperties",
                    "maxProperties");

    /** Keywords that evaluate items and properties in the same place. */
    private static final Set<String> APPLICATORS =
            Set.of(
                    "allOf",
                    "anyOf",
                    "oneOf",
                    "$ref",
                    "$dynamicRef",
                    "if",
                    "dependentSchemas",
                    "contains");

    /** Limit on the exponent of numbers, whose digits are written out. */
    private static final int LONGEST_NUMBER = 400;

    private final SchemaDocument document;
    private final Set<String> overlapping;
    private final Map<Location, Values> known = new HashMap<>();
    private final Set<Location> open = new LinkedHashSet<>();
    private final Deque<Check> checks = new ArrayDeque<>();
    private final ArrayReader arrays;
    private final ObjectReader objects;

    /**
     * Reads the schemas of a document.
     *
     * @param overlapping places of oneOf, of whose branches the others are excluded one by one
     */
    SchemaReader(SchemaDocument document, Set<String> overlapping) {
        this.overlapping = overlapping;
        this.document = document;
        arrays = new ArrayReader(document);
        objects = new ObjectReader(document, this::values);
    }

    /** The values that satisfy all of some schemas. */
    Values values(Conjunction conjunction) {
        Values values = Values.ALL;
        for (Location schema : conjunction.schemas()) {
            values = values.and(values(schema));
        }
        return values;
    }

    private Values values(Location schema) {
        Values ready = known.get(schema);
        if (ready != null) {
            return ready;
        }
        if (!open.add(schema)) {
            throw SchemaDocument.error(
                    schema.pointer(), "the schema refers to itself for the same value");
        }
        Values values =
                schema.negated()
                        ? Complement.of(values(schema.opposite()))
                        : schema.literal() ? literal(schema) : read(schema);
        open.remove(schema);
        known.put(schema, values);
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
                : Values.onlyNumbers(NumberRange.literal(number(value, place.pointer())));
    }

    private Values read(Location schema) {
        if (schema.element() instanceof JsonPrimitive primitive) {
            return primitive.getAsBoolean() ? Values.ALL : Values.NONE;
        }
        Values values = Values.ALL;
        boolean array = false;
        boolean object = false;
        for (Map.Entry<String, JsonElement> member : schema.object().entrySet()) {
            String keyword = member.getKey();
            String pointer = Location.below(schema.pointer(), keyword);
            try {
                if (ARRAY.contains(keyword)) {
                    values = array ? values : values.and(Values.arraysOf(arrays.of(schema)));
                    array = true;
                } else if (OBJECT.contains(keyword)) {
                    values = object ? values : values.and(Values.objectsOf(objects.of(schema)));
                    object = true;
                } else if (!ANNOTATIONS.contains(keyword) && !keyword.startsWith("x-")) {
                    values = values.and(keyword(schema, keyword, member.getValue(), pointer));
                }
            } catch (SchemaException e) {
                throw e;
            } catch (IllegalArgumentException e) {
                throw new SchemaException(pointer, String.valueOf(e.getMessage()), e);
            }
        }
        return values;
    }

    private Values keyword(Location schema, String keyword, JsonElement value, String pointer) {
        return switch (keyword) {
            case "type" -> types(schema, value, pointer);
            case "const" -> values(schema.value(keyword, value));
            case "enum" -> {
                Values any = Values.NONE;
                List<JsonElement> options = StrictJson.array(value, keyword);
                for (int i = 0; i < options.size(); i++) {
                    any =
                            any.or(
                                    values(
                                            schema.value(keyword, value)
                                                    .value("" + i, options.get(i))));
                }
                yield any;
            }
            case "minimum", "exclusiveMinimum" ->
                    Values.numbersOf(
                            NumberRange.least(
                                    number(value, pointer), keyword.equals("exclusiveMinimum")));
            case "maximum", "exclusiveMaximum" ->
                    Values.numbersOf(
                            NumberRange.most(
                                    number(value, pointer), keyword.equals("exclusiveMaximum")));
            case "multipleOf" -> {
                BigDecimal multiple = number(value, pointer);
                if (multiple.signum() <= 0) {
                    throw SchemaDocument.error(pointer, "it must be above 0");
                }
                yield Values.numbersOf(NumberRange.multipleOf(multiple));
            }
            case "minLength" ->
                    Values.stringsOf(Text.length(count(value, pointer), Integer.MAX_VALUE));
            case "maxLength" -> Values.stringsOf(Text.length(0, count(value, pointer)));
            case "pattern" ->
                    Values.stringsOf(
                            Text.of(RegexParser.anywhere(StrictJson.string(value, keyword))));
            case "format" -> Values.stringsOf(Formats.of(StrictJson.string(value, keyword)));
            case "$ref" ->
                    values(
                            Conjunction.of(
                                    document.resolve(schema, StrictJson.string(value, keyword))));
            case "$dynamicRef" ->
                    values(
                            Conjunction.of(
                                    document.resolveDynamic(
                                            schema, StrictJson.string(value, keyword))));
            case "contains" -> arrays.contains(schema, pointer);
            // they belong to "contains", and mean nothing without it
            case "minContains", "maxContains" -> Values.ALL;
            case "allOf" -> {
                Values all = Values.ALL;
                for (Location part : list(schema, keyword, value)) {
                    all = all.and(values(part));
                }
                yield all;
            }
            case "anyOf" -> {
                Values any = Values.NONE;
                for (Location part : list(schema, keyword, value)) {
                    any = any.or(values(part));
                }
                yield any;
            }
            case "not" -> Complement.of(values(document.at(schema, keyword)));
            case "if" -> {
                JsonObject object = schema.object();
                boolean then = object.has("then");
                boolean otherwise = object.has("else");
                Values condition = values(document.at(schema, keyword));
                Values yes = then ? values(document.at(schema, "then")) : Values.ALL;
                Values no = otherwise ? values(document.at(schema, "else")) : Values.ALL;
                yield then || otherwise
                        ? condition.and(yes).or(Complement.of(condition).and(no))
                        : Values.ALL;
            }
            // they belong to "if", and mean nothing without it
            case "then", "else" -> Values.ALL;
            case "dependentRequired" -> dependentRequired(StrictJson.object(value, keyword));
            case "dependentSchemas" -> {
                Values all = Values.ALL;
                for (String name : StrictJson.object(value, keyword).keySet()) {
                    Values present =
                            Values.objectsOf(Complement.property(name, Conjunction.ANY, true))
                                    .and(values(document.at(schema, keyword, name)));
                    Values none = Values.onlyObjects(Complement.absent(name));
                    all = all.and(none.or(present.and(onlyObjects())).or(noObjects()));
                }
                yield all;
            }
            case "oneOf" -> oneOf(list(schema, keyword, value), pointer);
            case "nullable" -> {
                if (StrictJson.bool(value, keyword) && !schema.object().has("type")) {
                    throw SchemaDocument.error(pointer, "nullable needs \"type\" beside it");
                }
                yield Values.ALL;
            }
            case "uniqueItems" -> {
                if (StrictJson.bool(value, keyword)) {
                    throw unsupported(keyword, pointer);
                }
                yield Values.ALL;
            }
            default -> throw unsupported(keyword, pointer);
        };
    }

    private static Values onlyObjects() {
        return Values.onlyObjects(ObjectShape.ANY);
    }

    private static Values noObjects() {
        return Complement.of(onlyObjects());
    }

    private static Values dependentRequired(JsonObject dependencies) {
        Values all = Values.ALL;
        for (Map.Entry<String, JsonElement> entry : dependencies.entrySet()) {
            ObjectShape present = Complement.property(entry.getKey(), Conjunction.ANY, true);
            for (JsonElement name : StrictJson.array(entry.getValue(), "dependentRequired")) {
                String text = StrictJson.string(name, "dependentRequired");
                present = present.and(Complement.property(text, Conjunction.ANY, true));
            }
            all =
                    all.and(
                            Values.onlyObjects(Complement.absent(entry.getKey()))
                                    .or(Values.objectsOf(present)));
        }
        return all;
    }

    static SchemaException unsupported(String keyword, String pointer) {
        return SchemaDocument.error(
                pointer, "the keyword " + Quote.of(keyword) + " cannot be enforced; remove it");
    }

    private List<Location> list(Location schema, String keyword, JsonElement value) {
        List<Location> parts = new ArrayList<>();
        for (int i = 0; i < ((JsonArray) value).size(); i++) {
            parts.add(document.at(schema, keyword, "" + i));
        }
        return parts;
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

    /** The union, which is oneOf if no value is in two; that is seen once all are read. */
    @SuppressWarnings("ReferenceEquality") // a part may stand twice in the list
    private Values oneOf(List<Location> parts, String pointer) {
        Values any = Values.NONE;
        if (overlapping.contains(pointer)) {
            for (Location part : parts) {
                Values only = values(part);
                for (Location other : parts) {
                    only = other == part ? only : only.and(values(other.opposite()));
                }
                any = any.or(only);
            }
            return any;
        }
        List<Values> before = new ArrayList<>();
        for (Location part : parts) {
            Values next = values(part);
            for (int i = 0; i < before.size(); i++) {
                checks.add(new Check(before.get(i).and(next), pointer));
            }
            before.add(next);
            any = any.or(next);
        }
        return any;
    }

    private record Check(Values both, String pointer) {}

    /**
     * Adds the places of every oneOf whose branches are not proven to be disjoint.
     *
     * @return whether there are new ones, so that the schema is to be read again
     */
    boolean findOverlapping() {
        Emptiness emptiness = new Emptiness(this);
        boolean found = false;
        while (!checks.isEmpty()) {
            Check check = checks.remove();
            if (!emptiness.isEmpty(check.both())) {
                found |= overlapping.add(check.pointer());
            }
        }
        return found;
    }

    /**
     * The keyword of the remaining items or properties. {@code unevaluated} means the same as
     * {@code usual} where nothing else beside it evaluates any.
     */
    static String rest(Location schema, String usual, String unevaluated) {
        JsonObject object = schema.object();
        if (!object.has(unevaluated) || object.has(usual)) {
            // where the usual keyword stands, it has evaluated all that remain
            return usual;
        }
        for (String keyword : APPLICATORS) {
            if (object.has(keyword)) {
                throw SchemaDocument.error(
                        Location.below(schema.pointer(), unevaluated),
                        "the keyword is not supported beside \"" + keyword + "\"");
            }
        }
        return unevaluated;
    }

    static int limit(Location schema, String keyword, int otherwise) {
        JsonElement value = schema.object().get(keyword);
        return value == null ? otherwise : count(value, Location.below(schema.pointer(), keyword));
    }

    private static int count(JsonElement value, String pointer) {
        BigDecimal number = number(value, pointer);
        if (number.signum() < 0 || number.stripTrailingZeros().scale() > 0) {
            throw SchemaDocument.error(pointer, "it must be an integer from 0");
        }
        BigInteger count = number.toBigIntegerExact();
        return count.min(BigInteger.valueOf(Integer.MAX_VALUE)).intValue();
    }

    private static BigDecimal number(JsonElement value, String pointer) {
        if (value instanceof JsonPrimitive primitive && primitive.isNumber()) {
            try {
                BigDecimal number = new BigDecimal(primitive.getAsString());
                if (Math.abs((long) number.scale()) > LONGEST_NUMBER) {
                    throw SchemaDocument.error(
                            pointer,
                            "the number has more than " + LONGEST_NUMBER + " digits written out");
                }
                return number;
            } catch (NumberFormatException e) {
                throw new SchemaException(pointer, "the number is out of range", e);
            }
        }
        throw SchemaDocument.error(pointer, "it must be a number");
    }
}
