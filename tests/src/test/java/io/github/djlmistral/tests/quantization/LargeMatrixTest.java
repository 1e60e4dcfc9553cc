/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.quantization;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.djlmistral.engine.internal.quantization.Dequantizer;
import io.github.djlmistral.engine.internal.quantization.Int8Quantizer;
import io.github.djlmistral.engine.quantization.BitsandbytesWeight;
import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.quantization.Int8;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Safetensors;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.weights.SparseSafetensors;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Matrices whose codes nearly fill the 2 GiB of a buffer: of 4 bits they have 2^32 weights. */
class LargeMatrixTest {

    private static final int ROWS = 1 << 17;

    @TempDir private Path directory;

    private Tensor zeros(Dtype dtype, long... shape) throws Exception {
        Path file = directory.resolve("sparse" + dtype + shape.length + ".safetensors");
        SparseSafetensors.write(file, dtype, Map.of("zeros", shape));
        return Safetensors.read(file).get("zeros");
    }

    /** Only the last weight of the last row, 3 · 2, is not 0. */
    private static void check(QuantizedWeight weight) {
        float[] row = new float[weight.columns()];
        weight.dequantizeRow(ROWS - 1, row);
        assertThat(row[0]).isZero();
        assertThat(row[row.length - 1]).isEqualTo(6);
        ByteBuffer out =
                ByteBuffer.allocateDirect(2 * Int4.TILE * weight.columns())
                        .order(ByteOrder.nativeOrder());
        out.putShort(out.capacity() - 2, (short) 0);
        new Dequantizer().dequantize(weight, ROWS - Int4.TILE, ROWS, Dtype.BFLOAT16, out);
        assertThat(out.getShort(out.capacity() - 4)).isZero();
        int bits = out.getShort(out.capacity() - 2) << 16;
        assertThat(Float.intBitsToFloat(bits)).isEqualTo(6);
    }

    @Test
    void int8() throws Exception {
        int columns = (1 << 14) - 32;
        Tensor codes = zeros(Dtype.INT8, ROWS / 16, columns, 16);
        Tensor scales = zeros(Dtype.FLOAT32, ROWS / 16, columns / 32, 16);
        codes.data().put(codes.data().limit() - 1, (byte) 3);
        scales.data().putFloat(scales.data().limit() - 4, 2);
        check(new Int8(ROWS, codes, scales, null));
    }

    /** With offsets: a code of 0 is 0 then. */
    @Test
    void int4() throws Exception {
        int columns = (1 << 15) - 64;
        Tensor codes = zeros(Dtype.UINT8, ROWS / 16, columns / 8, 64);
        Tensor scales = zeros(Dtype.FLOAT32, ROWS / 16, columns / 32, 16);
        codes.data().put(codes.data().limit() - 1, (byte) 0x30);
        scales.data().putFloat(scales.data().limit() - 4, 2);
        Tensor offsets = zeros(Dtype.FLOAT32, ROWS / 16, columns / 32, 16);
        check(new Int4(ROWS, codes, scales, offsets, null));
    }

    @Test
    void codesOfATable() throws Exception {
        int columns = (1 << 15) - 64;
        Tensor codes = zeros(Dtype.UINT8, (long) ROWS * columns / 2, 1);
        Tensor absmax = zeros(Dtype.FLOAT32, (long) ROWS * columns / 64);
        codes.data().put(codes.data().limit() - 1, (byte) 5);
        absmax.data().putFloat(absmax.data().limit() - 4, 2);
        float[] table = new float[16];
        table[5] = 3;
        check(new BitsandbytesWeight(ROWS, columns, 64, table, codes, absmax));
    }

    /** Quantizers look for it first. */
    @Test
    void aNaNAtTheEndIsFound() throws Exception {
        Tensor weight = zeros(Dtype.FLOAT16, 1 << 15, (1 << 15) - 1);
        weight.data().putShort(weight.data().limit() - 2, (short) 0x7e00);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Int8Quantizer.quantize(weight, 32))
                .withMessageContaining("NaN");
    }
}
