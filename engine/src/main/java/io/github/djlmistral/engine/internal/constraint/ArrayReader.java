/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

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
        List<Conjunction> prefix = new ArrayList<>();
        if (object.has("prefixItems")) {
            int count = StrictJson.array(object.get("prefixItems"), "prefixItems").size();
            for (int i = 0; i < count; i++) {
                prefix.add(Conjunction.of(document.at(schema, "prefixItems", "" + i)));
            }
        }
        boolean items = object.has("items");
        return new ArrayShape(
                        prefix,
                        items ? Conjunction.of(document.at(schema, "items")) : Conjunction.ANY,
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
