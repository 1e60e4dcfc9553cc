/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.github.djlmistral.engine.weights.Checkpoint;
import io.github.djlmistral.engine.weights.CheckpointException;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Safetensors;
import io.github.djlmistral.engine.weights.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class CheckpointTest {

    @TempDir Path directory;

    @Test
    void oneFile() throws IOException {
        Path file = tensors("model.safetensors", "a", "b");

        Checkpoint checkpoint = Checkpoint.open(directory);

        assertThat(checkpoint.tensors()).containsOnlyKeys("a", "b");
        assertThat(checkpoint.files()).containsExactly(file);
        assertThat(checkpoint.consolidated()).isFalse();
    }

    @ParameterizedTest
    @ValueSource(strings = {"model.safetensors", "consolidated.safetensors"})
    void shardsWithAnIndex(String name) throws IOException {
        Path first = tensors("part-1.safetensors", "b", "not in the index");
        Path second = tensors("part-2.safetensors", "a", "b");
        write(
                name + ".index.json",
                "{\"metadata\":{\"total_size\":2},\"weight_map\":"
                        + "{\"a\":\"part-2.safetensors\",\"b\":\"part-1.safetensors\"}}");

        Checkpoint checkpoint = Checkpoint.open(directory);

        assertThat(checkpoint.files()).containsExactly(first, second);
        assertThat(checkpoint.tensors().keySet()).containsExactly("b", "a");
        assertThat(checkpoint.tensors()).containsEntry("b", Safetensors.read(first).get("b"));
        assertThat(checkpoint.consolidated()).isEqualTo(name.startsWith("consolidated"));
    }

    @Test
    void consolidatedGivesWayToHuggingFace() throws IOException {
        tensors("consolidated.safetensors", "output.weight");
        assertThat(Checkpoint.open(directory).consolidated()).isTrue();
        assertThat(Checkpoint.open(directory).tensors()).containsOnlyKeys("output.weight");

        tensors("model.safetensors", "lm_head.weight");
        assertThat(Checkpoint.open(directory).consolidated()).isFalse();
        assertThat(Checkpoint.open(directory).tensors()).containsOnlyKeys("lm_head.weight");
    }

    @Test
    void allMissingShardsAreNamed() throws IOException {
        tensors("part-2.safetensors", "b");
        index("a", "part-1.safetensors", "b", "part-2.safetensors", "c", "part-3.safetensors");

        assertRefused(
                "index.json",
                "2 of the 3 files",
                "part-1.safetensors, part-3.safetensors",
                "Download them");
    }

    @Test
    void tensorsThatAShardLacksAreNamed() throws IOException {
        tensors("part.safetensors", "b");
        index("a", "part.safetensors", "b", "part.safetensors", "c", "part.safetensors");

        assertRefused("part.safetensors: 2 tensors", "a, c", "versions differ");
    }

    @Test
    void aDamagedShardIsNamed() throws IOException {
        write("part.safetensors", "");
        index("a", "part.safetensors");

        assertRefused("part.safetensors: the file ends after 0 bytes");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "../x.safetensors",
                "/etc/x.safetensors",
                "sub/x.safetensors",
                "sub\\\\x.safetensors",
                "C:x.safetensors",
                "x\\u0000.safetensors",
                ".safetensors/..",
                "..",
                "",
                "pytorch_model.bin"
            })
    void anIndexMayOnlyNameFilesBesideIt(String shard) throws IOException {
        index("a", shard);

        assertRefused(
                "index.json: it lists", "not a .safetensors file in the same directory", "trust");
    }

    static Stream<Arguments> malformedIndex() {
        return Stream.of(
                arguments("", "cannot be read"),
                arguments("[]", "not a JSON object"),
                arguments("{\"weight_map\":[]}", "must be an object"),
                arguments("{\"weight_map\":{\"a\":1}}", "weight_map.a"),
                arguments("{\"weight_map\":{}} {}", "cannot be read"),
                arguments("{\"weight_map\":{},\"weight_map\":{}}", "comes twice"),
                arguments("{\"weight_map\":{\"a\":\"x\",\"a\":\"y\"}}", "\"a\" comes twice"),
                arguments("{\"weight_map\":{}}", "no \"weight_map\", or an empty one"),
                arguments("{}", "no \"weight_map\", or an empty one"));
    }

    @ParameterizedTest(name = "{index}: {0}")
    @MethodSource
    void malformedIndex(String content, String message) throws IOException {
        write("model.safetensors.index.json", content);

        assertRefused("index.json: ", message, "ownload");
    }

    @ParameterizedTest
    @ValueSource(strings = {"pytorch_model-00001-of-00002.bin", "consolidated.00.pth", "model.pt"})
    void picklesAreRefused(String name) throws IOException {
        write(name, "");

        assertRefused(name, "pickle runs the code", "safe_serialization=True");
    }

    @Test
    void errorListsExpectedAndPresentFiles() throws IOException {
        assertRefused(
                "model.safetensors.index.json", "the directory is empty", "Give the directory");

        for (int i = 0; i < 10; i++) {
            write("file-" + i, "");
        }
        assertRefused("consolidated.safetensors", "file-7 and 2 more", "Give the directory");
    }

    @Test
    void onlyADirectoryCanBeOpened() throws IOException {
        Path file = tensors("model.safetensors", "a", "b");

        assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(() -> Checkpoint.open(file))
                .withMessageContainingAll("this is a file", "Give the directory");
        assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(() -> Checkpoint.open(directory.resolve("nowhere")))
                .withMessageContainingAll("nowhere: the directory does not exist", "Give");
    }

    private void assertRefused(String... messages) {
        assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(() -> Checkpoint.open(directory))
                .withMessageContainingAll(messages);
    }

    private void index(String... namesAndShards) throws IOException {
        StringBuilder map = new StringBuilder();
        for (int i = 0; i < namesAndShards.length; i += 2) {
            map.append(i == 0 ? "" : ",");
            map.append('"').append(namesAndShards[i]).append("\":");
            map.append('"').append(namesAndShards[i + 1]).append('"');
        }
        write("model.safetensors.index.json", "{\"weight_map\":{" + map + "}}");
    }

    private Path write(String file, String content) throws IOException {
        return Files.writeString(directory.resolve(file), content);
    }

    /** One-byte tensors, different in each file. */
    private Path tensors(String file, String... names) throws IOException {
        List<Tensor> tensors = Stream.of(names).map(name -> tensor(name, file)).toList();
        Safetensors.write(directory.resolve(file), tensors, Map.of());
        return directory.resolve(file);
    }

    private static Tensor tensor(String name, String file) {
        ByteBuffer data = ByteBuffer.allocateDirect(1).put((byte) file.hashCode()).flip();
        return new Tensor(name, Dtype.UINT8, new long[] {1}, data);
    }
}
