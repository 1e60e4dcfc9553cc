/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.weights;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/**
 * Writes GGUF files for tests and benchmarks. Checks nothing, so that it can write invalid files.
 */
public final class GgufWriter {

    /** Supplies a tensor's bytes on writing, so that files need not fit in memory. */
    @FunctionalInterface
    public interface Source {

        /** Writes exactly the declared number of bytes. */
        void writeTo(OutputStream out) throws IOException;
    }

    private static final int INT32 = 5;
    private static final int ARRAY = 9;

    /** Ids of the value types. */
    private static final Map<Class<?>, Integer> TYPES =
            Map.of(
                    Integer.class, 4, // unsigned
                    Float.class, 6,
                    Boolean.class, 7,
                    String.class, 8,
                    Long.class, 10, // unsigned
                    Double.class, 12);

    private final Map<String, Object> metadata = new LinkedHashMap<>();
    private final List<Map.Entry<String, Fields>> entries = new ArrayList<>();
    private final List<Source> data = new ArrayList<>();
    private long end;
    private int version = 3;
    private int alignment = 32;

    public GgufWriter version(int number) {
        version = number;
        return this;
    }

    /** Sets the alignment, also in the metadata. */
    public GgufWriter alignment(int bytes) {
        alignment = bytes;
        return put("general.alignment", bytes);
    }

    /**
     * Sets a value as files of llama.cpp have it, which refuses others: an Integer is a UINT32, a
     * Long a UINT64, Integers in a list are INT32, and other lists are of their first's type.
     */
    public GgufWriter put(String key, Object value) {
        metadata.put(key, value);
        return this;
    }

    public GgufWriter remove(String key) {
        metadata.remove(key);
        return this;
    }

    /** Removes a tensor from the list; its bytes stay as a gap. */
    public GgufWriter drop(String name) {
        entries.removeIf(entry -> entry.getKey().equals(name));
        return this;
    }

    /** Adds a tensor with its bytes; shape in PyTorch's order. */
    public GgufWriter tensor(String name, int type, ByteBuffer bytes, long... shape) {
        byte[] copy = new byte[bytes.remaining()];
        bytes.duplicate().get(copy);
        return tensor(name, type, copy.length, out -> out.write(copy), shape);
    }

    /** Adds a tensor of {@code size} bytes, supplied when the file is written. */
    public GgufWriter tensor(String name, int type, long size, Source source, long... shape) {
        byte[] gap = padding(end);
        data.add(out -> out.write(gap));
        data.add(source);
        entry(name, type, end + gap.length, shape);
        end += gap.length + size;
        return this;
    }

    private byte[] padding(long position) {
        return new byte[(int) Math.floorMod(-position, (long) alignment)];
    }

    /** Adds an entry to the tensor list, regardless of the data. */
    public GgufWriter entry(String name, int type, long offset, long... shape) {
        Fields fields = new Fields().text(name).number(4, shape.length);
        for (int i = shape.length; i-- > 0; ) {
            fields.number(8, shape[i]);
        }
        entries.add(Map.entry(name, fields.number(4, type).number(8, offset)));
        return this;
    }

    public Path write(Path file) throws IOException {
        try (OutputStream out = Files.newOutputStream(file)) {
            writeTo(out);
        }
        return file;
    }

    public byte[] bytes() {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try {
            writeTo(out);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        return out.toByteArray();
    }

    private void writeTo(OutputStream out) throws IOException {
        Fields head = new Fields();
        head.out.writeBytes("GGUF".getBytes(StandardCharsets.US_ASCII));
        head.number(4, version).number(8, entries.size()).number(8, metadata.size());
        metadata.forEach((key, value) -> head.text(key).number(4, typeOf(value)).value(value));
        entries.forEach(entry -> head.out.writeBytes(entry.getValue().out.toByteArray()));
        head.out.writeBytes(padding(head.out.size()));
        head.out.writeTo(out);
        for (Source source : data) {
            source.writeTo(out);
        }
    }

    private static int typeOf(Object value) {
        return value instanceof List
                ? ARRAY
                : Objects.requireNonNull(TYPES.get(value.getClass()), value + "");
    }

    /** Little-endian numbers, and length-prefixed strings. */
    private static final class Fields {

        final ByteArrayOutputStream out = new ByteArrayOutputStream();

        /** Appends the lower {@code size} bytes of a number. */
        Fields number(int size, long value) {
            ByteBuffer all = ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN);
            out.write(all.putLong(value).array(), 0, size);
            return this;
        }

        Fields text(String text) {
            byte[] utf8 = text.getBytes(StandardCharsets.UTF_8);
            number(8, utf8.length).out.writeBytes(utf8);
            return this;
        }

        void value(Object value) {
            if (value instanceof String text) {
                text(text);
            } else if (value instanceof Boolean flag) {
                number(1, flag ? 1 : 0);
            } else if (value instanceof Float number) {
                number(4, Float.floatToRawIntBits(number));
            } else if (value instanceof Double number) {
                number(8, Double.doubleToRawLongBits(number));
            } else if (value instanceof Number number) {
                number(number instanceof Integer ? 4 : 8, number.longValue());
            } else {
                List<?> list = (List<?>) value;
                int type = list.isEmpty() ? INT32 : typeOf(list.get(0));
                number(4, type == TYPES.get(Integer.class) ? INT32 : type).number(8, list.size());
                list.forEach(this::value);
            }
        }
    }
}
