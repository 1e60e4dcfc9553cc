/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.quantization;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.djlmistral.engine.internal.quantization.QuantizedCheckpoint;
import io.github.djlmistral.engine.quantization.BitsandbytesWeight;
import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.quantization.QuantizationConfig;
import io.github.djlmistral.engine.quantization.QuantizationConfig.Awq;
import io.github.djlmistral.engine.quantization.QuantizationConfig.Bitsandbytes;
import io.github.djlmistral.engine.quantization.QuantizationConfig.Gptq;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/** Weights quantized by other tools have exactly the values of the formats' definitions. */
class QuantizedCheckpointTest {

    private static final Gptq GPTQ = new Gptq(32, true, "gptq");

    private static Stream<Arguments> files() {
        return Stream.of(
                Arguments.of("bitsandbytes-nf4", new Bitsandbytes("nf4")),
                Arguments.of("bitsandbytes-fp4", new Bitsandbytes("fp4")),
                Arguments.of("gptq", GPTQ),
                // desc_act only promises: what counts is g_idx
                Arguments.of("gptq", new Gptq(32, false, "gptq")),
                Arguments.of("gptq-128", new Gptq(128, true, "gptq")),
                Arguments.of("gptq_v2", new Gptq(32, false, "gptq_v2")),
                Arguments.of("awq", new Awq(32)),
                Arguments.of("awq-64", new Awq(64)),
                Arguments.of("int4", new QuantizationConfig.Int4(32, false)),
                Arguments.of("int4-symmetric-128", new QuantizationConfig.Int4(128, true)));
    }

    @ParameterizedTest
    @MethodSource("files")
    void everyBitOfEveryValue(String file, QuantizationConfig config) throws IOException {
        QuantizedMatrices matrices = new QuantizedMatrices(file);
        Weights weights = matrices.read(config);
        assertThat(weights.unquantized()).isEmpty();
        assertThat(weights.quantized()).containsOnlyKeys(matrices.expected.keySet());
        matrices.expected.forEach(
                (name, expected) -> {
                    QuantizedWeight matrix = weights.quantized().get(name);
                    assertThat(new long[] {matrix.rows(), matrix.columns()})
                            .as(name)
                            .isEqualTo(expected.shape());
                    float[] values = new float[(int) expected.elements()];
                    expected.data().asFloatBuffer().get(values);
                    assertThat(bits(QuantizedMatrices.values(matrix)))
                            .as(name)
                            .isEqualTo(bits(values));
                });
    }

    private static int[] bits(float[] values) {
        int[] bits = new int[values.length];
        for (int i = 0; i < bits.length; ++i) {
            bits[i] = Float.floatToRawIntBits(values[i]);
        }
        return bits;
    }

    @Test
    void unchangedCodesAreNotCopied() throws IOException {
        QuantizedMatrices nf4 = new QuantizedMatrices("bitsandbytes-nf4");
        BitsandbytesWeight matrix =
                (BitsandbytesWeight)
                        nf4.read(new Bitsandbytes("nf4")).quantized().get("mid_row.weight");
        assertSharesMemory(matrix.codes(), nf4.parts.get("mid_row.weight"));
        assertSharesMemory(matrix.absmax(), nf4.parts.get("mid_row.weight.absmax"));
        assertThat(matrix.table()).isEqualTo(BitsandbytesWeight.nf4());

        QuantizedMatrices int4 = new QuantizedMatrices("int4");
        Int4 own =
                (Int4)
                        int4.read(new QuantizationConfig.Int4(32, false))
                                .quantized()
                                .get("a.weight");
        for (Tensor part : own.tensors()) {
            assertSharesMemory(part, int4.parts.get(part.name()));
        }
    }

    /** Pages are mapped private: writes are visible in other views, not in the file. */
    private static void assertSharesMemory(Tensor one, Tensor other) {
        ByteBuffer view = one.data();
        byte before = view.get(0);
        view.put(0, (byte) ~before);
        assertThat(other.data().get(0)).isEqualTo((byte) ~before);
        view.put(0, before);
    }

