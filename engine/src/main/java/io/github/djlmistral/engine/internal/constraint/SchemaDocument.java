/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.internal.StrictJson;
import java.net.URI;
import java.net.URISyntaxException;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;

/**
 * A schema with its subschemas, which {@code $ref} finds by pointer, {@code $anchor} and {@code
 * $id}. Nothing is loaded from elsewhere.
 */
final class SchemaDocument {

    private static final String DRAFT = "https://json-schema.org/draft/2020-12/schema";

    private static final String DRAFT_07 = "http://json-schema.org/draft-07/schema";

    /** Keywords that came after draft-07. */
    private static final Set<String> LATER =
            Set.of(
                    "$anchor",
                    "$dynamicAnchor",
                    "$dynamicRef",
                    "dependentRequired",
                    "dependentSchemas",
                    "maxContains",
                    "minContains",
                    "prefixItems",
                    "unevaluatedItems",
                    "unevaluatedProperties");

    /** Base of a document without {@code $id}. */
    private static final URI NOWHERE = URI.create("schema:/");

    private static final Set<String> ONE =
            Set.of(
                    "additionalItems",
                    "additionalProperties",
                    "items",
                    "not",
                    "if",
                    "then",
                    "else",
                    "contains",
                    "propertyNames",
                    "unevaluatedItems",
                    "unevaluatedProperties",
                    "contentSchema");

    private static final Set<String> LISTS = Set.of("allOf", "anyOf", "oneOf", "prefixItems");

    private static final Set<String> MAPS =
            Set.of(
                    "$defs",
                    "definitions",
                    "properties",
                    "patternProperties",
                    "dependentSchemas",
                    "dependencies");

    private final Map<String, Location> byPointer = new HashMap<>();
    private final Map<URI, Location> byUri = new HashMap<>();

    /** The schemas that have a {@code $dynamicAnchor}, by their resource and its name. */
    private final Map<URI, Map<String, Location>> dynamicAnchors = new HashMap<>();

    /** The names of dynamic anchors of which the way to a {@code $dynamicRef} chooses one. */
    private final Set<String> ambiguous = new HashSet<>();

    private final boolean draft07;
    private final Location root;

    /**
     * Reads a schema, of draft 2020-12 or, if its {@code $schema} says so, draft-07.
     *
     * @param text JSON
     * @throws IllegalArgumentException if this is no JSON, or a subschema is no schema
     */
    SchemaDocument(String text) {
        JsonElement element = StrictJson.parseValue(text);
        draft07 =
                element instanceof JsonObject object
                        && object.get("$schema") instanceof JsonPrimitive draft
                        && isDraft07(draft.getAsString());
        root = add("#", element, NOWHERE);
        byUri.putIfAbsent(NOWHERE, root);
        Set<String> names = new HashSet<>();
        for (Map<String, Location> anchors : dynamicAnchors.values()) {
            anchors.keySet().stream().filter(name -> !names.add(name)).forEach(ambiguous::add);
        }
    }

    private static boolean isDraft07(String draft) {
        return draft.equals(DRAFT_07) || draft.equals(DRAFT_07 + "#");
    }

    /** The keywords of a schema, without those that its draft ignores. */
    Map<String, JsonElement> keywords(Location schema) {
        JsonElement reference = draft07 ? schema.object().get("$ref") : null;
        return reference == null ? schema.object().asMap() : Map.of("$ref", reference);
    }

    /** Whether the draft has a keyword, if any has. */
    boolean knows(String keyword) {
        return draft07 ? !LATER.contains(keyword) : !keyword.equals("additionalItems");
    }

    Location root() {
        return enter(root, Map.of());
    }

    /** A schema that is reached from another one, whose dynamic scope its resource joins. */
    private Location enter(Location schema, Map<String, Location> scope) {
        if (ambiguous.isEmpty()) {
            return schema;
        }
        Map<String, Location> all = new TreeMap<>(scope);
        dynamicAnchors
                .getOrDefault(schema.base(), Map.of())
                .forEach(
                        (name, anchor) -> {
                            if (ambiguous.contains(name)) {
                                all.putIfAbsent(name, anchor);
                            }
                        });
        return schema.withScope(all);
    }

