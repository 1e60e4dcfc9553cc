/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.quantization;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import io.github.djlmistral.engine.internal.quantization.QuantizedCheckpoint;
import io.github.djlmistral.engine.quantization.QuantizationConfig;
import io.github.djlmistral.engine.quantization.QuantizationConfig.Awq;
import io.github.djlmistral.engine.quantization.QuantizationConfig.Bitsandbytes;
import io.github.djlmistral.engine.quantization.QuantizationConfig.Gptq;
import io.github.djlmistral.engine.weights.CheckpointException;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Quantized checkpoints that are incomplete, damaged, or not what their configuration says. */
class QuantizedCheckpointFaultsTest {

    private static final Bitsandbytes NF4 = new Bitsandbytes("nf4");
    private static final Gptq GPTQ = new Gptq(32, true, "gptq");
    private static final Awq AWQ = new Awq(32);
    private static final QuantizationConfig.Int4 INT4 = new QuantizationConfig.Int4(32, false);
    private static final String STATE = "double.weight.quant_state.bitsandbytes__nf4";

    private static QuantizationConfig config(String file) {
        return switch (file) {
            case "bitsandbytes-nf4" -> NF4;
            case "gptq" -> GPTQ;
            case "awq" -> AWQ;
            default -> INT4;
        };
    }

    private static void assertRefused(
            QuantizedMatrices matrices, QuantizationConfig config, String... told) {
        var refused =
                assertThatExceptionOfType(CheckpointException.class)
                        .isThrownBy(() -> matrices.read(config))
                        .withMessageContaining(matrices.file.toString());
        for (String part : told) {
            refused.withMessageContaining(part);
        }
    }

    private static Tensor bytes(String name, Dtype dtype, byte[] bytes, long... shape) {
        ByteBuffer direct = ByteBuffer.allocateDirect(bytes.length).put(bytes).flip();
        return new Tensor(name, dtype, shape, direct);
    }

    /** Every tensor of a quantized weight, of every format. */
    private static Stream<String> parts() throws IOException {
        Stream<String> all = Stream.of();
        for (String file : new String[] {"bitsandbytes-nf4", "gptq", "awq", "int4"}) {
            all =
                    Stream.concat(
                            all,
                            new QuantizedMatrices(file)
                                    .parts.keySet().stream()
                                            .filter(name -> !name.endsWith("bias"))
                                            .map(name -> file + "/" + name));
        }
        return all;
    }

    @ParameterizedTest
    @MethodSource("parts")
    void aPartIsMissing(String part) throws IOException {
        String file = part.substring(0, part.indexOf('/'));
        String name = part.substring(part.indexOf('/') + 1);
        QuantizedMatrices matrices = new QuantizedMatrices(file);
        matrices.parts.remove(name);
        // without the part that a matrix is recognized by, the others are left
        String matrix = name.substring(0, name.indexOf('.') + 1);
        assertRefused(matrices, config(file), matrix);
    }

    @ParameterizedTest
    @MethodSource("parts")
    void aPartIsOfAnotherTypeOrShape(String part) throws IOException {
        String file = part.substring(0, part.indexOf('/'));
        String name = part.substring(part.indexOf('/') + 1);
        QuantizedMatrices matrices = new QuantizedMatrices(file);
        Tensor right = matrices.parts.get(name);
        int size = right.data().remaining();
        matrices.parts.put(name, bytes(name, Dtype.INT8, new byte[size], size));
        assertRefused(matrices, config(file), name, "I8", "is expected");
        if (!name.contains("quant_state")) { // a JSON may have any length
            long cut = right.elements() - 1;
            byte[] bytes = new byte[(int) (cut * right.dtype().bytes())];
            matrices.parts.put(name, bytes(name, right.dtype(), bytes, cut, 1));
            assertRefused(matrices, config(file), name.substring(0, name.indexOf('.') + 1));
        }
    }