    /** Zero points that are all 8 need no offsets; scales fit in float16. */
    @Test
    void symmetricMatrixIsSmaller() throws IOException {
        Weights weights = new QuantizedMatrices("gptq").read(GPTQ);
        Int4 symmetric = (Int4) weights.quantized().get("symmetric.weight");
        assertThat(symmetric.offsets()).isNull();
        assertThat(symmetric.scales().dtype()).isEqualTo(Dtype.FLOAT16);
        Int4 plain = (Int4) weights.quantized().get("plain.weight");
        assertThat(plain.offsets()).isNotNull();
    }

    @Test
    void onlyInputsOutOfOrderAreGivenAnOrder() throws IOException {
        Weights weights = new QuantizedMatrices("gptq").read(GPTQ);
        assertThat(((Int4) weights.quantized().get("plain.weight")).inputOrder()).isNull();
        int[] order = ((Int4) weights.quantized().get("act_order.weight")).inputOrder();
        assertThat(order).hasSize(128).doesNotHaveDuplicates();
        for (int i = 1; i < 128; ++i) {
            // within a group, the inputs stay in order
            assertThat(i % 32 == 0 || order[i] > order[i - 1]).isTrue();
        }
    }

    /** AutoGPTQ leaves g_idx out of some files without act-order. */
    @Test
    void withoutIndexInputsAreInOrder() throws IOException {
        QuantizedMatrices matrices = new QuantizedMatrices("gptq_v2");
        Gptq config = new Gptq(32, false, "gptq_v2");
        float[] expected = QuantizedMatrices.values(matrix(matrices, config));
        matrices.parts.keySet().removeIf(name -> name.endsWith("g_idx"));
        assertThat(QuantizedMatrices.values(matrix(matrices, config))).isEqualTo(expected);
    }

    /** Scales in bfloat16, as GPTQModel keeps those of a bfloat16 model. */
    @Test
    void scalesInBfloat16() throws IOException {
        QuantizedMatrices matrices = new QuantizedMatrices("gptq_v2");
        Gptq config = new Gptq(32, false, "gptq_v2");
        Tensor scales = matrices.parts.get("a.scales");
        ByteBuffer ones =
                ByteBuffer.allocateDirect(scales.data().remaining()).order(ByteOrder.LITTLE_ENDIAN);
        while (ones.hasRemaining()) {
            ones.putShort((short) (Float.floatToRawIntBits(0.375f) >> 16));
        }
        matrices.parts.put(
                "a.scales", new Tensor("a.scales", Dtype.BFLOAT16, scales.shape(), ones.flip()));
        float[] values = QuantizedMatrices.values(matrix(matrices, config));
        for (float value : values) {
            assertThat(value % 0.375f).isZero();
            assertThat(value).isBetween(-15 * 0.375f, 15 * 0.375f);
        }
        assertThat(values).contains(0.375f, -0.375f);
    }

    private static QuantizedWeight matrix(QuantizedMatrices matrices, QuantizationConfig config)
            throws IOException {
        return matrices.read(config).quantized().get("a.weight");
    }

    @Test
    void unquantizedTensorsAreKept() throws IOException {
        QuantizedMatrices matrices = new QuantizedMatrices("awq");
        Tensor head = matrices.expected.get("a.weight").renamed("lm_head.weight");
        matrices.parts.put("lm_head.weight", head);
        Weights weights = matrices.read(new Awq(32));
        assertThat(weights.unquantized()).containsExactly(Map.entry("lm_head.weight", head));
        assertThat(weights.quantized()).hasSize(2);

        Weights plain =
                QuantizedCheckpoint.read(
                        matrices.file, Map.of("lm_head.weight", head), null, Map.of());
        assertThat(plain.unquantized()).containsOnlyKeys("lm_head.weight");
        assertThat(plain.quantized()).isEmpty();
    }
}
