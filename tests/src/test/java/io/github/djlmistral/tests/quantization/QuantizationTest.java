/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.quantization;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.djlmistral.engine.internal.quantization.QuantizedCheckpoint;
import io.github.djlmistral.engine.quantization.BitsandbytesWeight;
import io.github.djlmistral.engine.quantization.InsufficientMemoryException;
import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.quantization.Int8;
import io.github.djlmistral.engine.quantization.Quantization;
import io.github.djlmistral.engine.quantization.Quantization.Head;
import io.github.djlmistral.engine.quantization.Quantization.Method;
import io.github.djlmistral.engine.quantization.QuantizationConfig;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.quantization.PlainWeights.Distribution;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Which weights are quantized, and how. */
class QuantizationTest {

    private static final String Q_PROJ = "model.layers.11.self_attn.q_proj.weight";
    private static final String DOWN = "model.layers.0.mlp.down_proj.weight";
    private static final String HEAD = "lm_head.weight";
    private static final String EMBEDDING = "model.embed_tokens.weight";
    private static final String NORM = "model.layers.0.input_layernorm.weight";

    /** 21 rows, so that no tile is full. */
    private static Weights plain() {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (String name : List.of(EMBEDDING, Q_PROJ, DOWN, HEAD)) {
            tensors.put(name, Distribution.NORMAL.matrix(21, 128, 1).renamed(name));
        }
        tensors.put(NORM, PlainWeights.matrix(Dtype.FLOAT32, 1, new float[128]).renamed(NORM));
        return new Weights(tensors, Map.of());
    }

    @Test
    void textsAreRead() {
        assertThat(Quantization.parse("int4"))
                .isEqualTo(new Quantization(Method.INT4, 64, false, false, Head.INT8));
        assertThat(Quantization.parse("INT4-g128-sym-head16"))
                .isEqualTo(new Quantization(Method.INT4, 128, true, false, Head.PLAIN));
        assertThat(Quantization.parse("int4-head4-g32"))
                .isEqualTo(new Quantization(Method.INT4, 32, false, false, Head.INT4));
        assertThat(Quantization.parse("nf4"))
                .isEqualTo(new Quantization(Method.NF4, 64, false, false, Head.PLAIN));
        assertThat(Quantization.parse("nf4-double"))
                .isEqualTo(new Quantization(Method.NF4, 64, false, true, Head.PLAIN));
    }

