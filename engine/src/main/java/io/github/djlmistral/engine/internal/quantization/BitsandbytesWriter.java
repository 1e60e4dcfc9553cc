/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.quantization;

import com.google.gson.Gson;
import io.github.djlmistral.engine.quantization.BitsandbytesWeight;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Creates the tensors that bitsandbytes stores for an NF4 weight, so that Python can load weights
 * quantized here. For {@code X.weight} with n weights they are:
 *
 * <pre>
 * X.weight                                 uint8 (n/2, 1)      two codes per byte
 * X.weight.absmax                          float32 (n/64)      double quantization: uint8
 * X.weight.quant_map                       float32 (16)        the codebook
 * X.weight.nested_absmax                   float32 (n/64/256)  double quantization only
 * X.weight.nested_quant_map                float32 (256)
 * X.weight.quant_state.bitsandbytes__nf4   uint8               JSON: shape, dtype, blocksize...
 * </pre>
 *
 * <p>Double quantization: with {@code offset} the mean of absmax, {@code absmax = map[code] ·
 * nested_absmax[block / 256] + offset}.
 */
public final class BitsandbytesWriter {

    private static final int NESTED_BLOCK = 256;

    /** JSON is padded with spaces, so that the tensors that follow in a file stay aligned. */
    private static final int ALIGNMENT = 64;

    private static final float[] DYNAMIC_MAP = DynamicMap.signed();

    private BitsandbytesWriter() {}

    /**
     * Returns the tensors to store for a weight.
     *
     * @param name the weight's name, {@code X.weight}
     * @param weight the NF4 weight
     * @param dtype the data type that Python dequantizes to, that of the unquantized weight
     * @param doubled whether absmax is quantized too, which saves 0.37 bits per weight
     * @return the tensors in descending order of element size
     */
    public static List<Tensor> tensors(
            String name, BitsandbytesWeight weight, Dtype dtype, boolean doubled) {
        Map<String, Object> state = new LinkedHashMap<>();
        state.put("quant_type", weight.toString());
        state.put("blocksize", weight.blockSize());
        state.put("dtype", dtype.toString());
        state.put("shape", List.of(weight.rows(), weight.columns()));
        Tensor map = floats(name + ".quant_map", weight.table());
        Tensor codes = weight.codes().renamed(name);
        if (!doubled) {
            Tensor absmax = weight.absmax().renamed(name + ".absmax");
            return List.of(absmax, map, codes, state(name, weight, state));
        }
        Nested nested = Nested.of(absmax(weight));
        state.put("nested_blocksize", NESTED_BLOCK);
        state.put("nested_dtype", Dtype.FLOAT32.toString());
        state.put("nested_offset", nested.offset);
        return List.of(
                floats(name + ".nested_absmax", nested.absmax),
                floats(name + ".nested_quant_map", DYNAMIC_MAP),
                map,
                bytes(name + ".absmax", nested.codes),
                codes,
                state(name, weight, state));
    }

    /**
     * Returns the weight as it is after double quantization.
     *
     * @param weight a weight
     * @return a weight with the same codes and rounded absmax
     */
    public static BitsandbytesWeight rounded(BitsandbytesWeight weight) {
        float[] absmax = Nested.of(absmax(weight)).values();
        return new BitsandbytesWeight(
                weight.rows(),
                weight.columns(),
                weight.blockSize(),
                weight.table(),
                weight.codes(),
                floats(weight.absmax().name(), absmax));
    }

    private static float[] absmax(BitsandbytesWeight weight) {
        float[] absmax = new float[(int) weight.absmax().elements()];
        weight.absmax().data().asFloatBuffer().get(absmax);
        return absmax;
    }

    private static Tensor state(String name, BitsandbytesWeight weight, Map<String, Object> state) {
        byte[] json = new Gson().toJson(state).getBytes(StandardCharsets.UTF_8);
        int padding = Math.floorMod(-json.length, ALIGNMENT);
        byte[] padded = Arrays.copyOf(json, json.length + padding);
        Arrays.fill(padded, json.length, padded.length, (byte) ' ');
        return bytes(name + ".quant_state.bitsandbytes__" + weight, padded);
    }

    private static Tensor floats(String name, float[] values) {
        Tensor tensor = Tensor.allocate(name, Dtype.FLOAT32, values.length);
        tensor.data().asFloatBuffer().put(values);
        return tensor;
    }

    private static Tensor bytes(String name, byte[] values) {
        Tensor tensor = Tensor.allocate(name, Dtype.UINT8, values.length);
        tensor.data().put(values);
        return tensor;
    }

    /** Absmax after double quantization. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    private record Nested(byte[] codes, float[] absmax, float offset) {

        static Nested of(float[] absmax) {
            double sum = 0;
            for (float value : absmax) {
                sum += value;
            }
            float offset = (float) (sum / absmax.length);
            byte[] codes = new byte[absmax.length];
            float[] nested = new float[(absmax.length + NESTED_BLOCK - 1) / NESTED_BLOCK];
            for (int block = 0; block < nested.length; ++block) {
                int begin = block * NESTED_BLOCK;
                int end = Math.min(begin + NESTED_BLOCK, absmax.length);
                for (int i = begin; i < end; ++i) {
                    nested[block] = Math.max(nested[block], Math.abs(absmax[i] - offset));
                }
                for (int i = begin; i < end; ++i) {
                    float part = nested[block] == 0 ? 0 : (absmax[i] - offset) / nested[block];
                    codes[i] = nearest(part);
                }
            }
            return new Nested(codes, nested, offset);
        }

        private static byte nearest(float value) {
            int at = Arrays.binarySearch(DYNAMIC_MAP, value);
            if (at >= 0) {
                return (byte) at;
            }
            int above = Math.min(-at - 1, DYNAMIC_MAP.length - 1);
            int below = Math.max(above - 1, 0);
            return (byte)
                    (value - DYNAMIC_MAP[below] <= DYNAMIC_MAP[above] - value ? below : above);
        }

        float[] values() {
            float[] values = new float[codes.length];
            for (int i = 0; i < values.length; ++i) {
                values[i] = DYNAMIC_MAP[codes[i] & 255] * absmax[i / NESTED_BLOCK] + offset;
            }
            return values;
        }
    }
}
