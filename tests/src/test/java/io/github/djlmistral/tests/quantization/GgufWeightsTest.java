/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.quantization;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import com.google.gson.JsonObject;
import io.github.djlmistral.engine.internal.quantization.GgufWeights;
import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.quantization.Int6;
import io.github.djlmistral.engine.quantization.Int8;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.CheckpointException;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Gguf;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.model.Reference;
import io.github.djlmistral.tests.weights.GgufWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Dequantized values equal gguf-py's, bit for bit. */
class GgufWeightsTest {

    private static final int F32 = 0;
    private static final int Q8_0 = 8;

    private static final Path DIRECTORY = Reference.directory("gguf");
    private static final JsonObject EXPECTED = Reference.json(DIRECTORY.resolve("types.json"));

    @TempDir Path temporary;

    private static Weights recorded() throws IOException {
        return GgufWeights.of(
                Gguf.open(DIRECTORY.resolve("types.gguf")),
                EXPECTED.get("heads").getAsInt(),
                EXPECTED.get("key_heads").getAsInt());
    }

    static Stream<String> names() {
        return EXPECTED.getAsJsonObject("tensors").keySet().stream();
    }

    @ParameterizedTest
    @MethodSource("names")
    void everyTypeDequantizesAsTheReference(String name) throws Exception {
        JsonObject expected = EXPECTED.getAsJsonObject("tensors").getAsJsonObject(name);
        Weights weights = recorded();
        QuantizedWeight quantized = weights.quantized().get(name);
        ByteBuffer numbers = quantized == null ? plain(weights, name) : rows(quantized);

        // some of them first: a hash tells little when it is wrong
        for (int i = 0; i < 3; i++) {
            assertThat(numbers.getFloat(4 * i))
                    .isEqualTo(expected.getAsJsonArray("first").get(i).getAsFloat());
        }
        MessageDigest hash = MessageDigest.getInstance("SHA-256");
        hash.update(numbers.rewind());
        assertThat(HexFormat.of().formatHex(hash.digest()))
                .isEqualTo(expected.get("sha256").getAsString());
    }

    @Test
    void nothingIsLeftOut() throws IOException {
        Weights weights = recorded();
        assertThat(
                        Stream.concat(
                                        weights.unquantized().keySet().stream(),
                                        weights.quantized().keySet().stream())
                                .toList())
                .containsExactlyInAnyOrderElementsOf(names().toList());
    }

    @Test
    void sizeIsPredicted() throws IOException {
        Gguf gguf = Gguf.open(DIRECTORY.resolve("types.gguf"));
        long loaded =
                gguf.tensors().values().stream()
                        .filter(tensor -> tensor.type().isQuantized())
                        .mapToLong(GgufWeights::bytes)
                        .sum();
        assertThat(loaded)
                .isEqualTo(
                        recorded().quantized().values().stream()
                                .mapToLong(QuantizedWeight::bytes)
                                .sum());
    }

    @Test
    void eachTypeTakesTheLayoutOfItsBits() throws IOException {
        Weights weights = recorded();
        Int4 symmetric = (Int4) weights.quantized().get("model.embed_tokens.weight"); // Q4_0
        assertThat(symmetric.offsets()).isNull();
        assertThat(symmetric.scales().dtype()).isEqualTo(Dtype.FLOAT16);
        Int4 k = (Int4) weights.quantized().get("lm_head.weight"); // Q4_K
        assertThat(k.groupSize()).isEqualTo(32);
        assertThat(Objects.requireNonNull(k.offsets()).shape()).isEqualTo(new long[] {5, 2, 160});
        // 65 rows in 5 tiles of 16
        assertThat(8.0 * k.bytes() / (80 * 512)).isEqualTo(4 + 2 * (8 / 32.0 + 16 / 256.0));
        Int6 sixBits = (Int6) weights.quantized().get("model.layers.0.self_attn.k_proj.weight");
        assertThat(sixBits.groupSize()).isEqualTo(16);
        assertThat(sixBits.offsets()).isNull();
        // 36 rows in 3 tiles of 16
        assertThat(8.0 * sixBits.bytes() / (48 * 512)).isEqualTo(6 + 8 / 16.0 + 16 / 256.0);
        Int6 fiveBits = (Int6) weights.quantized().get("model.layers.0.mlp.gate_proj.weight");
        assertThat(fiveBits.scales().dtype()).isEqualTo(Dtype.FLOAT16); // Q5_0
        assertThat(weights.quantized().get("model.layers.0.mlp.down_proj.weight"))
                .isInstanceOf(Int8.class); // Q8_0
    }