    @ParameterizedTest
    @ValueSource(strings = {"int4", "int4-g32-sym-head4", "int4-g128-head16", "nf4", "nf4-double"})
    void textsComeBack(String text) {
        Quantization quantization = Quantization.parse(text);
        assertThat(Quantization.parse(quantization.toString())).isEqualTo(quantization);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "int8",
                "fp4",
                "int4-",
                "int4-g16",
                "int4-64",
                "int4-double",
                "nf4-sym",
                "nf4-g32",
                "nf4-head8",
                "int4 g64"
            })
    void invalidQuantizationsAreRejected(String text) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Quantization.parse(text))
                .withMessageContaining("nf4");
    }

    @ParameterizedTest
    @CsvSource({
        "int4, int4 g64, int8 g32",
        "int4-g32-sym, int4 g32, int8 g32",
        "int4-g128-head4, int4 g128, int4 g128",
        "int4-head16, int4 g64, plain",
        "nf4, nf4, plain",
        "nf4-double, nf4, plain"
    })
    void linearLayersAreQuantized(String text, String linear, String head) {
        Quantization quantization = Quantization.parse(text);
        Weights before = plain();
        Weights after = quantization.apply(before);
        assertThat(after.quantized().get(Q_PROJ)).hasToString(linear);
        assertThat(after.quantized().get(DOWN)).hasToString(linear);
        assertThat(after.unquantized()).containsKeys(EMBEDDING, NORM);
        // unquantized tensors are not copied
        assertThat(after.unquantized().get(EMBEDDING))
                .isSameAs(before.unquantized().get(EMBEDDING));
        if (head.equals("plain")) {
            assertThat(after.unquantized()).containsKey(HEAD);
        } else {
            assertThat(after.quantized().get(HEAD)).hasToString(head);
        }
        assertThat(after.unquantized().size() + after.quantized().size())
                .isEqualTo(before.unquantized().size());
    }

    /** The estimate may be off by one block. */
    @ParameterizedTest
    @ValueSource(strings = {"int4", "int4-g32-sym", "int4-g128-head4", "nf4"})
    void sizesAreKnownBeforehand(String text) {
        Quantization quantization = Quantization.parse(text);
        quantization
                .apply(plain())
                .quantized()
                .forEach(
                        (name, matrix) -> {
                            long bytes = quantization.bytes(name, matrix.rows(), matrix.columns());
                            assertThat(bytes).isBetween(matrix.bytes(), matrix.bytes() + 8);
                        });
    }

    /** Mistral 7B: the documented sizes. */
    @Test
    void sizeOfSevenBillion() {
        Quantization int4 = Quantization.parse("int4");
        double bits = 8.0 * int4.bytes(DOWN, 4096, 14336) / (4096 * 14336);
        assertThat(bits).isEqualTo(4.5);
        assertThat(8.0 * int4.bytes(HEAD, 32000, 4096) / (32000 * 4096)).isEqualTo(8.5);
        assertThat(8.0 * Quantization.parse("int4-g128").bytes(DOWN, 4096, 14336) / (4096 * 14336))
                .isEqualTo(4.25);
    }

    @Test
    void storedTensorsAreReadBack() throws Exception {
        for (String text : List.of("int4", "int4-g32-sym-head4", "nf4", "nf4-double")) {
            Quantization quantization = Quantization.parse(text);
            Weights weights = quantization.apply(plain());
            Map<String, Tensor> stored = new LinkedHashMap<>(weights.unquantized());
            Map<String, long[]> shapes = new LinkedHashMap<>();
            for (String name : weights.quantized().keySet()) {
                Tensor tensor = plain().unquantized().get(name);
                shapes.put(name, tensor.shape());
                quantization
                        .quantize(tensor)
                        .stored()
                        .forEach(part -> stored.put(part.name(), part));
            }
            QuantizationConfig config =
                    text.startsWith("nf4")
                            ? new QuantizationConfig.Bitsandbytes("nf4")
                            : new QuantizationConfig.Int4(
                                    quantization.groupSize(), quantization.symmetric());
            Weights read = QuantizedCheckpoint.read(Path.of("x"), stored, config, shapes);
            assertThat(read.unquantized()).isEqualTo(weights.unquantized());
            assertThat(read.quantized()).hasSameSizeAs(weights.quantized());
            read.quantized()
                    .forEach(
                            (name, matrix) -> {
                                QuantizedWeight made = weights.quantized().get(name);
                                assertThat(matrix).hasSameClassAs(made);
                                assertThat(QuantizedMatrices.values(matrix))
                                        .as(text + " " + name)
                                        .isEqualTo(QuantizedMatrices.values(made));
                            });
        }
    }

    @Test
    void quantizedWeightsAreNotQuantizedAgain() {
        Weights once = Quantization.parse("int4").apply(plain());
        assertThatIllegalArgumentException()
                .isThrownBy(() -> Quantization.parse("nf4").apply(once))
                .withMessageContainingAll("already", "int4 g64");
    }

    @Test
    void damagedWeightsAreNamed() {
        Map<String, Tensor> tensors = new LinkedHashMap<>(plain().unquantized());
        float[] values = new float[128];
        values[5] = Float.NaN;
        tensors.put(DOWN, PlainWeights.matrix(Dtype.FLOAT32, 1, values).renamed(DOWN));
        for (String text : List.of("int4", "nf4")) {
            assertThatIllegalArgumentException()
                    .isThrownBy(
                            () -> Quantization.parse(text).apply(new Weights(tensors, Map.of())))
                    .withMessageContaining(DOWN);
        }
    }

    /** Nearly a terabyte of weights that share the same 16 MiB. */
    @Test
    void tooLittleMemoryIsNoticedBeforehand() {
        ByteBuffer data = ByteBuffer.allocateDirect(1 << 24);
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        // NaN, which is an error as soon as one is looked at
        data.putShort(0, (short) -1);
        for (int i = 0; i < 200_000; ++i) {
            String name = Q_PROJ.replace("11", i + "");
            tensors.put(name, new Tensor(name, Dtype.BFLOAT16, new long[] {2048, 4096}, data));
        }
        assertThatExceptionOfType(InsufficientMemoryException.class)
                .isThrownBy(() -> Quantization.parse("int4").apply(new Weights(tensors, Map.of())))
                .withMessageContainingAll("takes 878.91 GiB", "mistral quantize");
    }

    @Test
    void typesAreThoseOfTheLayouts() {
        Weights int4 = Quantization.parse("int4").apply(plain());
        assertThat(int4.quantized().get(Q_PROJ)).isInstanceOf(Int4.class);
        assertThat(int4.quantized().get(HEAD)).isInstanceOf(Int8.class);
        assertThat(Quantization.parse("nf4").apply(plain()).quantized().get(DOWN))
                .isInstanceOf(BitsandbytesWeight.class);
    }
}
