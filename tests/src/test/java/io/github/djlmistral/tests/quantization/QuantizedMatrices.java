/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.quantization;

import io.github.djlmistral.engine.internal.quantization.QuantizedCheckpoint;
import io.github.djlmistral.engine.quantization.QuantizationConfig;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.Safetensors;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.model.Reference;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Matrices that tests/reference/quantized.py packed, with their values: the parts of {@code
 * X.weight} and {@code expected.X}.
 */
final class QuantizedMatrices {

    private static final String EXPECTED = "expected.";

    final Path file;
    final Map<String, Tensor> parts = new LinkedHashMap<>();

    /** By the weight's name. */
    final Map<String, Tensor> expected = new LinkedHashMap<>();

    QuantizedMatrices(String name) throws IOException {
        file = Reference.directory("quantized/matrices/" + name + ".safetensors");
        Safetensors.read(file)
                .forEach(
                        (key, tensor) -> {
                            if (key.startsWith(EXPECTED)) {
                                expected.put(key.substring(EXPECTED.length()) + ".weight", tensor);
                            } else {
                                parts.put(key, tensor);
                            }
                        });
    }

    Weights read(QuantizationConfig config) throws IOException {
        Map<String, long[]> shapes = new LinkedHashMap<>();
        expected.forEach((name, values) -> shapes.put(name, values.shape()));
        return QuantizedCheckpoint.read(file, parts, config, shapes);
    }

    /** The dequantized values, row by row. */
    static float[] values(QuantizedWeight matrix) {
        float[] values = new float[matrix.rows() * matrix.columns()];
        float[] row = new float[matrix.columns()];
        for (int r = 0; r < matrix.rows(); ++r) {
            matrix.dequantizeRow(r, row);
            System.arraycopy(row, 0, values, r * row.length, row.length);
        }
        return values;
    }
}
