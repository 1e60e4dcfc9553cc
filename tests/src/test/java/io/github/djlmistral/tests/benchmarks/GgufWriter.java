/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.benchmarks;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/**
 * Writes a GGUF file, version 3 of the format ({@code docs/gguf.md} of ggml): keys with values,
 * then the tensors' names, shapes and places, then their bytes, each at a multiple of 32.
 */
final class GgufWriter {

    /** Gives a tensor's bytes when they are written, so that no file need fit into memory. */
    @FunctionalInterface
    interface Source {

        /** Writes exactly as many bytes as were announced. */
        void writeTo(OutputStream out) throws IOException;
    }

    private static final int ALIGNMENT = 32;

    /** Numbers of the types of values. */
    private static final int UINT32 = 4;

    private static final int INT32 = 5;
    private static final int FLOAT32 = 6;
    private static final int BOOL = 7;
    private static final int STRING = 8;
    private static final int ARRAY = 9;

    private record Entry(Fields header, long bytes, Source source) {}

    private final Fields keys = new Fields();
    private final List<Entry> tensors = new ArrayList<>();
    private int keyCount;
    private long offset;

    void put(String key, String value) {
        key(key, STRING).text(value);
    }

    void put(String key, int value) {
        key(key, UINT32).number(4, value);
    }

    void put(String key, float value) {
        key(key, FLOAT32).number(4, Float.floatToRawIntBits(value));
    }

    void put(String key, boolean value) {
        key(key, BOOL).number(1, value ? 1 : 0);
    }

    void put(String key, String[] values) {
        Fields fields = array(key, STRING, values.length);
        for (String value : values) {
            fields.text(value);
        }
    }

    void put(String key, int[] values) {
        Fields fields = array(key, INT32, values.length);
        for (int value : values) {
            fields.number(4, value);
        }
    }

    void put(String key, float[] values) {
        Fields fields = array(key, FLOAT32, values.length);
        for (float value : values) {
            fields.number(4, Float.floatToRawIntBits(value));
        }
    }

    private Fields key(String key, int type) {
        ++keyCount;
        return keys.text(key).number(4, type);
    }

    private Fields array(String key, int type, int length) {
        return key(key, ARRAY).number(4, type).number(8, length);
    }

    /**
     * Announces a tensor.
     *
     * @param name such as {@code blk.0.attn_q.weight}
     * @param type its number in ggml
     * @param bytes its size
     * @param source its bytes
     * @param shape outermost first, as in PyTorch; the file has it the other way round
     */
    void tensor(String name, int type, long bytes, Source source, long... shape) {
        Fields header = new Fields().text(name).number(4, shape.length);
        for (int i = shape.length; i-- > 0; ) {
            header.number(8, shape[i]);
        }
        header.number(4, type).number(8, offset);
        tensors.add(new Entry(header, bytes, source));
        offset = aligned(offset + bytes);
    }

    /** Writes the file. */
    void write(Path file) throws IOException {
        Fields head = new Fields();
        head.raw("GGUF".getBytes(StandardCharsets.US_ASCII))
                .number(4, 3)
                .number(8, tensors.size())
                .number(8, keyCount)
                .raw(keys.bytes());
        tensors.forEach(tensor -> head.raw(tensor.header().bytes()));
        try (OutputStream out = Files.newOutputStream(file)) {
            byte[] bytes = head.bytes();
            out.write(bytes);
            pad(out, bytes.length);
            for (Entry tensor : tensors) {
                tensor.source().writeTo(out);
                pad(out, tensor.bytes());
            }
        }
    }

    private static long aligned(long position) {
        return (position + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }

    private static void pad(OutputStream out, long position) throws IOException {
        out.write(new byte[(int) (aligned(position) - position)]);
    }

    /** Little-endian numbers, and texts behind their length. */
    private static final class Fields {

        private final ByteArrayOutputStream out = new ByteArrayOutputStream();

        /** Appends the lower {@code size} bytes of a number. */
        Fields number(int size, long value) {
            byte[] all =
                    ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array();
            out.write(all, 0, size);
            return this;
        }

        Fields text(String value) {
            byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
            return number(8, bytes.length).raw(bytes);
        }

        Fields raw(byte[] bytes) {
            out.writeBytes(bytes);
            return this;
        }

        byte[] bytes() {
            return out.toByteArray();
        }
    }
}
