/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.quantization;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import io.github.djlmistral.engine.internal.StrictJson;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The JSON that bitsandbytes stores with a 4-bit weight:
 *
 * <pre>
 * {"quant_type": "nf4", "blocksize": 64, "dtype": "float16", "shape": [4096, 4096],
 *  "nested_blocksize": 256, "nested_dtype": "float32", "nested_offset": 0.0234}
 * </pre>
 *
 * The last line is present with double quantization only. bitsandbytes dequantizes to {@code
 * dtype}; this library to float32.
 *
 * @param rows the first of {@code shape}
 * @param columns the second of {@code shape}
 * @param blockSize the number of weights of a block
 * @param nested double quantization, null if absmax is not quantized
 */
record QuantState(int rows, int columns, int blockSize, @Nullable Nested nested) {

    /** Maximum size in bytes; bitsandbytes writes about 200. */
    private static final int LONGEST = 64 << 10;

    /**
     * Double quantization.
     *
     * @param blockSize the number of absmax of a block
     * @param offset the value that was subtracted from absmax
     */
    record Nested(int blockSize, float offset) {}

    /**
     * Parses the JSON.
     *
     * @throws IllegalArgumentException if a key is missing or has an invalid value
     */
    static QuantState parse(Tensor bytes) {
        if (bytes.data().remaining() > LONGEST) {
            throw new IllegalArgumentException("it has over " + LONGEST + " bytes");
        }
        JsonObject json;
        try {
            // unlike new String(..), a decoder rejects invalid UTF-8
            json =
                    StrictJson.parse(
                            StandardCharsets.UTF_8.newDecoder().decode(bytes.data()).toString());
        } catch (CharacterCodingException e) {
            throw new IllegalArgumentException("it is not UTF-8", e);
        }
        // only validated; newer versions write "torch.float16"
        Dtype.of(StrictJson.string(json.get("dtype"), "dtype"));
        List<JsonElement> shape = StrictJson.array(json.get("shape"), "shape");
        if (shape.size() != 2) {
            throw new IllegalArgumentException("shape has " + shape.size() + " dimensions, not 2");
        }
        int rows = positive("shape", shape.get(0));
        int columns = positive("shape", shape.get(1));
        Nested nested = null;
        if (json.has("nested_offset") || json.has("nested_blocksize")) {
            String type = StrictJson.string(json.get("nested_dtype"), "nested_dtype");
            if (Dtype.of(type) != Dtype.FLOAT32) {
                throw new IllegalArgumentException("nested_dtype is " + type + ", not float32");
            }
            // Python reads a double, which torch converts to float32
            float offset = (float) number("nested_offset", json.get("nested_offset"));
            if (!Float.isFinite(offset)) {
                throw new IllegalArgumentException("nested_offset is not a float32: " + offset);
            }
            nested = new Nested(positive("nested_blocksize", json.get("nested_blocksize")), offset);
        }
        return new QuantState(rows, columns, positive("blocksize", json.get("blocksize")), nested);
    }

    private static int positive(String key, @Nullable JsonElement element) {
        int value = (int) StrictJson.integer(element, key, Integer.MAX_VALUE);
        if (value == 0) {
            throw new IllegalArgumentException(key + " has 0");
        }
        return value;
    }

    private static double number(String key, @Nullable JsonElement element) {
        if (element instanceof JsonPrimitive value && value.isNumber()) {
            return value.getAsDouble();
        }
        throw new IllegalArgumentException(key + " is not a number");
    }
}