    @ParameterizedTest
    @CsvSource({
        "bitsandbytes-nf4, gptq, bitsandbytes",
        "bitsandbytes-nf4, int4, bitsandbytes",
        "gptq, bitsandbytes-nf4, GPTQ or AWQ",
        "gptq, awq, quant_method",
        "gptq, int4, GPTQ or AWQ",
        "awq, gptq, quant_method",
        "int4, bitsandbytes-nf4, int4",
        "int4, awq, int4"
    })
    void theConfigurationIsOfAnotherFormat(String file, String configured, String told)
            throws IOException {
        assertRefused(new QuantizedMatrices(file), config(configured), told);
    }

    @ParameterizedTest
    @ValueSource(strings = {"bitsandbytes-nf4", "gptq", "awq", "int4"})
    void theConfigurationIsOfAPlainCheckpoint(String file) throws IOException {
        assertRefused(new QuantizedMatrices(file), null, "has no quantization_config");
    }

    @ParameterizedTest
    @ValueSource(strings = {"bitsandbytes-nf4", "gptq", "awq", "int4"})
    void theCheckpointIsPlain(String file) throws IOException {
        QuantizedMatrices matrices = new QuantizedMatrices(file);
        assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(
                        () ->
                                QuantizedCheckpoint.read(
                                        matrices.file, matrices.expected, config(file), Map.of()))
                .withMessageContaining("none of the " + matrices.expected.size() + " tensors")
                .withMessageContaining("remove quantization_config");
    }

    @Test
    void eightBitsOfBitsandbytes() throws IOException {
        QuantizedMatrices matrices = new QuantizedMatrices("bitsandbytes-nf4");
        matrices.parts.put("x.SCB", matrices.expected.get("odd.weight"));
        assertRefused(matrices, NF4, "x.SCB", "8 bits");
    }

    @Test
    void duplicateWeight() throws IOException {
        QuantizedMatrices matrices = new QuantizedMatrices("awq");
        matrices.parts.put("a.weight", matrices.expected.get("a.weight"));
        assertRefused(matrices, AWQ, "a.weight exists twice");
    }