    private Location add(String pointer, JsonElement element, URI outer) {
        if (element instanceof JsonPrimitive primitive && primitive.isBoolean()) {
            return put(new Location(pointer, element, outer, false));
        }
        if (!(element instanceof JsonObject schema)) {
            throw error(pointer, "a schema is an object, true or false");
        }
        URI id = null;
        if (schema.has("$id") && !(draft07 && schema.has("$ref"))) {
            id = resolve(outer, StrictJson.string(schema.get("$id"), pointer + "/$id"), pointer);
        }
        String fragment = id == null ? null : id.getRawFragment();
        boolean anchor = fragment != null && !fragment.isEmpty();
        if (anchor && !draft07) {
            throw error(pointer + "/$id", "an $id has no fragment; use $anchor");
        }
        URI base = id == null || anchor ? outer : id;
        Location location = put(new Location(pointer, schema, base, false));
        if (id != null) {
            name(id, location);
        }
        if (schema.has("$anchor")) {
            anchor(location, "$anchor");
        }
        if (schema.has("$dynamicAnchor")) {
            String name = anchor(location, "$dynamicAnchor");
            dynamicAnchors.computeIfAbsent(base, unused -> new HashMap<>()).put(name, location);
        }
        if (schema.has("$schema")) {
            String draft = StrictJson.string(schema.get("$schema"), pointer + "/$schema");
            boolean same =
                    draft07 ? isDraft07(draft) : draft.equals(DRAFT) || draft.equals(DRAFT + "#");
            if (!same) {
                throw error(
                        pointer + "/$schema",
                        "the schema is of "
                                + Quote.of(draft)
                                + "; only one draft in a schema, "
                                + DRAFT
                                + " or "
                                + DRAFT_07
                                + "#, is supported");
            }
        }
        for (Map.Entry<String, JsonElement> member : schema.entrySet()) {
            String keyword = member.getKey();
            String below = Location.below(pointer, keyword);
            JsonElement value = member.getValue();
            boolean list = draft07 && keyword.equals("items") && value instanceof JsonArray;
            if (ONE.contains(keyword) && !list) {
                add(below, value, base);
            } else if (LISTS.contains(keyword) || list) {
                if (!(value instanceof JsonArray parts) || parts.isEmpty()) {
                    throw error(below, "it must be an array of schemas that is not empty");
                }
                for (int i = 0; i < parts.size(); i++) {
                    add(Location.below(below, "" + i), parts.get(i), base);
                }
            } else if (MAPS.contains(keyword)) {
                for (Map.Entry<String, JsonElement> entry :
                        StrictJson.object(value, below).entrySet()) {
                    boolean names =
                            keyword.equals("dependencies") && entry.getValue() instanceof JsonArray;
                    if (!names) {
                        add(Location.below(below, entry.getKey()), entry.getValue(), base);
                    }
                }
            }
        }
        return location;
    }

    private String anchor(Location schema, String keyword) {
        String pointer = Location.below(schema.pointer(), keyword);
        String anchor = StrictJson.string(schema.object().get(keyword), pointer);
        if (!anchor.matches("[A-Za-z_][-A-Za-z0-9._]*")) {
            throw error(pointer, "an anchor is a name, not " + Quote.of(anchor));
        }
        name(resolve(schema.base(), "#" + anchor, pointer), schema);
        return anchor;
    }

    private Location put(Location location) {
        byPointer.put(location.pointer(), location);
        return location;
    }

    private void name(URI uri, Location location) {
        Location other = byUri.putIfAbsent(withoutEmptyFragment(uri), location);
        if (other != null) {
            throw error(
                    location.pointer(),
                    "its $id or $anchor is that of " + other.pointer() + " too");
        }
    }

    /** The subschema under a keyword. */
    Location at(Location schema, String keyword) {
        return enter(at(Location.below(schema.pointer(), keyword)), schema.scope());
    }

    /** The subschema under a keyword and a name or an index. */
    Location at(Location schema, String keyword, String token) {
        String pointer = Location.below(Location.below(schema.pointer(), keyword), token);
        return enter(at(pointer), schema.scope());
    }

