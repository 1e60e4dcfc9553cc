/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.quantization;

import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.quantization.QuantizationConfig;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.CheckpointException;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads weights in this library's 4-bit layout, the tensors of an {@link Int4}: {@code
 * X.weight.int4.codes}, {@code .scales} and, unless symmetric, {@code .offsets}.
 */
final class Int4Reader {

    private static final String CODES = ".int4.codes";

    private Int4Reader() {}

    static Map<String, QuantizedWeight> read(
            UnclaimedTensors parts, QuantizationConfig.Int4 config, Map<String, long[]> shapes)
            throws CheckpointException {
        Map<String, QuantizedWeight> matrices = new LinkedHashMap<>();
        for (String weight : parts.before(CODES)) {
            Tensor codes = parts.take(weight + CODES, Dtype.UINT8);
            long[] shape = shapes.get(weight);
            if (shape == null || shape.length != 2) {
                throw parts.broken(
                        codes.name() + " is there, but the network has no matrix " + weight);
            }
            matrices.put(weight, matrix(parts, weight, codes, config, shape));
        }
        return matrices;
    }

    private static Int4 matrix(
            UnclaimedTensors parts,
            String weight,
            Tensor codes,
            QuantizationConfig.Int4 config,
            long... shape)
            throws CheckpointException {
        long tiles = (shape[0] + Int4.TILE - 1) / Int4.TILE;
        parts.checked(codes, tiles, shape[1] / 8, 4 * Int4.TILE);
        Tensor scales = parts.take(weight + ".int4.scales", Dtype.FLOAT16, Dtype.FLOAT32);
        if (scales.shape().length != 3) {
            throw parts.broken(scales.name() + " is " + scales + ", expected 3 dimensions");
        }
        long groups = parts.groups(scales, 1, shape[1], config.groupSize());
        parts.checked(scales, tiles, groups, Int4.TILE);
        String offsetsName = weight + ".int4.offsets";
        @Nullable Tensor offsets = null;
        if (!config.symmetric()) {
            offsets = parts.takeShaped(offsetsName, scales.dtype(), tiles, groups, Int4.TILE);
        } else if (parts.has(offsetsName)) {
            throw parts.broken(offsetsName + " is there, but quantization_config says symmetric");
        }
        return new Int4((int) shape[0], codes, scales, offsets, null);
    }
}
