/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.internal.StrictJson;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;

/** Reads the keywords about the items of arrays. */
final class ArrayReader {

    private final SchemaDocument document;

    ArrayReader(SchemaDocument document) {
        this.document = document;
    }

    /** The arrays that the keywords of a schema about arrays allow, but contains. */
    ArrayShape of(Location schema) {
        JsonObject object = schema.object();
        // in draft-07 items is what prefixItems is now, if it is a list
        boolean list = object.get("items") instanceof JsonArray;
        String first = list ? "items" : "prefixItems";
        String others = list ? "additionalItems" : "items";
        List<Conjunction> prefix = new ArrayList<>();
        if (object.has(first)) {
            int count = StrictJson.array(object.get(first), first).size();
            for (int i = 0; i < count; i++) {
                prefix.add(Conjunction.of(document.at(schema, first, "" + i)));
            }
        }
        boolean items = object.has(others);
        return new ArrayShape(
                        prefix,
                        items ? Conjunction.of(document.at(schema, others)) : Conjunction.ANY,
                        SchemaNumbers.limit(schema, "minItems", 0),
                        SchemaNumbers.limit(schema, "maxItems", Integer.MAX_VALUE))
                .evaluating(
                        items
                                ? ArrayShape.Evaluated.ALL
                                : new ArrayShape.Evaluated(prefix.size(), Set.of()));
    }

    /** The arrays that {@code contains} and its limits allow. */
    Values contains(Location schema) {
        int least = SchemaNumbers.limit(schema, "minContains", 1);
        int most = SchemaNumbers.limit(schema, "maxContains", Integer.MAX_VALUE);
        Location items = document.at(schema, "contains");
        return Values.arraysOf(
                ArrayShape.contains(items, 0, least, most)
                        .evaluating(new ArrayShape.Evaluated(0, Set.of(items))));
    }
}
