/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.hostile;

import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.model.MistralCheckpoint;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.weights.Checkpoint;
import io.github.djlmistral.engine.weights.GgufMetadata;
import io.github.djlmistral.engine.weights.Safetensors;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Configurations and weights crafted to break their reader. */
@Timeout(20)
class HostileCheckpointTest {

    @TempDir Path directory;

    private Path file(String name, String content) throws IOException {
        return Files.writeString(directory.resolve(name), content);
    }

    private Path sparse(String name, long size) throws IOException {
        Path file = directory.resolve(name);
        try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
            sparse.setLength(size);
        }
        return file;
    }

    private static String config(String key, String value) {
        return "{\"" + key + "\": " + value + "}";
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            value = {
                "num_attention_heads     | 2147483648",
                "num_attention_heads     | -1",
                "num_attention_heads     | 0",
                "num_attention_heads     | 1e999999999",
                "num_attention_heads     | 1e-999999999",
                "num_attention_heads     | [32]",
                "num_attention_heads     | '\"32\"'",
                "num_attention_heads     | null",
                "num_hidden_layers       | 2147483647",
                "head_dim                | 2147483646",
                "hidden_size             | 2147483616",
                "vocab_size              | 2147483647",
                "intermediate_size       | 2147483647",
                "rope_theta              | 1e999",
                "rms_norm_eps            | 1e99",
                "rope_parameters         | []",
                "hidden_act              | 7",
                "eos_token_id            | {}",
                "torch_dtype             | float7",
                "quantization_config     | []",
                "quantization_config     | {}",
                "model_type              | {}",
            })
    void valuesOfAConfiguration(String key, String value) throws IOException {
        file("config.json", config(key, value));

        Refusal.of(() -> MistralConfig.read(directory)).contains("config.json: ");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"", "[]", "null", "{", "{\"a\":1,\"a\":2}", "{} {}", "{\"a\":\"\\ud800\"}"})
    void invalidDocuments(String json) throws IOException {
        file("config.json", json);
        file("generation_config.json", json);

        Refusal.of(() -> MistralConfig.read(directory)).contains("config.json: ");
        Refusal.of(() -> GenerationConfig.read(directory, MistralConfig.defaults()))
                .contains("generation_config.json: ");
    }

    @Test
    void nesting() throws IOException {
        file("config.json", "{\"a\":" + "[".repeat(1_000_000));

        Refusal.of(() -> MistralConfig.read(directory)).contains("nested more than 64 deep");
    }

    @Test
    void numbersOfManyDigits() throws IOException {
        file("config.json", config("vocab_size", "1".repeat(1000)));

        Refusal.of(() -> MistralConfig.read(directory)).contains("a number of 1000 characters");
    }

    @Test
    void manyValues() throws IOException {
        file("config.json", config("a", "[" + "{},".repeat(5_000_000) + "{}]"));

        Refusal.of(() -> MistralConfig.read(directory)).contains("too many values");
    }

    @ParameterizedTest
    @ValueSource(strings = {"config.json", "params.json", "model.safetensors.index.json"})
    void filesOfGigabytes(String name) throws IOException {
        sparse(name, 5L << 30);

        if (name.contains("index")) {
            Refusal.of(() -> Checkpoint.open(directory)).contains(name, "5368709120 bytes");
        } else {
            Refusal.of(() -> MistralConfig.read(directory)).contains(name, "5368709120 bytes");
        }
    }

    @ParameterizedTest
    @CsvSource({"config.json, /dev/zero", "config.json, /dev", "model.safetensors, /dev/zero"})
    void linksToDevicesAndDirectories(String name, Path target) throws IOException {
        if (!name.equals("config.json")) {
            file("config.json", "{}");
        }
        Files.createSymbolicLink(directory.resolve(name), target);

        Refusal.of(() -> MistralCheckpoint.open(directory));
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"weight_map\": []}",
                "{\"weight_map\": null}",
                "{\"weight_map\": {\"a\": null}}",
                "{\"weight_map\": {\"a\": 1}}",
                "{\"weight_map\": {\"a\": [\"model.safetensors\"]}}",
                "{\"weight_map\": {\"a\": \"../other.safetensors\"}}",
                "{\"weight_map\": {\"a\": \"/etc/x.safetensors\"}}",
                "{\"weight_map\": {\"a\": \"C:x.safetensors\"}}",
                "{\"weight_map\": {\"a\": \"..\\\\x.safetensors\"}}",
                "{\"weight_map\": {\"a\": \"con.safetensors\"}}",
                "{\"weight_map\": {\"a\": \"x\\u0000.safetensors\"}}",
            })
    void indices(String json) throws IOException {
        file("model.safetensors.index.json", json);

        Refusal.of(() -> Checkpoint.open(directory)).contains("model.safetensors.index.json: ");
    }

    @Test
    void aNameInAMessageIsOneShortLine() throws IOException {
        String name = "\\u001b[2J\\n\\u202e" + "x".repeat(100_000);
        file("model.safetensors.index.json", "{\"weight_map\": {\"a\": \"" + name + "\"}}");

        Refusal.of(() -> Checkpoint.open(directory)).doesNotContain("\n", "\u001b", "\u202e");
    }

    private Path safetensors(String header, int data) throws IOException {
        byte[] json = header.getBytes(StandardCharsets.UTF_8);
        ByteBuffer bytes = ByteBuffer.allocate(8 + json.length + data);
        bytes.order(ByteOrder.LITTLE_ENDIAN).putLong(json.length).put(json);
        return Files.write(directory.resolve("model.safetensors"), bytes.array());
    }

    @Test
    void aShapeOfManyDimensions() throws IOException {
        String shape = "1,".repeat(300_000) + "1";
        Path file =
                safetensors(
                        "{\"a\":{\"dtype\":\"U8\",\"data_offsets\":[0,1],\"shape\":["
                                + shape
                                + "]}}",
                        1);

        Refusal.of(() -> Safetensors.read(file)).contains("a.shape", "300001");
    }

    @Test
    void manyTensors() throws IOException {
        StringBuilder header = new StringBuilder("{");
        for (int i = 0; i < 100_000; i++) {
            header.append('"').append(i).append("\":");
            header.append("{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]},");
        }
        header.setCharAt(header.length() - 1, '}');
        Path file = safetensors(header.toString(), 0);

        Refusal.of(() -> Safetensors.read(file)).contains("100000 tensors");
    }

    @Test
    void aHeaderThatClaimsTheWholeFile() throws IOException {
        Path file = sparse("model.safetensors", 1L << 30);
        try (RandomAccessFile start = new RandomAccessFile(file.toFile(), "rw")) {
            start.writeLong(Long.reverseBytes((1L << 30) - 8));
        }

        Refusal.of(() -> Safetensors.read(file))
                .contains("the length of its header is 1073741816 bytes");
    }

    @Test
    void rowsBeyondIntegersInTheConsolidatedLayout() throws IOException {
        file(
                "params.json",
                "{\"dim\":64,\"n_layers\":1,\"head_dim\":16,\"hidden_dim\":64,\"n_heads\":4,"
                        + "\"n_kv_heads\":4,\"norm_eps\":1e-5,\"vocab_size\":32}");
        safetensors(
                "{\"layers.0.attention.wq.weight\":"
                        + "{\"dtype\":\"F16\",\"shape\":[1099511627776,0],\"data_offsets\":[0,0]}}",
                0);
        Files.move(
                directory.resolve("model.safetensors"),
                directory.resolve("consolidated.safetensors"));

        Refusal.of(() -> MistralCheckpoint.open(directory)).contains("4 heads");
    }

    @Test
    void aTensorNamedWithControlCharacters() throws IOException {
        file(
                "params.json",
                "{\"dim\":64,\"n_layers\":1,\"head_dim\":16,\"hidden_dim\":64,\"n_heads\":4,"
                        + "\"n_kv_heads\":4,\"norm_eps\":1e-5,\"vocab_size\":32}");
        Path weights =
                safetensors(
                        "{\"\\u001b[2J\\n\":{\"dtype\":\"F16\",\"shape\":[0],\"data_offsets\":[0,0]}}",
                        0);
        Files.move(weights, directory.resolve("consolidated.safetensors"));

        Refusal.of(() -> MistralCheckpoint.open(directory))
                .contains("is not a tensor of a Mistral");
    }

    private static ByteBuffer gguf(byte[] file, long tensors, long pairs) {
        ByteBuffer bytes = ByteBuffer.wrap(file).order(ByteOrder.LITTLE_ENDIAN);
        return bytes.put("GGUF".getBytes(StandardCharsets.US_ASCII))
                .putInt(3)
                .putLong(tensors)
                .putLong(pairs);
    }

    private static void key(ByteBuffer to, String key, int type) {
        byte[] name = key.getBytes(StandardCharsets.UTF_8);
        to.putLong(name.length).put(name).putInt(type);
    }

    @Test
    void manyLargeArraysInAGgufFile() throws IOException {
        int numbers = 1 << 22;
        byte[] content = new byte[264 << 20];
        ByteBuffer bytes = gguf(content, 0, 63);
        for (int i = 0; i < 63; i++) {
            key(bytes, "array" + i, 9);
            bytes.putInt(0).putLong(numbers);
            bytes.position(bytes.position() + numbers);
        }
        Path file = Files.write(directory.resolve("model.gguf"), content);

        Refusal.of(() -> GgufMetadata.read(file)).contains("4194304");
    }

    @Test
    void manyArraysWithinArraysInAGgufFile() throws IOException {
        int arrays = 4_000_000;
        byte[] content = new byte[60 << 20];
        ByteBuffer bytes = gguf(content, 0, 1);
        key(bytes, "array", 9);
        bytes.putInt(9).putLong(arrays);
        Path file = Files.write(directory.resolve("model.gguf"), content);

        Refusal.of(() -> GgufMetadata.read(file)).contains("4000000");
    }

    @ParameterizedTest
    @CsvSource({"4000000, 1", "0, 4000000", "-1, 0", "0, -1"})
    void countsOfAGgufFile(long tensors, long pairs) throws IOException {
        byte[] content = new byte[150 << 20];
        gguf(content, tensors, pairs);
        Path file = Files.write(directory.resolve("model.gguf"), content);

        Refusal.of(() -> GgufMetadata.read(file)).contains("model.gguf: ");
    }
}
