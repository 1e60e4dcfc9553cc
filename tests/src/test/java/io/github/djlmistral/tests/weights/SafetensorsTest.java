/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.weights;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import io.github.djlmistral.engine.weights.CheckpointException;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Safetensors;
import io.github.djlmistral.engine.weights.Tensor;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

class SafetensorsTest {

    @TempDir Path directory;

    @ParameterizedTest
    @EnumSource
    void everyDtypeComesBackAsItWasWritten(Dtype dtype) throws IOException {
        List<Tensor> tensors =
                List.of(
                        random("matrix", dtype, 5, 7),
                        random("scalar", dtype),
                        random("empty", dtype, 0, 4096),
                        random("four.dimensional", dtype, 2, 1, 3, 2));

        Map<String, Tensor> read = Safetensors.read(write(tensors, Map.of()));

        assertThat(read.values()).containsExactlyElementsOf(tensors);
        assertThat(read).allSatisfy((name, tensor) -> assertThat(tensor.name()).isEqualTo(name));
    }

    @Test
    void allTensorsOfAMixedFileAreAligned() throws IOException {
        // As given, the F32 would begin at byte 3 and the F16 at byte 11.
        List<Tensor> tensors =
                List.of(
                        random("bytes", Dtype.UINT8, 3),
                        random("wide", Dtype.FLOAT32, 2),
                        random("narrow", Dtype.BFLOAT16, 1),
                        random("widest", Dtype.INT64, 1));
        Path file = write(tensors, Map.of());

        assertThat(Safetensors.read(file).values())
                .containsExactlyInAnyOrderElementsOf(tensors)
                .extracting(Tensor::name)
                .containsExactly("widest", "wide", "narrow", "bytes");
        assertThat(Safetensors.read(file).values())
                .allMatch(t -> t.data().alignmentOffset(0, t.dtype().bytes()) == 0);
        assertThat((8 + headerLength(file)) % 64).isZero();
    }

    @Test
    void writesWhatTheFormatSays() throws IOException {
        Path file =
                write(List.of(floats("a", 1.5f, -2), floats("b\"é", 3)), Map.of("format", "pt"));

        ByteBuffer bytes = ByteBuffer.wrap(Files.readAllBytes(file));
        bytes.order(ByteOrder.LITTLE_ENDIAN);
        byte[] header = new byte[Math.toIntExact(bytes.getLong())];
        bytes.get(header);
        assertThat(new String(header, StandardCharsets.UTF_8))
                .startsWith(
                        "{\"__metadata__\":{\"format\":\"pt\"},"
                                + "\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]},"
                                + "\"b\\\"é\":{\"dtype\":\"F32\",\"shape\":[1],"
                                + "\"data_offsets\":[8,12]}} ");
        assertThat(bytes.remaining()).isEqualTo(12);
        assertThat(bytes.getFloat()).isEqualTo(1.5f);
        assertThat(bytes.getFloat()).isEqualTo(-2);
        assertThat(bytes.getFloat()).isEqualTo(3);
    }

    @Test
    void metadataComesBack() throws IOException {
        Map<String, String> metadata = Map.of("format", "pt", "naïve", "日本\n\"");

        assertThat(Safetensors.metadata(write(List.of(), metadata))).isEqualTo(metadata);
        assertThat(Safetensors.metadata(write(List.of(), Map.of()))).isEmpty();
    }

    @Test
    void aFileWithoutTensorsIsValid() throws IOException {
        assertThat(Safetensors.read(write(List.of(), Map.of()))).isEmpty();
        assertThat(Safetensors.read(file("{}", 0))).isEmpty();
    }

    @Test
    void unknownFieldsAndAnyOrderOfTheHeaderAreFine() throws IOException {
        Path file =
                file(
                        "{\"b\":{\"data_offsets\":[4,8],\"x\":[{}],\"shape\":[1],\"dtype\":\"F32\"},"
                                + "\"none\":{\"dtype\":\"I64\",\"shape\":[0],\"data_offsets\":[4,4]},"
                                + "\"a\":{\"dtype\":\"F32\",\"shape\":[],\"data_offsets\":[0,4]}}",
                        8);

        assertThat(Safetensors.read(file).keySet()).containsExactly("a", "none", "b");
    }

