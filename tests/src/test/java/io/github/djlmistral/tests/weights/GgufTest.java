/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import com.google.gson.JsonElement;
import com.google.gson.JsonPrimitive;
import io.github.djlmistral.engine.weights.CheckpointException;
import io.github.djlmistral.engine.weights.GgmlType;
import io.github.djlmistral.engine.weights.Gguf;
import io.github.djlmistral.engine.weights.GgufMetadata;
import io.github.djlmistral.engine.weights.GgufTensor;
import io.github.djlmistral.tests.model.Reference;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Random;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

class GgufTest {

    private static final int F32 = 0;

    private static final Path RECORDED = Reference.directory("gguf/types.gguf");

    @TempDir Path directory;

    @Test
    void metadataOfEveryTypeIsWhatPythonWrote() throws IOException {
        Map<String, Object> values = GgufMetadata.read(RECORDED).values();
        Reference.json(RECORDED.resolveSibling("types.json"))
                .getAsJsonObject("metadata")
                .asMap()
                .forEach(
                        (key, expected) ->
                                assertThat(plain(values.get(key)))
                                        .as(key)
                                        .isEqualTo(plain(expected)));
        assertThat(values.get("test.uint32")).isEqualTo(4000000000L);
        assertThat(values.get("test.float32")).isEqualTo(0.5f);
        assertThat(values.get("test.float64")).isEqualTo(0.1);
    }

    /** Numbers as doubles, which are exact for all recorded values. */
    private static Object plain(Object value) {
        if (value instanceof JsonPrimitive primitive) {
            return primitive.isNumber()
                    ? primitive.getAsDouble()
                    : primitive.isBoolean() ? primitive.getAsBoolean() : primitive.getAsString();
        }
        if (value instanceof Iterable<?> list) {
            return StreamSupport.stream(list.spliterator(), false).map(GgufTest::plain).toList();
        }
        if (value instanceof JsonElement other) {
            throw new AssertionError(other);
        }
        return value instanceof Number number ? number.doubleValue() : value;
    }

    @Test
    void tensorsHaveTheirOutermostDimensionFirst() throws IOException {
        Gguf gguf = Gguf.open(RECORDED);
        assertThat(gguf.version()).isEqualTo(3);
        GgufTensor table = Objects.requireNonNull(gguf.tensors().get("token_embd.weight"));
        assertThat(table.type()).isEqualTo(GgmlType.Q4_0);
        assertThat(table.shape()).containsExactly(70, 512);
        assertThat(table.toString()).isEqualTo("Q4_0[70, 512]");
    }

    @ParameterizedTest
    @ValueSource(ints = {2, 3})
    void bothVersionsAreRead(int version) throws IOException {
        Gguf gguf = Gguf.open(write(small().version(version)));
        assertThat(gguf.version()).isEqualTo(version);
        assertThat(gguf.metadata().text("general.architecture")).hasValue("llama");
        assertThat(floats(gguf, "a")).containsExactly(1, 2, 3);
        assertThat(floats(gguf, "b")).containsExactly(4, 5);
    }

    @ParameterizedTest
    @ValueSource(ints = {8, 32, 4096})
    void theAlignmentOfTheFileCounts(int alignment) throws IOException {
        GgufWriter writer =
                new GgufWriter()
                        .alignment(alignment)
                        .tensor("a", F32, floats(1, 2, 3), 3)
                        .tensor("b", F32, floats(4, 5), 2);
        assertThat(floats(Gguf.open(write(writer)), "b")).containsExactly(4, 5);
    }

    @Test
    void aFileWithoutTensorsIsValid() throws IOException {
        assertThat(Gguf.open(write(new GgufWriter())).tensors()).isEmpty();
        // nothing to align, so the last padding may be missing
        byte[] bytes = new GgufWriter().put("k", "v").bytes();
        Path file = Files.write(directory.resolve("cut.gguf"), Arrays.copyOf(bytes, 24 + 22));
        assertThat(Gguf.open(file).metadata().text("k")).hasValue("v");
    }

