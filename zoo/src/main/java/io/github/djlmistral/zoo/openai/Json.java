/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.math.BigInteger;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** JSON as it is written, and as Java's own types. */
final class Json {

    private static final int LONG_BITS = 63;

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

    static String text(JsonElement value) {
        return GSON.toJson(value);
    }

    /** Returns maps, lists, strings, booleans and numbers: integers, or 64-bit floating point. */
    static @Nullable Object plain(JsonElement value) {
        if (value.isJsonObject()) {
            Map<String, @Nullable Object> map = new LinkedHashMap<>();
            value.getAsJsonObject().asMap().forEach((name, item) -> map.put(name, plain(item)));
            return map;
        }
        if (value.isJsonArray()) {
            List<@Nullable Object> list = new ArrayList<>();
            value.getAsJsonArray().forEach(item -> list.add(plain(item)));
            return list;
        }
        if (!(value instanceof JsonPrimitive primitive)) {
            return null;
        }
        if (primitive.isBoolean()) {
            return primitive.getAsBoolean();
        }
        return primitive.isString() ? primitive.getAsString() : number(primitive.getAsString());
    }

    private static Number number(String text) {
        if (!text.matches("-?\\d+")) {
            return Double.valueOf(text);
        }
        BigInteger integer = new BigInteger(text);
        return integer.bitLength() <= LONG_BITS ? (Number) integer.longValue() : integer;
    }
}