    @Test
    void misalignedTensorsAreCopiedIntoPlace() throws IOException {
        String header = "{\"odd\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}";
        header += " ".repeat(Math.floorMod(1 - header.length(), 4)); // 1 more than a multiple of 4
        Path file = file(header, 0);
        Files.write(
                file, concatenated(Files.readAllBytes(file), new byte[] {0, 0, (byte) 0x80, 63}));

        ByteBuffer data = Safetensors.read(file).get("odd").data();
        assertThat(data.getFloat()).isOne();
        assertThat(data.alignmentOffset(0, Float.BYTES)).isZero();
    }

    @Test
    void writingIntoATensorLeavesTheFileAlone() throws IOException {
        Path file = write(List.of(floats("a", 1, 2)), Map.of());
        Tensor tensor = Safetensors.read(file).get("a");
        byte[] before = Files.readAllBytes(file);

        tensor.data().putFloat(0, 5);

        assertThat(tensor.data().getFloat()).isEqualTo(5);
        assertThat(Files.readAllBytes(file)).isEqualTo(before);
    }

    /** Mapped copy-on-write all the same, so that training works on checkpoints of other users. */
    @Test
    void tensorsOfAReadOnlyFile() throws IOException {
        Path file = write(List.of(floats("a", 1, 2)), Map.of());
        assertThat(file.toFile().setReadOnly()).isTrue();

        Tensor tensor = Safetensors.read(file).get("a");

        assertThat(tensor).isEqualTo(floats("a", 1, 2));
        if (!tensor.data().isReadOnly()) { // as on Windows
            tensor.data().putFloat(0, 5);
            assertThat(Safetensors.read(file).get("a")).isEqualTo(floats("a", 1, 2));
        }
    }

    /** The offset of a mapping must be a multiple of the page size, that of a tensor need not. */
    @Test
    void tensorsAtAnyOffset() throws IOException {
        float[] large = new float[100_000];
        for (int i = 0; i < large.length; ++i) {
            large[i] = i;
        }
        List<Tensor> tensors =
                List.of(floats("a", large), floats("b", 7), floats("c", large), floats("d", 8, 9));
        Map<String, Tensor> read = Safetensors.read(write(tensors, Map.of()));
        for (Tensor tensor : tensors) {
            assertThat(read.get(tensor.name()).equals(tensor)).as(tensor.name()).isTrue();
        }
    }

    @Test
    void aFileCanBeReplacedByItsOwnTensors() throws IOException {
        Tensor kept = floats("kept", 1, 2, 3);
        Path file = write(List.of(floats("gone", 4), kept), Map.of());

        Safetensors.write(file, List.of(Safetensors.read(file).get("kept")), Map.of());

        assertThat(Safetensors.read(file).values()).containsExactly(kept);
        assertThat(directory).isDirectoryNotContaining("glob:**.tmp");
    }

    @Test
    void aFailedWriteLeavesTheOldFileAndNothingElse() throws IOException {
        Path file = write(List.of(floats("old", 1)), Map.of());
        Path occupied = Files.createDirectories(directory.resolve("d/not-empty")).getParent();

        assertThatIllegalArgumentException()
                .isThrownBy(
                        () -> Safetensors.write(file, List.of(floats("a"), floats("a")), Map.of()))
                .withMessageContaining("\"a\"");
        assertThatIllegalArgumentException()
                .isThrownBy(
                        () -> Safetensors.write(file, List.of(floats("__metadata__")), Map.of()))
                .withMessageContaining("__metadata__");
        assertThatExceptionOfType(IOException.class)
                .isThrownBy(() -> Safetensors.write(occupied, List.of(), Map.of()));

        assertThat(Safetensors.read(file)).containsOnlyKeys("old");
        try (Stream<Path> list = Files.list(directory)) {
            assertThat(list).containsExactlyInAnyOrder(file, occupied);
        }
    }

