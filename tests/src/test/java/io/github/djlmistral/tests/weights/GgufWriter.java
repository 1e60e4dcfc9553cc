/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.weights;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Writes GGUF files for tests, wrong ones too: nothing is checked. */
public final class GgufWriter {

    /** A tensor's line in the list; the shape is innermost first, as in the file. */
    private record Entry(String name, int type, long offset, List<Long> shape) {}

    private final Map<String, Object> metadata = new LinkedHashMap<>();
    private final List<Entry> entries = new ArrayList<>();
    private final ByteArrayOutputStream data = new ByteArrayOutputStream();
    private int version = 3;
    private int alignment = 32;

    public GgufWriter version(int number) {
        version = number;
        return this;
    }

    /** Sets the padding, and says so in the metadata. */
    public GgufWriter alignment(int bytes) {
        alignment = bytes;
        return put("general.alignment", bytes);
    }

    /** Sets a value: an Integer is a UINT32, a Long a UINT64, and a list is of its first's type. */
    public GgufWriter put(String key, Object value) {
        metadata.put(key, value);
        return this;
    }

    public GgufWriter remove(String key) {
        metadata.remove(key);
        return this;
    }

    /** Takes a tensor out of the list; its bytes stay, as a gap. */
    public GgufWriter drop(String name) {
        entries.removeIf(entry -> entry.name().equals(name));
        return this;
    }

    /** Adds a tensor with its bytes; the shape is outermost first, as in PyTorch. */
    public GgufWriter tensor(String name, int type, ByteBuffer bytes, long... shape) {
        while (data.size() % alignment != 0) {
            data.write(0);
        }
        entry(name, type, data.size(), shape);
        byte[] copy = new byte[bytes.remaining()];
        bytes.duplicate().get(copy);
        data.writeBytes(copy);
        return this;
    }

    /** Adds a line to the list of tensors, whatever bytes there are. */
    public GgufWriter entry(String name, int type, long offset, long... shape) {
        List<Long> reversed = new ArrayList<>(Arrays.stream(shape).boxed().toList());
        Collections.reverse(reversed);
        entries.add(new Entry(name, type, offset, reversed));
        return this;
    }

    public Path write(Path file) throws IOException {
        return Files.write(file, bytes());
    }

    public byte[] bytes() {
        Output out = new Output();
        out.bytes("GGUF".getBytes(StandardCharsets.US_ASCII));
        out.int32(version);
        out.int64(entries.size());
        out.int64(metadata.size());
        metadata.forEach(
                (key, value) -> {
                    out.string(key);
                    out.int32(typeOf(value));
                    out.value(value);
                });
        for (Entry entry : entries) {
            out.string(entry.name());
            out.int32(entry.shape().size());
            for (long dimension : entry.shape()) {
                out.int64(dimension);
            }
            out.int32(entry.type());
            out.int64(entry.offset());
        }
        while (out.size() % alignment != 0) {
            out.write(0);
        }
        out.writeBytes(data.toByteArray());
        return out.toByteArray();
    }

    private static int typeOf(Object value) {
        List<Class<?>> types =
                List.of(
                        Integer.class,
                        Float.class,
                        Boolean.class,
                        String.class,
                        List.class,
                        Long.class,
                        Double.class);
        int[] numbers = {4, 6, 7, 8, 9, 10, 12};
        for (int i = 0; i < numbers.length; i++) {
            if (types.get(i).isInstance(value)) {
                return numbers[i];
            }
        }
        throw new IllegalArgumentException(value.getClass().getName());
    }

    private static final class Output extends ByteArrayOutputStream {

        void bytes(byte[] bytes) {
            writeBytes(bytes);
        }

        void int32(int value) {
            bytes(ByteBuffer.allocate(4).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array());
        }

        void int64(long value) {
            bytes(ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array());
        }

        void string(String text) {
            byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
            int64(utf8.length);
            bytes(utf8);
        }

        void value(Object value) {
            if (value instanceof String text) {
                string(text);
            } else if (value instanceof Boolean flag) {
                write(flag ? 1 : 0);
            } else if (value instanceof Float number) {
                int32(Float.floatToRawIntBits(number));
            } else if (value instanceof Double number) {
                int64(Double.doubleToRawLongBits(number));
            } else if (value instanceof Integer number) {
                int32(number);
            } else if (value instanceof Long number) {
                int64(number);
            } else {
                List<?> list = (List<?>) value;
                int32(list.isEmpty() ? 4 : typeOf(list.get(0)));
                int64(list.size());
                list.forEach(this::value);
            }
        }
    }
}