    @Test
    void plainTensorsAreNotCopied() throws IOException {
        Gguf gguf = Gguf.open(DIRECTORY.resolve("types.gguf"));
        Tensor norm = GgufWeights.of(gguf, 4, 2).unquantized().get("model.norm.weight");
        ByteBuffer mapped = Objects.requireNonNull(gguf.tensors().get("output_norm.weight")).data();
        if (!mapped.isReadOnly()) {
            mapped.putInt(0, 12345);
            assertThat(Objects.requireNonNull(norm).data().getInt(0)).isEqualTo(12345);
        }
    }

    @Test
    void unsupportedTensorsAreNamed() throws IOException {
        for (String name :
                List.of("rope_freqs.weight", "blk.0.attn_q.bias", "blk.x.attn_q.weight")) {
            Path file =
                    new GgufWriter()
                            .tensor(name, F32, ByteBuffer.allocate(8), 2)
                            .write(temporary.resolve("surplus.gguf"));
            assertThatExceptionOfType(CheckpointException.class)
                    .isThrownBy(() -> GgufWeights.of(Gguf.open(file), 1, 1))
                    .withMessageContainingAll("surplus.gguf", name, "Mistral");
        }
    }

    @Test
    void headsThatDoNotDivideAreRefused() throws IOException {
        Path file =
                new GgufWriter()
                        .tensor("blk.0.attn_k.weight", Q8_0, ByteBuffer.allocate(6 * 34), 6, 32)
                        .write(temporary.resolve("heads.gguf"));
        assertThat(GgufWeights.of(Gguf.open(file), 1, 3).quantized()).hasSize(1);
        assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(() -> GgufWeights.of(Gguf.open(file), 1, 2))
                .withMessageContainingAll("attn_k", "Q8_0[6, 32]", "2 heads");
    }

    @Test
    void aQuantizedTensorMustBeAMatrix() throws IOException {
        Path file =
                new GgufWriter()
                        .tensor("output_norm.weight", Q8_0, ByteBuffer.allocate(34), 32)
                        .write(temporary.resolve("vector.gguf"));
        assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(() -> GgufWeights.of(Gguf.open(file), 1, 1))
                .withMessageContainingAll("output_norm.weight", "Q8_0[32]", "must be a matrix");
    }

    @Test
    void aPartOfAModelIsRefused() throws IOException {
        Path file =
                new GgufWriter()
                        .put("split.count", 3)
                        .write(temporary.resolve("m-00001-of-00003.gguf"));
        assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(() -> GgufWeights.of(Gguf.open(file), 1, 1))
                .withMessageContainingAll("one of the 3 parts", "--merge");
    }

    private static ByteBuffer rows(QuantizedWeight weight) {
        ByteBuffer numbers = numbers(weight.rows() * weight.columns());
        float[] row = new float[weight.columns()];
        for (int r = 0; r < weight.rows(); r++) {
            weight.dequantizeRow(r, row);
            for (float number : row) {
                numbers.putFloat(number);
            }
        }
        return numbers;
    }

    private static ByteBuffer plain(Weights weights, String name) {
        Tensor tensor = Objects.requireNonNull(weights.unquantized().get(name), name);
        ByteBuffer data = tensor.data();
        ByteBuffer numbers = numbers((int) tensor.elements());
        while (data.hasRemaining()) {
            numbers.putFloat(
                    switch (tensor.dtype()) {
                        case FLOAT32 -> data.getFloat();
                        case BFLOAT16 -> Float.intBitsToFloat(data.getShort() << 16);
                        case FLOAT16 -> half(data.getShort());
                        default -> throw new AssertionError(tensor);
                    });
        }
        return numbers;
    }

    /** A recorded value of normal magnitude. */
    private static float half(short bits) {
        int exponent = bits >> 10 & 31;
        double fraction = bits & 1023;
        double magnitude =
                exponent == 0 ? fraction * 0x1p-24 : Math.scalb(1024 + fraction, exponent - 25);
        return (float) (bits < 0 ? -magnitude : magnitude);
    }

    private static ByteBuffer numbers(int count) {
        return ByteBuffer.allocate(4 * count).order(ByteOrder.LITTLE_ENDIAN);
    }
}