    @Test
    void tensorsBeyondTwoGigabytesAreRead() throws IOException {
        long far = 3L << 30;
        Path file = write(new GgufWriter().tensor("a", F32, floats(1), 1).entry("z", F32, far, 1));
        try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
            long dataBegin = sparse.length() - 4;
            sparse.seek(dataBegin + far);
            sparse.write(floats(42).array());
        }
        Gguf gguf = Gguf.open(file);
        assertThat(floats(gguf, "a")).containsExactly(1);
        assertThat(floats(gguf, "z")).containsExactly(42);
    }

    @Test
    void aTensorOfMoreThanTwoGigabytesIsRefused() throws IOException {
        Path file = write(new GgufWriter().entry("big", F32, 0, 1L << 29));
        try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
            sparse.setLength(sparse.length() + (1L << 31));
        }
        assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(() -> Gguf.open(file))
                .withMessageContainingAll("\"big\"", "2147483648", "fewer bits");
    }

    @Test
    void writingToATensorLeavesTheFileAlone() throws IOException {
        Path file = write(small());
        ByteBuffer data = Objects.requireNonNull(Gguf.open(file).tensors().get("a")).data();
        if (!data.isReadOnly()) {
            data.putFloat(0, 99);
            assertThat(floats(Gguf.open(file), "a")).containsExactly(1, 2, 3);
        }
    }

    @Test
    void valuesOfAnotherTypeAreNamed() throws IOException {
        GgufMetadata metadata =
                GgufMetadata.read(write(new GgufWriter().put("k", "text").put("l", List.of(1, 2))));
        assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(() -> metadata.integer("k"))
                .withMessageContainingAll("\"k\" must be an integer", "String");
        assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(() -> metadata.array("l", String.class))
                .withMessageContainingAll("\"l\" must be an array of String", "Long");
        assertThat(metadata.array("l", Long.class)).hasValue(List.of(1L, 2L));
        assertThat(metadata.integer("none")).isEmpty();
    }

    @Test
    void directoryResolvesToItsOnlyGgufFile() throws IOException {
        assertThat(Gguf.find(directory)).isEmpty();
        Path file = write(small());
        assertThat(Gguf.find(file)).hasValue(file);
        assertThat(Gguf.find(directory)).hasValue(file);
        Path nameless = Files.copy(file, directory.resolve("0123abcd"));
        assertThat(Gguf.find(nameless)).hasValue(nameless);
        assertThat(Gguf.find(Files.writeString(directory.resolve("x.txt"), "GGU"))).isEmpty();
        assertThat(Gguf.find(directory.resolve("nowhere"))).isEmpty();
        Files.copy(file, directory.resolve("other.GGUF"));
        assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(() -> Gguf.find(directory))
                .withMessageContainingAll("2 GGUF files", "other.GGUF", "Give one");
        Files.createFile(directory.resolve("model.safetensors.index.json"));
        assertThat(Gguf.find(directory)).isEmpty();
    }

    @Test
    void aMissingFileIsNamed() {
        assertThatExceptionOfType(NoSuchFileException.class)
                .isThrownBy(() -> Gguf.open(directory.resolve("nowhere.gguf")))
                .withMessageContaining("nowhere.gguf");
    }

    static Stream<Arguments> malformed() {
        return Stream.of(
                damaged("empty", new byte[0], "is empty", "download"),
                damaged(
                        "another format",
                        "PK\3\4....".getBytes(StandardCharsets.US_ASCII),
                        "letters GGUF",
                        "download"),
                damaged(
                        "LFS",
                        "version https://git-lfs.github".getBytes(StandardCharsets.US_ASCII),
                        "LFS",
                        "git lfs pull"),
                damaged("version 1", small().version(1), "GGUF version is 1", "newer file"),
                damaged("version 4", small().version(4), "GGUF version is 4", "2 and 3"),
                damaged("big-endian", small().version(3 << 24), "big-endian", "convert"),
                damaged(
                        "key twice",
                        replace(small().put("general.a", 1).put("general.b", 1), ".b", ".a"),
                        "\"general.a\" occurs twice",
                        "Download"),
                damaged(
                        "tensor twice",
                        small().entry("a", F32, 64, 1),
                        "\"a\" occurs twice",
                        "again"),
                damaged("not UTF-8", replace(small(), "llama", "ll\377ma"), "not UTF-8", "again"),
                damaged("unknown type", small().entry("q", 10, 64, 256), "10 (Q2_K)", "Q6_K"),
                damaged("no type", small().entry("q", 77, 64, 256), "\"q\" is of type 77", "Q8_0"),
                damaged("no shape", small().entry("q", F32, 64), "0 dimensions", "1 to 4"),
                damaged("5 dimensions", small().entry("q", F32, 64, 1, 1, 1, 1, 1), "5", "1 to 4"),
                damaged("zero", small().entry("q", F32, 64, 0), "dimension of 0", "again"),
                damaged(
                        "negative",
                        small().entry("q", F32, 64, -1),
                        "1844674407370955161",
                        "again"),
                damaged("huge", small().entry("q", F32, 64, 1L << 40, 1L << 40), "2^63", "again"),
                damaged("half a block", small().entry("q", 8, 64, 48), "block size, 32", "Q8_0"),
                damaged("overlap", small().entry("q", F32, 0, 1), "overlaps", "again"),
                damaged("misaligned", small().entry("q", F32, 65, 1), "byte 65", "multiple of 32"),
                damaged(
                        "outside",
                        small().entry("q", F32, 1 << 20, 1),
                        "\"q\" takes 4",
                        "incomplete"),
                damaged("alignment", small().put("general.alignment", 12), "is 12, not 8", "again"),
                damaged(
                        "bool",
                        replace(small().put("flag", true), "flag\7\0\0\0\1", "flag\7\0\0\0\2"),
                        "\"flag\" is 2",
                        "neither true nor false"),
                damaged(
                        "unknown kind of value",
                        replace(small().put("flag", true), "flag\7", "flag\15"),
                        "has the type 13",
                        "supported are 0 to 12"),
                damaged(
                        "too deep",
                        small().put("deep", List.of(List.of(List.of(List.of(List.of(1)))))),
                        "nested more than 4 deep",
                        "again"));
    }

    private static Arguments damaged(String name, Object file, String problem, String remedy) {
        return arguments(
                name, file instanceof GgufWriter writer ? writer.bytes() : file, problem, remedy);
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource("malformed")
    void malformedInputIsRejected(String name, byte[] bytes, String problem, String remedy)
            throws IOException {
        Path file = Files.write(directory.resolve("damaged.gguf"), bytes);
        assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(() -> Gguf.open(file))
                .withMessageContainingAll(file.toString(), problem, remedy);
    }

    @Test
    void aFileCutAnywhereIsRefused() throws IOException {
        byte[] bytes = small().bytes();
        Path file = directory.resolve("cut.gguf");
        for (int length = 0; length < bytes.length; length++) {
            Files.write(file, Arrays.copyOf(bytes, length));
            assertThatExceptionOfType(CheckpointException.class)
                    .as("cut to %d", length)
                    .isThrownBy(() -> Gguf.open(file));
        }
    }

    /**
     * A damaged file is read or rejected; it never causes another exception, nor takes more memory
     * than a few times its size, however large the numbers in it.
     */
    @Test
    void damagedFilesNeverCrash() throws IOException {
        Random random = new Random(7);
        Path large = Files.copy(RECORDED, directory.resolve("large-flipped.gguf"));
        Path small = small().write(directory.resolve("small-flipped.gguf"));
        int refused = 0;
        for (int round = 0; round < 2000; round++) {
            Path file = round % 2 == 0 ? large : small;
            // what stands before the tensors, and a little of these
            int header = round % 2 == 0 ? 2048 : (int) Files.size(small);
            try (RandomAccessFile access = new RandomAccessFile(file.toFile(), "rw")) {
                byte[] sound = new byte[header];
                access.readFully(sound);
                byte[] damaged = sound.clone();
                for (int flips = 1 + random.nextInt(3); flips > 0; flips--) {
                    damaged[random.nextInt(header)] =
                            (byte) (random.nextBoolean() ? random.nextInt() : -1);
                }
                access.seek(0);
                access.write(damaged);
                try {
                    Gguf gguf = Gguf.open(file);
                    gguf.tensors().values().forEach(tensor -> tensor.data().get(0));
                } catch (CheckpointException e) {
                    refused++;
                    assertThat(e).hasMessageContaining("flipped.gguf");
                }
                access.seek(0);
                access.write(sound);
            }
        }
        assertThat(refused).isBetween(300, 1950);
    }

    private static GgufWriter small() {
        return new GgufWriter()
                .put("general.architecture", "llama")
                .put("words", List.of("one", "two", "three"))
                .put("numbers", List.of(1, 2, 3))
                .tensor("a", F32, floats(1, 2, 3), 3)
                .tensor("b", F32, floats(4, 5), 2);
    }

    private static byte[] replace(GgufWriter writer, String from, String to) {
        byte[] bytes = writer.bytes();
        String text = new String(bytes, StandardCharsets.ISO_8859_1);
        assertThat(text).contains(from);
        return text.replace(from, to).getBytes(StandardCharsets.ISO_8859_1);
    }

    private Path write(GgufWriter writer) throws IOException {
        return writer.write(directory.resolve("model.gguf"));
    }

    private static ByteBuffer floats(float... numbers) {
        ByteBuffer bytes = ByteBuffer.allocate(4 * numbers.length).order(ByteOrder.LITTLE_ENDIAN);
        for (float number : numbers) {
            bytes.putFloat(number);
        }
        return bytes.flip();
    }

    private static float[] floats(Gguf gguf, String name) {
        ByteBuffer data = Objects.requireNonNull(gguf.tensors().get(name)).data();
        float[] numbers = new float[data.remaining() / 4];
        data.asFloatBuffer().get(numbers);
        return numbers;
    }
}
