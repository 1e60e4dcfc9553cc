/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.cpu;

import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.lang.ref.Reference;
import java.nio.ByteOrder;
import java.nio.FloatBuffer;

/**
 * A quantized weight that no kernel supports, such as one with blocks over the end of a row:
 * dequantized to float32 when it is loaded. Such weights are small, or of no model in use.
 */
final class DequantizedMatrix implements Matrix {

    private final Tensor values;
    private final DenseMatrix matrix;

    DequantizedMatrix(InstructionSet set, QuantizedWeight weight) {
        int rows = weight.rows();
        int columns = weight.columns();
        values = Tensor.allocate("dequantized", Dtype.FLOAT32, rows, columns);
        FloatBuffer to = values.data().order(ByteOrder.LITTLE_ENDIAN).asFloatBuffer();
        float[] row = new float[columns];
        for (int r = 0; r < rows; ++r) {
            weight.dequantizeRow(r, row);
            to.put(row);
        }
        long address = Address.of(values, (long) Float.BYTES * rows * columns);
        matrix = new DenseMatrix(set.index(), address, Dtype.FLOAT32, rows, columns);
    }

    @Override
    public int rows() {
        return matrix.rows();
    }

    @Override
    public int columns() {
        return matrix.columns();
    }

    @Override
    public void multiply(ThreadTeam team, long x, int tokens, long out) {
        try {
            matrix.multiply(team, x, tokens, out);
        } finally {
            Reference.reachabilityFence(values);
        }
    }
}
