/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Safetensors;
import io.github.djlmistral.engine.weights.SafetensorsWriter;
import io.github.djlmistral.engine.weights.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Streaming writer of safetensors. */
class SafetensorsWriterTest {

    @TempDir Path directory;

    private static Tensor tensor(String name, Dtype dtype, int... bytes) {
        ByteBuffer data = ByteBuffer.allocateDirect(bytes.length);
        for (int value : bytes) {
            data.put((byte) value);
        }
        return new Tensor(name, dtype, new long[] {bytes.length / dtype.bytes()}, data.flip());
    }

    private List<Path> files() throws IOException {
        try (Stream<Path> list = Files.list(directory)) {
            return list.toList();
        }
    }

    @Test
    void tensorsWrittenOneByOneAreRead() throws IOException {
        Path file = directory.resolve("m.safetensors");
        List<Tensor> tensors = new ArrayList<>();
        for (int i = 0; i < 50; ++i) {
            // names that JSON has to quote, one with a character of three bytes
            tensors.add(tensor("\"\\" + i + "\u2028", Dtype.UINT8, i, i + 1, i + 2));
        }
        tensors.add(tensor("wide", Dtype.FLOAT32, 1, 2, 3, 4));
        List<String> names = tensors.stream().map(Tensor::name).toList();
        try (SafetensorsWriter writer =
                SafetensorsWriter.open(file, SafetensorsWriter.headerCapacity(names))) {
            for (Tensor tensor : tensors) {
                writer.add(tensor);
                assertThat(file).doesNotExist();
            }
            writer.finish(Map.of("format", "pt"));
        }
        assertThat(Safetensors.read(file).values()).containsExactlyElementsOf(tensors);
        assertThat(Safetensors.metadata(file)).isEqualTo(Map.of("format", "pt"));
        assertThat(files()).containsExactly(file);
    }

    /** The data section is aligned to 64 bytes. */
    @Test
    void roomKeepsTensorsAligned() {
        for (int i = 0; i < 100; ++i) {
            assertThat((SafetensorsWriter.headerCapacity(List.of("x".repeat(i))) + 8) % 64)
                    .isZero();
        }
    }

    @Test
    void unfinishedFileIsDeleted() throws IOException {
        Path file = directory.resolve("m.safetensors");
        try (SafetensorsWriter writer = SafetensorsWriter.open(file, 1000)) {
            writer.add(tensor("a", Dtype.UINT8, 1));
            assertThat(files()).hasSize(1).noneMatch(path -> path.endsWith("m.safetensors"));
        }
        assertThat(files()).isEmpty();
    }

    @Test
    void aHeaderThatDoesNotFitIsAnError() throws IOException {
        Path file = directory.resolve("m.safetensors");
        try (SafetensorsWriter writer = SafetensorsWriter.open(file, 40)) {
            writer.add(tensor("a", Dtype.UINT8, 1));
            assertThatIllegalStateException()
                    .isThrownBy(() -> writer.finish(Map.of()))
                    .withMessageContainingAll("m.safetensors", "40");
        }
        assertThat(files()).isEmpty();
    }

    @Test
    void duplicateNameIsAnError() throws IOException {
        try (SafetensorsWriter writer = SafetensorsWriter.open(directory.resolve("m"), 1000)) {
            writer.add(tensor("a", Dtype.UINT8, 1));
            writer.add(tensor("a", Dtype.UINT8, 1));
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> writer.finish(Map.of()))
                    .withMessageContaining("\"a\"");
        }
        assertThat(files()).isEmpty();
    }
}
