/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.weights;

import io.github.djlmistral.engine.internal.Quote;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;

/**
 * Reads the values of a GGUF header. Every size is checked against the size of the file before
 * memory is allocated.
 */
final class GgufCursor {

    /** Maximum size of the header in bytes. A vocabulary of 32,768 tokens takes 1 MB. */
    static final int LONGEST_HEADER = 64 << 20;

    /** Maximum depth of nested arrays; llama.cpp writes none. */
    private static final int DEEPEST = 4;

    /**
     * Maximum number of elements of all arrays: tokens, scores, types and merges of a vocabulary of
     * 262,144. They take up to 100 MB of heap.
     */
    private static final int MOST_ELEMENTS = 1 << 20;

    private static final int STRING = 8;
    private static final int ARRAY = 9;

    /** Minimum size of a value of each type in bytes, UINT8 to FLOAT64. */
    private static final int[] LEAST = {1, 1, 2, 2, 4, 4, 4, 1, 8, 12, 8, 8, 8};

    private final Path file;
    private final ByteBuffer bytes;
    private final boolean whole;
    private int elements;

    /**
     * Creates a cursor at the first byte.
     *
     * @param file the file, for messages
     * @param bytes the file, or its first {@link #LONGEST_HEADER} bytes
     * @param whole whether {@code bytes} is the whole file
     */
    GgufCursor(Path file, ByteBuffer bytes, boolean whole) {
        this.file = file;
        this.bytes = bytes.duplicate().order(ByteOrder.LITTLE_ENDIAN);
        this.whole = whole;
    }

    /** Returns the number of bytes read. */
    int position() {
        return bytes.position();
    }

    int int32(String what) throws CheckpointException {
        require(Integer.BYTES, what);
        return bytes.getInt();
    }

    long int64(String what) throws CheckpointException {
        require(Long.BYTES, what);
        return bytes.getLong();
    }

    /** Reads a count of at most {@code most} items of at least {@code least} bytes each. */
    int count(String what, int most, int least) throws CheckpointException {
        int count = count(what, least);
        if (count > most) {
            throw new CheckpointException(
                    file,
                    String.format(
                            Locale.ROOT, "it has %d %s, over the limit of %d", count, what, most),
                    CheckpointException.DOWNLOAD);
        }
        return count;
    }

    private int count(String what, int least) throws CheckpointException {
        long count = int64("the number of " + what);
        if (count < 0 || count > bytes.remaining() / least) {
            throw new CheckpointException(
                    file,
                    String.format(
                            Locale.ROOT,
                            "it claims to have %s %s, but only %d bytes follow byte %d: the file is"
                                    + " truncated or damaged",
                            Long.toUnsignedString(count),
                            what,
                            bytes.remaining(),
                            bytes.position()),
                    CheckpointException.DOWNLOAD);
        }
        return (int) count;
    }

    String string(String what) throws CheckpointException {
        int length = count("bytes of " + what, 1);
        ByteBuffer slice = bytes.slice(bytes.position(), length);
        bytes.position(bytes.position() + length);
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(slice).toString();
        } catch (CharacterCodingException e) {
            CheckpointException exception =
                    new CheckpointException(
                            file, what + " is not UTF-8", CheckpointException.CONVERT_AGAIN);
            exception.initCause(e);
            throw exception;
        }
    }

    /**
     * Reads a value: a Long, Float, Double, Boolean, String or a List of these. A UINT64 keeps its
     * bits.
     */
    Object value(String key) throws CheckpointException {
        String quoted = Quote.of(key); // once, not for each element
        return value(quoted, type(quoted), 0);
    }

    private int type(String key) throws CheckpointException {
        int type = int32("the type of " + key);
        if (type < 0 || type >= LEAST.length) {
            throw new CheckpointException(
                    file,
                    String.format(
                            Locale.ROOT,
                            "the value of %s has the type %s, supported are 0 to %d",
                            key,
                            Integer.toUnsignedString(type),
                            LEAST.length - 1),
                    CheckpointException.CONVERT_AGAIN);
        }
        return type;
    }

    private Object value(String key, int type, int depth) throws CheckpointException {
        if (type == STRING) {
            return string(key);
        }
        if (type == ARRAY) {
            return array(key, depth);
        }
        require(LEAST[type], key);
        return switch (type) {
            case 0 -> bytes.get() & 0xFFL;
            case 1 -> (long) bytes.get();
            case 2 -> bytes.getShort() & 0xFFFFL;
            case 3 -> (long) bytes.getShort();
            case 4 -> bytes.getInt() & 0xFFFF_FFFFL;
            case 5 -> (long) bytes.getInt();
            case 6 -> bytes.getFloat();
            case 7 -> bool(key);
            case 12 -> bytes.getDouble();
            default -> bytes.getLong();
        };
    }

    private boolean bool(String key) throws CheckpointException {
        byte value = bytes.get();
        if (value != 0 && value != 1) {
            throw new CheckpointException(
                    file,
                    key + " is " + value + ", which is neither true nor false",
                    CheckpointException.CONVERT_AGAIN);
        }
        return value == 1;
    }

    private List<Object> array(String key, int depth) throws CheckpointException {
        if (depth == DEEPEST) {
            throw new CheckpointException(
                    file,
                    key + " has arrays nested more than " + DEEPEST + " deep",
                    CheckpointException.CONVERT_AGAIN);
        }
        int type = type(key);
        int count = count("elements of " + key, LEAST[type]);
        if (count > MOST_ELEMENTS - elements) {
            throw new CheckpointException(
                    file,
                    String.format(
                            Locale.ROOT,
                            "the arrays of its metadata have more than %d elements; %s has %d",
                            MOST_ELEMENTS,
                            key,
                            count),
                    CheckpointException.DOWNLOAD);
        }
        elements += count;
        List<Object> list = new ArrayList<>(count);
        for (int i = 0; i < count; i++) {
            list.add(value(key, type, depth + 1));
        }
        return Collections.unmodifiableList(list);
    }

    private void require(int count, String what) throws CheckpointException {
        if (bytes.remaining() >= count) {
            return;
        }
        if (whole) {
            throw new CheckpointException(
                    file,
                    String.format(
                            Locale.ROOT,
                            "the file ends after %d bytes, within %s: the download is probably"
                                    + " incomplete",
                            bytes.limit(),
                            what),
                    CheckpointException.DOWNLOAD);
        }
        throw new CheckpointException(
                file,
                "its header has more than " + LONGEST_HEADER + " bytes",
                CheckpointException.CONVERT_AGAIN);
    }
}