    @Test
    void aFileBeyondTwoGigabytesWorks() throws IOException {
        // Sparse: 3 GB of zeros take no disk, and mapping them no memory.
        long half = 1_500_000_000;
        Path file =
                file(
                        String.format(
                                Locale.ROOT,
                                "{\"a\":{\"dtype\":\"U8\",\"shape\":[%1$d],\"data_offsets\":[0,%1$d]},"
                                        + "\"b\":{\"dtype\":\"U8\",\"shape\":[%1$d],\"data_offsets\":[%1$d,%2$d]}}",
                                half,
                                2 * half),
                        0);
        try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
            sparse.setLength(sparse.length() + 2 * half);
            sparse.seek(sparse.length() - 1);
            sparse.write(42);
        }

        Map<String, Tensor> tensors = Safetensors.read(file);

        assertThat(tensors.get("a").data().get((int) half - 1)).isZero();
        assertThat(tensors.get("b").data().get((int) half - 1)).isEqualTo((byte) 42);
    }

    @Test
    void aTensorBeyondTwoGigabytesIsRefused() throws IOException {
        long size = 1L << 31;
        Path file =
                file(
                        String.format(
                                Locale.ROOT,
                                "{\"big\":{\"dtype\":\"F16\",\"shape\":[%d],\"data_offsets\":[0,%d]}}",
                                size / 2,
                                size),
                        0);
        try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
            sparse.setLength(sparse.length() + size);
        }

        assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(() -> Safetensors.read(file))
                .withMessageContainingAll("\"big\"", "2147483648", "DJL arrays", "quantize");
    }

    @Test
    void aMissingFileIsNamed() {
        assertThatExceptionOfType(NoSuchFileException.class)
                .isThrownBy(() -> Safetensors.read(directory.resolve("nowhere.safetensors")))
                .withMessageContaining("nowhere.safetensors");
    }

    static Stream<Arguments> malformed() {
        return Stream.of(
                damaged("empty", new byte[0], "ends after 0 bytes", "Download"),
                damaged("seven bytes", new byte[7], "ends after 7 bytes", "Download"),
                damaged("header of length 0", new byte[8], "is 0 bytes", "write it again"),
                damaged(
                        "header of negative length",
                        raw(-1, "{}"),
                        "is 18446744073709551615 bytes",
                        "write it again"),
                damaged("header over 16 MiB", raw(16_777_217, "{}"), "16777217", "write it again"),
                damaged(
                        "truncated in the header",
                        raw(100, "{}"),
                        "after 10 of 108 bytes",
                        "Download"),
                damaged(
                        "Git LFS pointer",
                        bytes("version https://git-lfs.github.com/spec/v1\noid sha256:4d7a"),
                        "Git LFS pointer",
                        "git lfs pull"),
                damaged(
                        "an HTML page instead of the file",
                        bytes("<!DOCTYPE html><html>404</html>"),
                        "not a safetensors file",
                        "Download"),
                damaged("not UTF-8", raw(4, "{\"\u00e9}", true), "not UTF-8", "Download"),
                json("not JSON", "{\"a\"}", 0, "cannot be read"),
                json("lenient JSON", "{'a':{}}", 0, "cannot be read"),
                json("cut JSON", "{\"a\":{", 0, "cannot be read"),
                json("not an object", "[]", 0, "does not begin with \"{\""),
                json("space before the object", " {}", 0, "does not begin with \"{\""),
                json("something behind the object", "{}{}", 0, "header"),
                json("zeros as padding", "{}\0\0", 0, "header"),
                json("a tensor that is a number", "{\"a\":1}", 0, "\"a\" is 1"),
                json("metadata that is no text", "{\"__metadata__\":{\"n\":1}}", 0, "\"n\" is 1"),
                json(
                        "metadata twice",
                        "{\"__metadata__\":{},\"__metadata__\":{}}",
                        0,
                        "__metadata__",
                        "twice"),
                json(
                        "a key of the metadata twice",
                        "{\"__metadata__\":{\"k\":\"1\",\"k\":\"2\"}}",
                        0,
                        "\"k\"",
                        "twice"),
                json("no shape", "{\"a\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", 4, "lacks"),
                json("no offsets", "{\"a\":{\"dtype\":\"F32\",\"shape\":[1]}}", 4, "lacks"),
                json("no dtype", "{\"a\":{\"shape\":[1],\"data_offsets\":[0,4]}}", 4, "lacks"),
                json(
                        "a field twice",
                        "{\"a\":{\"dtype\":\"F32\",\"dtype\":\"I32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
                        4,
                        "\"dtype\" comes twice"),
                json(
                        "a tensor twice",
                        "{"
                                + entry("F32", "[1]", "[0,4]")
                                + ","
                                + entry("F32", "[1]", "[4,8]")
                                + "}",
                        8,
                        "\"a\"",
                        "twice"),
                tensor("one offset", "F32", "[1]", "[4]", 4, "[4]"),
                tensor("three offsets", "F32", "[1]", "[0,4,8]", 4, "[0, 4, 8]"),
                tensor("begin behind end", "F32", "[1]", "[4,0]", 4, "[4, 0]"),
                tensor("negative offsets", "F32", "[1]", "[-4,0]", 4, "data_offsets\" is -4"),
                tensor(
                        "offset beyond 64 bits",
                        "F32",
                        "[1]",
                        "[0,18446744073709551620]",
                        4,
                        "integer"),
                tensor("offset with a fraction", "F32", "[1]", "[0,4.0]", 4, "integer"),
                tensor("offset in quotes", "F32", "[1]", "[0,\"4\"]", 4, "integer"),
                tensor("negative dimension", "F32", "[-1]", "[0,4]", 4, "shape\" is -1"),
                tensor("two negative dimensions", "F32", "[-1,-1]", "[0,4]", 4, "shape\" is -1"),
                tensor("fewer bytes than the shape", "F32", "[2]", "[0,4]", 4, "takes 8 bytes"),
                tensor("more bytes than the shape", "F32", "[]", "[0,8]", 8, "takes 4 bytes"),
                tensor(
                        "a size that overflows to 0",
                        "F32",
                        "[4294967296,1073741824]",
                        "[0,0]",
                        0,
                        "takes over 2^63 bytes"),
                tensor("unknown dtype", "F7", "[1]", "[0,4]", 4, "\"F7\"", "BF16", "Convert"),
                tensor("dtype that is null", null, "[1]", "[0,4]", 4, "dtype\" is null"),
                tensor(
                        "truncated in the data",
                        "F32",
                        "[2]",
                        "[0,8]",
                        5,
                        "after 5 of 8 bytes",
                        "Download"),
                tensor("bytes left over", "F32", "[2]", "[0,8]", 9, "1 bytes follow"),
                tensor("gap at the beginning", "F32", "[1]", "[4,8]", 8, "gap before it"),
                json(
                        "gap in between",
                        "{"
                                + entry("F32", "[1]", "[0,4]")
                                + ",\"b\":"
                                + info("U8", "[1]", "[5,6]")
                                + "}",
                        6,
                        "\"b\"",
                        "gap before it, from byte 4 to 5"),
                json(
                        "overlap",
                        "{"
                                + entry("F32", "[1]", "[0,4]")
                                + ",\"b\":"
                                + info("U8", "[3]", "[2,5]")
                                + "}",
                        5,
                        "\"b\"",
                        "overlaps the previous tensor"),
                json(
                        "offsets near 2^63",
                        "{" + entry("U8", "[999999999999999999]", "[0,999999999999999999]") + "}",
                        5,
                        "after 5 of 999999999999999999"));
    }

    @ParameterizedTest(name = "{0}")
    @MethodSource
    void malformed(String what, byte[] content, String... messages) throws IOException {
        Path file = Files.write(directory.resolve("broken.safetensors"), content);

        assertThatExceptionOfType(CheckpointException.class)
                .as(what)
                .isThrownBy(() -> Safetensors.read(file))
                .withMessageContainingAll(messages)
                .withMessageStartingWith(file + ": ");
        assertThatExceptionOfType(CheckpointException.class)
                .isThrownBy(() -> Safetensors.metadata(file));
    }

    @Test
    void anyDamageIsEitherHarmlessOrRefused() throws IOException {
        byte[] valid =
                Files.readAllBytes(
                        write(
                                List.of(
                                        random("model.norm.weight", Dtype.FLOAT16, 16),
                                        random("lm_head.weight", Dtype.BFLOAT16, 4, 6),
                                        random("empty", Dtype.INT64, 0)),
                                Map.of("format", "pt")));
        Path file = directory.resolve("damaged.safetensors");
        Random random = new Random(20260117);
        int refused = 0;
        for (int round = 0; round < 1000; round++) {
            byte[] damaged =
                    round % 4 == 0
                            ? Arrays.copyOf(valid, random.nextInt(valid.length))
                            : valid.clone();
            for (int flips = random.nextInt(3); flips >= 0 && damaged.length > 0; flips--) {
                damaged[random.nextInt(damaged.length)] ^= (byte) (1 << random.nextInt(8));
            }
            Files.write(file, damaged);
            try {
                for (Tensor tensor : Safetensors.read(file).values()) {
                    tensor.data().get(new byte[tensor.data().remaining()]);
                }
            } catch (CheckpointException e) {
                assertThat(e).hasMessageStartingWith(file + ": ").hasMessageEndingWith(".");
                refused++;
            }
        }
        assertThat(refused).isBetween(500, 999);
    }

    // What the tests are made of

    private static Arguments damaged(String what, byte[] content, String... messages) {
        return arguments(what, content, messages);
    }

    private static Arguments json(String what, String header, int data, String... messages) {
        List<String> all = new ArrayList<>(List.of(messages));
        if (messages.length < 3) {
            all.add("ownload the file again"); // Every message has a remedy, most have this one.
        }
        byte[] content = concatenated(raw(bytes(header).length, header), new byte[data]);
        return damaged(what, content, all.toArray(new String[0]));
    }

    private static Arguments tensor(
            String what, String dtype, String shape, String offsets, int data, String... messages) {
        return json(what, "{" + entry(dtype, shape, offsets) + "}", data, messages);
    }

    private static String entry(String dtype, String shape, String offsets) {
        return "\"a\":" + info(dtype, shape, offsets);
    }

    private static String info(String dtype, String shape, String offsets) {
        return String.format(
                "{\"dtype\":%s,\"shape\":%s,\"data_offsets\":%s}",
                dtype == null ? "null" : "\"" + dtype + "\"", shape, offsets);
    }

    private static byte[] bytes(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    private static byte[] raw(long length, String header) {
        return raw(length, header, false);
    }

    private static byte[] raw(long length, String header, boolean latin) {
        ByteBuffer prefix = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(length);
        byte[] text = latin ? header.getBytes(StandardCharsets.ISO_8859_1) : bytes(header);
        return concatenated(prefix.array(), text);
    }

    private static byte[] concatenated(byte[] first, byte[] second) {
        byte[] both = Arrays.copyOf(first, first.length + second.length);
        System.arraycopy(second, 0, both, first.length, second.length);
        return both;
    }

    private Path file(String header, int data) throws IOException {
        byte[] content = concatenated(raw(bytes(header).length, header), new byte[data]);
        return Files.write(directory.resolve("made.safetensors"), content);
    }

    private Path write(List<Tensor> tensors, Map<String, String> metadata) throws IOException {
        Path file = directory.resolve("written.safetensors");
        Safetensors.write(file, tensors, metadata);
        return file;
    }

    private static long headerLength(Path file) throws IOException {
        return ByteBuffer.wrap(Files.readAllBytes(file)).order(ByteOrder.LITTLE_ENDIAN).getLong();
    }

    private static Tensor random(String name, Dtype dtype, long... shape) {
        long elements = Arrays.stream(shape).reduce(1, (a, b) -> a * b);
        byte[] bytes = new byte[Math.toIntExact(elements * dtype.bytes())];
        new Random(name.hashCode()).nextBytes(bytes);
        return new Tensor(
                name, dtype, shape, ByteBuffer.allocateDirect(bytes.length).put(bytes).flip());
    }

    private static Tensor floats(String name, float... values) {
        ByteBuffer data =
                ByteBuffer.allocateDirect(4 * values.length).order(ByteOrder.LITTLE_ENDIAN);
        data.asFloatBuffer().put(values);
        return new Tensor(name, Dtype.FLOAT32, new long[] {values.length}, data);
    }
}