    @Test
    void anotherTypeOfBitsandbytes() throws IOException {
        assertRefused(
                new QuantizedMatrices("bitsandbytes-nf4"), new Bitsandbytes("fp4"), "nf4", "fp4");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "",
                "null",
                "[]",
                "{",
                "{} {}",
                "{'dtype': 'float16'}",
                "\u00ff",
                "{\"dtype\": \"float16\"}",
                "{\"dtype\": 3, \"shape\": [131, 129], \"blocksize\": 64}",
                "{\"dtype\": \"float17\", \"shape\": [131, 129], \"blocksize\": 64}",
                "{\"dtype\": \"float16\", \"shape\": [16899], \"blocksize\": 64}",
                "{\"dtype\": \"float16\", \"shape\": null, \"blocksize\": 64}",
                "{\"dtype\": \"float16\", \"shape\": [131, 130], \"blocksize\": 64}",
                "{\"dtype\": \"float16\", \"shape\": [131, -129], \"blocksize\": 64}",
                "{\"dtype\": \"float16\", \"shape\": [131, \"129\"], \"blocksize\": 64}",
                "{\"dtype\": \"float16\", \"shape\": [131, 4294967425], \"blocksize\": 64}",
                "{\"dtype\": \"float16\", \"shape\": [131, 129], \"blocksize\": 0}",
                "{\"dtype\": \"float16\", \"shape\": [131, 129], \"blocksize\": 6.5}",
                "{\"dtype\": \"float16\", \"shape\": [131, 129]}",
                // blocks of 64 but absmax that are float32, then nested ones that lack something
                "{\"dtype\": \"float16\", \"shape\": [131, 129], \"blocksize\": 64}",
                "{\"dtype\": \"float16\", \"shape\": [131, 129], \"blocksize\": 64,"
                        + " \"nested_blocksize\": 256, \"nested_dtype\": \"float32\"}",
                "{\"dtype\": \"float16\", \"shape\": [131, 129], \"blocksize\": 64,"
                        + " \"nested_blocksize\": 256, \"nested_offset\": 0.5}",
                "{\"dtype\": \"float16\", \"shape\": [131, 129], \"blocksize\": 64,"
                        + " \"nested_blocksize\": 0, \"nested_dtype\": \"float32\","
                        + " \"nested_offset\": 0.5}",
                "{\"dtype\": \"float16\", \"shape\": [131, 129], \"blocksize\": 64,"
                        + " \"nested_blocksize\": 256, \"nested_dtype\": \"float32\","
                        + " \"nested_offset\": 1e39}",
                "{\"dtype\": \"float16\", \"shape\": [131, 129], \"blocksize\": 64,"
                        + " \"nested_blocksize\": 256, \"nested_dtype\": \"float32\","
                        + " \"nested_offset\": NaN}"
            })
    void invalidQuantState(String json) throws IOException {
        QuantizedMatrices matrices = new QuantizedMatrices("bitsandbytes-nf4");
        byte[] state = json.getBytes(StandardCharsets.ISO_8859_1);
        matrices.parts.put(STATE, bytes(STATE, Dtype.UINT8, state, state.length));
        assertRefused(matrices, NF4, "double.weight");
    }

    @ParameterizedTest
    @CsvSource({
        "-1, 'input 40, but there are 4 groups'",
        "4, 'input 40, but there are 4 groups'",
        "2147483647, 'input 40, but there are 4 groups'",
        "0, 'more than group_size, 32, inputs in group 0'",
        "3, 'more than group_size, 32, inputs in group 3'"
    })
    void anInputOfAGroupThatIsNotThereOrFull(int group, String told) throws IOException {
        QuantizedMatrices matrices = new QuantizedMatrices("gptq");
        String name = "act_order.g_idx";
        ByteBuffer index = ByteBuffer.allocate(128 * 4).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < 128; ++i) {
            index.putInt(4 * i, i == 40 ? group : i == 127 ? 0 : (i + 1) / 32 % 4);
        }
        matrices.parts.put(name, bytes(name, Dtype.INT32, index.array(), 128));
        assertRefused(matrices, GPTQ, name, told);
    }

    @ParameterizedTest
    @CsvSource({"gptq, 64", "gptq, 128", "awq, 64", "awq, 128", "int4, 64", "int4, 128"})
    void groupsOfAnotherSize(String file, int size) throws IOException {
        QuantizationConfig config =
                switch (file) {
                    case "gptq" -> new Gptq(size, true, "gptq");
                    case "awq" -> new Awq(size);
                    default -> new QuantizationConfig.Int4(size, false);
                };
        assertRefused(new QuantizedMatrices(file), config, ".", "" + size);
    }

    /** Scales must be short enough for an exact float32 product of scale and code. */
    @Test
    void scalesInFloat32() throws IOException {
        QuantizedMatrices matrices = new QuantizedMatrices("awq");
        Tensor half = matrices.parts.get("a.scales");
        byte[] wide = new byte[2 * half.data().remaining()];
        matrices.parts.put("a.scales", bytes("a.scales", Dtype.FLOAT32, wide, half.shape()));
        assertRefused(matrices, AWQ, "a.scales", "[float16, bfloat16]");
    }

    /** Only all-zero biases, as AutoGPTQ writes, may be dropped. */
    @Test
    void nonZeroBiasIsKept() throws IOException {
        QuantizedMatrices matrices = new QuantizedMatrices("gptq");
        String name = "symmetric.bias";
        byte[] bias = new byte[16];
        bias[15] = 1;
        Tensor tensor = bytes(name, Dtype.FLOAT16, bias, 8);
        matrices.parts.put(name, tensor);
        assertThat(matrices.read(GPTQ).unquantized()).containsExactly(Map.entry(name, tensor));
    }

    @Test
    void int4OfAnUnknownWeight() throws IOException {
        QuantizedMatrices matrices = new QuantizedMatrices("int4");
        matrices.expected.remove("b.weight");
        assertRefused(matrices, INT4, "the network has no matrix b.weight");
    }

    @Test
    void int4WithAndWithoutOffsets() throws IOException {
        assertRefused(
                new QuantizedMatrices("int4"),
                new QuantizationConfig.Int4(32, true),
                "int4.offsets is there");
        assertRefused(
                new QuantizedMatrices("int4-symmetric-128"),
                new QuantizationConfig.Int4(128, false),
                "int4.offsets is missing");
    }
}
