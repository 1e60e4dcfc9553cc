/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.constraint;

import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import io.github.djlmistral.engine.internal.StrictJson;
import java.util.ArrayList;
import java.util.List;

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
        String rest = SchemaReader.rest(schema, "items", "unevaluatedItems");
        return new ArrayShape(
                prefix,
                object.has(rest) ? Conjunction.of(document.at(schema, rest)) : Conjunction.ANY,
                SchemaReader.limit(schema, "minItems", 0),
                SchemaReader.limit(schema, "maxItems", Integer.MAX_VALUE));
    }

    /** What is a limit on the number of items, or none; which items count cannot be enforced. */
    Values contains(Location schema, String pointer) {
        int least = SchemaReader.limit(schema, "minContains", 1);
        int most = SchemaReader.limit(schema, "maxContains", Integer.MAX_VALUE);
        Location items = document.at(schema, "contains");
        boolean none =
                items.element() instanceof JsonPrimitive primitive && !primitive.getAsBoolean();
        if (least == 0 && (none || most == Integer.MAX_VALUE)) {
            return Values.ALL;
        }
        if (none || least > most) {
            return Complement.of(Values.onlyArrays(ArrayShape.ANY));
        }
        if (!Conjunction.of(items).schemas().isEmpty()) {
            throw SchemaReader.unsupported("contains", pointer);
        }
        return Values.arraysOf(new ArrayShape(List.of(), Conjunction.ANY, least, most));
    }
}
