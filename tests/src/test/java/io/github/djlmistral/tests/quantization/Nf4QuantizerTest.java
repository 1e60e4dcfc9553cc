/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.quantization;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.djlmistral.engine.internal.quantization.BitsandbytesWriter;
import io.github.djlmistral.engine.internal.quantization.Nf4Quantizer;
import io.github.djlmistral.engine.internal.quantization.QuantizedCheckpoint;
import io.github.djlmistral.engine.quantization.BitsandbytesWeight;
import io.github.djlmistral.engine.quantization.QuantizationConfig;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Safetensors;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.model.Reference;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** NF4 quantizer against tests/reference/nf4.py, and the bitsandbytes file layout. */
class Nf4QuantizerTest {

    private static Map<String, Tensor> reference;

    @BeforeAll
    static void read() throws Exception {
        reference = Safetensors.read(Reference.directory("quantized/nf4.safetensors"));
    }

    @ParameterizedTest
    @ValueSource(strings = {"normal", "odd", "edges"})
    void codesAreThoseOfBitsandbytes(String name) {
        BitsandbytesWeight matrix = Nf4Quantizer.quantize(reference.get(name + ".weight"));
        assertThat(matrix.codes().data()).isEqualTo(reference.get(name + ".codes").data());
        assertThat(matrix.absmax().data()).isEqualTo(reference.get(name + ".absmax").data());
    }

    /** The errors stated in bitsandbytes' tests for N(0, 1) weights and blocks of 64. */
    @Test
    void errorEqualsThatOfBitsandbytes() {
        Random random = new Random(1);
        float[] weights = new float[1024 * 1024];
        for (int i = 0; i < weights.length; ++i) {
            weights[i] = (float) random.nextGaussian();
        }
        Tensor tensor = PlainWeights.matrix(Dtype.FLOAT32, 1024, weights);
        float[] given = QuantizedMatrices.values(Nf4Quantizer.quantize(tensor));
        double error = 0;
        double relative = 0;
        for (int i = 0; i < weights.length; ++i) {
            double off = Math.abs(weights[i] - given[i]);
            error += off / weights.length;
            relative += off / (Math.abs(weights[i]) + 1e-8) / weights.length;
        }
        // four times the spread that they state, for as many weights
        assertThat(error).isCloseTo(0.072798, within(3e-4));
        assertThat(relative).isCloseTo(0.203339, within(1e-3));
    }

    @Test
    void zeroAndTinyBlocksStayFinite() {
        float[] values = new float[128];
        values[70] = Float.MIN_VALUE;
        Tensor tensor = PlainWeights.matrix(Dtype.FLOAT32, 1, values);
        assertThat(QuantizedMatrices.values(Nf4Quantizer.quantize(tensor))).containsOnly(0);
        values[70] = Float.NaN;
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () -> Nf4Quantizer.quantize(PlainWeights.matrix(Dtype.FLOAT32, 1, values)))
                .withMessageContaining("m.weight");
    }

    private static Map<String, Tensor> written(String name, boolean doubled) {
        Tensor weight = reference.get(name + ".weight");
        Map<String, Tensor> parts = new LinkedHashMap<>();
        int width = Integer.MAX_VALUE;
        BitsandbytesWeight matrix = Nf4Quantizer.quantize(weight);
        for (Tensor part :
                BitsandbytesWriter.tensors("x.weight", matrix, weight.dtype(), doubled)) {
            assertThat(part.dtype().bytes()).as("wide types first").isLessThanOrEqualTo(width);
            width = part.dtype().bytes();
            parts.put(part.name(), part);
        }
        return parts;
    }

    /** Dequantized here by the format's definition. */
    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void fileHoldsTheMatrix(boolean doubled) throws Exception {
        Tensor weight = reference.get("normal.weight");
        Map<String, Tensor> parts = written("normal", doubled);
        assertThat(parts).hasSize(doubled ? 6 : 4);
        assertThat(parts.get("x.weight").shape()).containsExactly(weight.elements() / 2, 1);
        ByteBuffer codes = parts.get("x.weight").data();
        ByteBuffer table = parts.get("x.weight.quant_map").data();
        ByteBuffer json = parts.get("x.weight.quant_state.bitsandbytes__nf4").data();
        JsonObject state =
                JsonParser.parseString(StandardCharsets.UTF_8.decode(json).toString())
                        .getAsJsonObject();
        assertThat(state.get("shape").toString()).isEqualTo("[150,128]");
        assertThat(state.get("dtype").getAsString()).isEqualTo("float16");
        assertThat(state.get("blocksize").getAsInt()).isEqualTo(64);
        float[] decoded = new float[(int) weight.elements()];
        for (int i = 0; i < decoded.length; ++i) {
            int code = codes.get(i / 2) >> (i % 2 == 0 ? 4 : 0) & 15;
            decoded[i] = table.getFloat(4 * code) * absmax(parts, state, i / 64);
        }
        BitsandbytesWeight matrix = Nf4Quantizer.quantize(weight);
        double error = PlainWeights.errors(weight, decoded, decoded.length)[0];
        // double quantization moves absmax by a per cent at most
        assertThat(error / PlainWeights.error(weight, matrix))
                .isCloseTo(1, within(doubled ? 1e-2 : 0));
        // and our reader reads the same, to the last bit
        String type = state.get("quant_type").getAsString();
        QuantizedWeight read =
                QuantizedCheckpoint.read(
                                Path.of("x"),
                                parts,
                                new QuantizationConfig.Bitsandbytes(type),
                                Map.of())
                        .quantized()
                        .get("x.weight");
        assertThat(QuantizedMatrices.values(read)).isEqualTo(decoded);
    }

    private static float absmax(Map<String, Tensor> parts, JsonObject state, int block) {
        ByteBuffer absmax = parts.get("x.weight.absmax").data();
        if (!state.has("nested_offset")) {
            return absmax.getFloat(4 * block);
        }
        int size = state.get("nested_blocksize").getAsInt();
        float value =
                parts.get("x.weight.nested_quant_map")
                        .data()
                        .getFloat(4 * (absmax.get(block) & 255));
        float nested = parts.get("x.weight.nested_absmax").data().getFloat(4 * (block / size));
        return value * nested + state.get("nested_offset").getAsFloat();
    }

    @Test
    void doubleQuantizationIsThatOfBitsandbytes() {
        Map<String, Tensor> parts = written("normal", true);
        assertThat(parts.get("x.weight.absmax").data())
                .isEqualTo(reference.get("normal.doubled").data());
        assertThat(parts.get("x.weight.nested_absmax").data())
                .isEqualTo(reference.get("normal.nested_absmax").data());
        float offset = reference.get("normal.offset").data().getFloat();
        String json =
                StandardCharsets.UTF_8
                        .decode(parts.get("x.weight.quant_state.bitsandbytes__nf4").data())
                        .toString();
        assertThat(JsonParser.parseString(json).getAsJsonObject().get("nested_offset").getAsFloat())
                .isEqualTo(offset);
    }

    @Test
    void equalBlocksCanBeDoublyQuantized() {
        // all absmax equal their mean, so the difference to quantize is 0
        Map<String, Tensor> parts = written("edges", true);
        assertThat(List.of(parts.get("x.weight.nested_absmax").data().getFloat())).containsOnly(0f);
    }
}
