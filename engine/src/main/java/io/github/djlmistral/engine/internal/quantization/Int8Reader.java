/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.quantization;

import io.github.djlmistral.engine.quantization.Int8;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.CheckpointException;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Reads weights in this library's 8-bit layout, usually the output layer, the tensors of a
 * symmetric {@link Int8}: {@code X.weight.int8.codes} and {@code .scales}.
 */
final class Int8Reader {

    private static final String CODES = ".int8.codes";

    private Int8Reader() {}

    static Map<String, QuantizedWeight> read(UnclaimedTensors parts, Map<String, long[]> shapes)
            throws CheckpointException {
        Map<String, QuantizedWeight> matrices = new LinkedHashMap<>();
        for (String weight : parts.before(CODES)) {
            Tensor codes = parts.take(weight + CODES, Dtype.INT8);
            Tensor scales = parts.take(weight + ".int8.scales", Dtype.FLOAT16, Dtype.FLOAT32);
            long[] shape = shapes.get(weight);
            if (shape == null || shape.length != 2) {
                throw parts.broken(
                        codes.name() + " is there, but the network has no matrix " + weight);
            }
            try {
                Int8 matrix = new Int8(Math.toIntExact(shape[0]), codes, scales, null);
                if (matrix.columns() != shape[1]) {
                    throw new IllegalArgumentException(
                            weight + " has " + matrix.columns() + " columns, not " + shape[1]);
                }
                matrices.put(weight, matrix);
            } catch (IllegalArgumentException e) {
                throw parts.broken(String.valueOf(e.getMessage()));
            }
        }
        return matrices;
    }
}
