/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.quantization;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.djlmistral.engine.internal.quantization.Dequantizer;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Dequantized values equal the definition, rounded once. */
class DequantizerTest {

    private static final Dequantizer DEQUANTIZER = new Dequantizer();

    @ParameterizedTest
    @CsvSource({
        "int4 g32, 45, 640",
        "int4 g32 f32 offsets, 1, 32",
        "int4 g64 offsets, 33, 1088",
        "int4 g64 f32, 16, 64",
        "int4 g128, 47, 640",
        "int4 g32 two offsets, 45, 768",
        "int4 g64 two, 17, 256",
        "int6 g16 two, 33, 512",
        "int6 g32 two offsets, 16, 1280",
        "int6 g16, 45, 48",
        "int6 g32 offsets, 16, 544",
        "int8 g16 offsets, 45, 48",
        "int8 g32, 16, 544",
        "int8 g96 f32, 17, 1056",
        // a strip of 512 columns ends within a group
        "int8 g640 f32 offsets, 5, 1280",
        "nf4 g64, 45, 128",
        // blocks that go on in the next row, and rows that end within a byte
        "nf4 g64, 45, 96",
        "nf4 g64, 7, 13",
        "nf4 g6, 9, 8"
    })
    void numbersAreTheDefinitions(String description, int rows, int columns) {
        QuantizedWeight weight = Matrices.of(description, rows, columns, 1);
        for (Dtype dtype : new Dtype[] {Dtype.FLOAT32, Dtype.BFLOAT16}) {
            for (int from = 0; from < rows; from += 16) {
                for (int to : new int[] {Math.min(rows, from + 3), rows}) {
                    check(weight, from, to, dtype);
                }
            }
        }
    }

    private static void check(QuantizedWeight weight, int from, int to, Dtype dtype) {
        int columns = weight.columns();
        int bytes = (to - from) * columns * dtype.bytes();
        // 8 bytes before and 8 after that nothing may touch
        ByteBuffer memory = ByteBuffer.allocateDirect(bytes + 16).order(ByteOrder.nativeOrder());
        memory.position(8);
        DEQUANTIZER.dequantize(weight, from, to, dtype, memory);
        assertThat(memory.position()).isEqualTo(8);
        assertThat(memory.getLong(0)).isZero();
        assertThat(memory.getLong(8 + bytes)).isZero();
        float[] actual = new float[columns];
        float[] expected = new float[columns];
        int at = 8;
        for (int row = from; row < to; ++row) {
            weight.dequantizeRow(row, expected);
            for (int c = 0; c < columns; ++c, at += dtype.bytes()) {
                boolean wide = dtype == Dtype.FLOAT32;
                actual[c] =
                        wide
                                ? memory.getFloat(at)
                                : Float.intBitsToFloat(memory.getShort(at) << 16);
                expected[c] = wide ? expected[c] : nearest(expected[c]);
            }
            assertThat(actual).as("row %s of %s as %s", row, weight, dtype).isEqualTo(expected);
        }
    }

    /** The bfloat16 nearest to a value, of the two around it. */
    private static float nearest(float value) {
        int bits = Float.floatToRawIntBits(value);
        float below = Float.intBitsToFloat(bits & 0xffff0000);
        float above = Float.intBitsToFloat((bits & 0xffff0000) + 0x10000);
        double down = Math.abs((double) value - below);
        double up = Math.abs((double) above - value);
        boolean even = (bits & 0x10000) == 0;
        return down < up || (down == up && even) ? below : above;
    }

    @Test
    void rowsBeginWithATile() {
        QuantizedWeight weight = Matrices.of("int4 g32", 45, 32, 1);
        ByteBuffer memory = ByteBuffer.allocateDirect(4096);
        assertThatThrownBy(() -> DEQUANTIZER.dequantize(weight, 5, 7, Dtype.FLOAT32, memory))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("row 5");
        assertThatThrownBy(() -> DEQUANTIZER.dequantize(weight, 0, 7, Dtype.FLOAT16, memory))
                .hasStackTraceContaining("float32 or bfloat16");
    }
}
