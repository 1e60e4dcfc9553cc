/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.quantization;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.JsonPrimitive;
import com.google.gson.Strictness;
import com.google.gson.stream.JsonReader;
import com.google.gson.stream.JsonToken;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.io.IOException;
import java.io.StringReader;
import java.math.BigDecimal;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * What bitsandbytes keeps beside a matrix as JSON:
 *
 * <pre>
 * {"quant_type": "nf4", "blocksize": 64, "dtype": "float16", "shape": [4096, 4096],
 *  "nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": 0.0234}
 * </pre>
 *
 * the last line only with double quantization. The {@code dtype} is what bitsandbytes rounds the
 * weights to when it uses them; here they stay in float32.
 *
 * @param rows the first of {@code shape}
 * @param columns the second of {@code shape}
 * @param blockSize how many numbers share an absmax
 * @param nested how the absmax are quantized, null if they are not
 */
record QuantState(int rows, int columns, int blockSize, @Nullable Nested nested) {

    /**
     * Double quantization.
     *
     * @param blockSize how many absmax share one of their own
     * @param offset what was subtracted from them
     */
    record Nested(int blockSize, float offset) {}

    /**
     * Reads the JSON.
     *
     * @throws IllegalArgumentException if something is missing or wrong
     */
    static QuantState parse(Tensor bytes) {
        JsonObject json;
        try {
            // unlike new String(..), a decoder complains of what is not UTF-8
            String text = StandardCharsets.UTF_8.newDecoder().decode(bytes.data()).toString();
            JsonReader reader = new JsonReader(new StringReader(text));
            reader.setStrictness(Strictness.STRICT);
            json = JsonParser.parseReader(reader).getAsJsonObject();
            if (reader.peek() != JsonToken.END_DOCUMENT) {
                throw new IllegalArgumentException("it goes on behind the closing \"}\"");
            }
        } catch (IOException | JsonParseException | IllegalStateException e) {
            throw new IllegalArgumentException("it is no JSON object", e);
        }
        // a name, checked only; newer versions write "torch.float16"
        Dtype.of(value(json, "dtype").getAsString());
        JsonElement shape = json.get("shape");
        if (shape == null || !shape.isJsonArray() || shape.getAsJsonArray().size() != 2) {
            throw new IllegalArgumentException("shape is " + shape + ", not that of a matrix");
        }
        int rows = positive("shape", shape.getAsJsonArray().get(0));
        int columns = positive("shape", shape.getAsJsonArray().get(1));
        Nested nested = null;
        if (json.has("nested_offset") || json.has("nested_blocksize")) {
            if (Dtype.of(value(json, "nested_dtype").getAsString()) != Dtype.FLOAT32) {
                throw new IllegalArgumentException(
                        "nested_dtype is " + json.get("nested_dtype") + ", not float32");
            }
            // Python reads a double here, of which torch makes a float
            float offset = (float) number("nested_offset", json.get("nested_offset")).doubleValue();
            if (!Float.isFinite(offset)) {
                throw new IllegalArgumentException("nested_offset is no float32: " + offset);
            }
            nested = new Nested(positive("nested_blocksize", json.get("nested_blocksize")), offset);
        }
        return new QuantState(rows, columns, positive("blocksize", json.get("blocksize")), nested);
    }

    private static JsonPrimitive value(JsonObject json, String key) {
        if (json.get(key) instanceof JsonPrimitive value) {
            return value;
        }
        throw new IllegalArgumentException(key + " is " + json.get(key));
    }

    private static int positive(String key, @Nullable JsonElement element) {
        try {
            int value = number(key, element).intValueExact();
            if (value > 0) {
                return value;
            }
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException(key + " has " + element, e);
        }
        throw new IllegalArgumentException(key + " has " + element);
    }

    private static BigDecimal number(String key, @Nullable JsonElement element) {
        if (element instanceof JsonPrimitive value && value.isNumber()) {
            return value.getAsBigDecimal();
        }
        throw new IllegalArgumentException(key + " has " + element);
    }
}
