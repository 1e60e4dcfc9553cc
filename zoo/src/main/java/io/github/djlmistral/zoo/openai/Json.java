/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import org.jspecify.annotations.Nullable;

/** JSON as it is written. */
final class Json {

    private static final Gson GSON =
            new GsonBuilder().serializeNulls().disableHtmlEscaping().create();

    private Json() {}

    /** Returns an object of names and values in turn. */
    static JsonObject object(@Nullable Object... members) {
        JsonObject object = new JsonObject();
        for (int i = 0; i < members.length; i += 2) {
            object.add(String.valueOf(members[i]), GSON.toJsonTree(members[i + 1]));
        }
        return object;
    }

    static JsonElement tree(Object value) {
        return GSON.toJsonTree(value);
    }

    static String text(JsonElement value) {
        return GSON.toJson(value);
    }
}