    private Location at(String pointer) {
        Location location = byPointer.get(pointer);
        if (location == null) {
            throw new IllegalStateException(pointer);
        }
        return location;
    }

    /** The schema that {@code $ref} names. */
    Location resolve(Location schema, String reference) {
        return enter(find(schema, reference), schema.scope());
    }

    private Location find(Location schema, String reference) {
        String place = schema.pointer() + "/$ref";
        URI uri = resolve(schema.base(), reference, schema.pointer());
        Location named = byUri.get(withoutEmptyFragment(uri));
        if (named != null) {
            return named;
        }
        String text = uri.toString();
        int hash = text.indexOf('#');
        URI document = hash < 0 ? uri : URI.create(text.substring(0, hash));
        Location start = byUri.get(document);
        if (start == null) {
            throw error(
                    place,
                    Quote.of(reference)
                            + " is not in the schema, and nothing is loaded from elsewhere: put"
                            + " it into $defs");
        }
        String fragment = hash < 0 ? "" : text.substring(hash + 1);
        String pointer = decode(fragment, place);
        if (pointer.isEmpty()) {
            return start;
        }
        if (!pointer.startsWith("/")) {
            throw error(place, "no schema has the $anchor " + Quote.of(pointer));
        }
        return descend(start, pointer, place);
    }

    /**
     * The schema that {@code $dynamicRef} names. If it has a {@code $dynamicAnchor} of that name,
     * the outermost one on the way here is taken.
     */
    Location resolveDynamic(Location schema, String reference) {
        Location first = resolve(schema, reference);
        String name = reference.substring(reference.indexOf('#') + 1);
        Location anchor = dynamicAnchors.getOrDefault(first.base(), Map.of()).get(name);
        Location outermost = first.scope().get(name);
        return anchor == null || outermost == null || !anchor.pointer().equals(first.pointer())
                ? first
                : enter(outermost, schema.scope());
    }

    private Location descend(Location start, String fragment, String place) {
        JsonElement element = start.element();
        URI base = start.base();
        String pointer = start.pointer();
        for (String escaped : fragment.substring(1).split("/", -1)) {
            String token = escaped.replace("~1", "/").replace("~0", "~");
            JsonElement next = child(element, token);
            if (next == null) {
                throw error(place, "there is nothing at " + Quote.of("#" + fragment));
            }
            element = next;
            pointer = Location.below(pointer, token);
            Location known = byPointer.get(pointer);
            if (known != null) {
                base = known.base();
            }
        }
        Location known = byPointer.get(pointer);
        return known != null ? known : add(pointer, element, base);
    }

    private static @Nullable JsonElement child(JsonElement element, String token) {
        if (element instanceof JsonObject object) {
            return object.get(token);
        }
        if (element instanceof JsonArray array && token.matches("0|[1-9]\\d{0,8}")) {
            int index = Integer.parseInt(token);
            return index < array.size() ? array.get(index) : null;
        }
        return null;
    }

    private static URI resolve(URI base, String reference, String pointer) {
        try {
            if (reference.isEmpty()) {
                return base;
            }
            if (reference.startsWith("#")) {
                // URI.resolve drops the last part of the path and knows no opaque base
                String text = base.toString();
                int hash = text.indexOf('#');
                return new URI((hash < 0 ? text : text.substring(0, hash)) + reference);
            }
            return base.resolve(new URI(reference));
        } catch (URISyntaxException e) {
            throw error(pointer, Quote.of(reference) + " is not a URI reference");
        }
    }

    private static URI withoutEmptyFragment(URI uri) {
        String text = uri.toString();
        return text.endsWith("#") ? URI.create(text.substring(0, text.length() - 1)) : uri;
    }

    private static String decode(String fragment, String place) {
        try {
            return URLDecoder.decode(fragment.replace("+", "%2B"), StandardCharsets.UTF_8);
        } catch (IllegalArgumentException e) {
            throw error(place, Quote.of(fragment) + " is not percent-encoded correctly");
        }
    }

    /** An error at a place of the schema. */
    static SchemaException error(String pointer, String message) {
        return new SchemaException(pointer, message);
    }
}
