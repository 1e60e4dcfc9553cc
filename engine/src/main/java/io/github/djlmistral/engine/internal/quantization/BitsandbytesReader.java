/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.quantization;

import io.github.djlmistral.engine.quantization.BitsandbytesWeight;
import io.github.djlmistral.engine.quantization.QuantizationConfig;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.CheckpointException;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.util.Locale;
import java.util.Map;

/**
 * Reads 4-bit weights as bitsandbytes writes them ({@code functional.py}, {@code
 * QuantState.as_dict}). The tensors of N weights in B blocks:
 *
 * <pre>
 * X.weight                                 uint8 (N/2 rounded up, 1), see {@link BitsandbytesWeight}
 * X.weight.quant_map                       float32 (16), the values of the codes
 * X.weight.absmax                          float32 (B)
 * X.weight.quant_state.bitsandbytes__nf4   uint8, JSON, see {@link QuantState}
 * </pre>
 *
 * or, with double quantization, where absmax is quantized in blocks of 256,
 *
 * <pre>
 * X.weight.absmax                          uint8 (B)
 * X.weight.nested_quant_map                float32 (256)
 * X.weight.nested_absmax                   float32 (B/256 rounded up)
 *
 * absmax[b] = nested_quant_map[code[b]] · nested_absmax[b / 256] + nested_offset
 * </pre>
 *
 * in float32, rounded after the product and after the sum.
 */
final class BitsandbytesReader {

    private static final String STATE = ".quant_state.bitsandbytes__";

    private BitsandbytesReader() {}

    /** Reads all quantized weights of a checkpoint into a map. */
    static void read(
            UnclaimedTensors parts,
            QuantizationConfig.Bitsandbytes config,
            Map<String, QuantizedWeight> matrices)
            throws CheckpointException {
        for (String name : parts.containing(STATE)) {
            int end = name.indexOf(STATE);
            String type = name.substring(end + STATE.length());
            if (!type.equals(config.quantType())) {
                throw parts.broken(
                        String.format(
                                "%s is of type \"%s\", but bnb_4bit_quant_type in config.json is"
                                        + " \"%s\"",
                                name, type, config.quantType()));
            }
            String weight = name.substring(0, end);
            matrices.put(weight, matrix(parts, weight, name));
        }
    }

    private static BitsandbytesWeight matrix(
            UnclaimedTensors parts, String weight, String stateName) throws CheckpointException {
        QuantState state;
        try {
            state = QuantState.parse(parts.take(stateName, Dtype.UINT8));
        } catch (IllegalArgumentException e) {
            CheckpointException exception =
                    parts.broken(stateName + " cannot be read: " + e.getMessage());
            exception.initCause(e);
            throw exception;
        }
        long numbers = (long) state.rows() * state.columns();
        Tensor codes = parts.take(weight, Dtype.UINT8);
        if (codes.elements() != (numbers + 1) / 2) {
            throw parts.broken(
                    String.format(
                            Locale.ROOT,
                            "%s is %s, but its quant_state says %d x %d codes, two per byte",
                            weight,
                            codes,
                            state.rows(),
                            state.columns()));
        }
        long blocks = (numbers + state.blockSize() - 1) / state.blockSize();
        if (blocks > Integer.MAX_VALUE / Float.BYTES) {
            throw parts.broken(
                    weight + " has " + blocks + " blocks, whose absmax do not fit in a buffer");
        }
        ByteBuffer map = parts.takeShaped(weight + ".quant_map", Dtype.FLOAT32, 16).data();
        float[] table = new float[16];
        map.asFloatBuffer().get(table);
        QuantState.Nested nested = state.nested();
        Tensor absmax =
                nested == null
                        ? parts.takeShaped(weight + ".absmax", Dtype.FLOAT32, blocks)
                        : decode(parts, weight, nested, Math.toIntExact(blocks));
        return new BitsandbytesWeight(
                state.rows(), state.columns(), state.blockSize(), table, codes, absmax);
    }

    private static Tensor decode(
            UnclaimedTensors parts, String weight, QuantState.Nested nested, int blocks)
            throws CheckpointException {
        int size = nested.blockSize();
        String name = weight + ".absmax";
        ByteBuffer codes = parts.takeShaped(name, Dtype.UINT8, blocks).data();
        ByteBuffer map = parts.takeShaped(weight + ".nested_quant_map", Dtype.FLOAT32, 256).data();
        ByteBuffer factors =
                parts.takeShaped(
                                weight + ".nested_absmax",
                                Dtype.FLOAT32,
                                (blocks + size - 1L) / size)
                        .data();
        Tensor absmax = Tensor.allocate(name, Dtype.FLOAT32, blocks);
        ByteBuffer to = absmax.data();
        for (int b = 0; b < blocks; ++b) {
            float value = map.getFloat(4 * (codes.get(b) & 255)) * factors.getFloat(4 * (b / size));
            to.putFloat(4 * b, value + nested.offset());
        }
        return absmax;
    }
}
