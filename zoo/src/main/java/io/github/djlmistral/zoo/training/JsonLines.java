/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.training;

import io.github.djlmistral.engine.internal.SmallFile;
import io.github.djlmistral.zoo.chat.ConversationJson;
import java.io.EOFException;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.io.UncheckedIOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A JSONL file (one JSON object a line, UTF-8) as a list of records, any of which can be read at
 * any time. Opening it scans the file once and keeps where each line begins, 8 bytes a record;
 * records are read from the file when they are asked for, so that files may be larger than memory.
 *
 * <p>Lines end with {@code \n} or {@code \r\n}; blank lines and a byte order mark at the beginning
 * of the file are skipped. The file must not change while it is open.
 *
 * <p>Thread-safe.
 */
public final class JsonLines implements AutoCloseable {

    /** Limit for the bytes of one record, which is parsed in memory. */
    private static final int LONGEST_RECORD = 64 << 20;

    private static final int CHUNK = 1 << 16;
    private static final byte[] BYTE_ORDER_MARK = {(byte) 0xEF, (byte) 0xBB, (byte) 0xBF};

    private final Path file;
    // not a FileChannel, which an interrupt closes for all threads
    private final RandomAccessFile content;

    /** Offsets of the records in the file, and the end of the last one. */
    private long[] begins = new long[64];

    private int size;

    /** For each blank line, the index of the record that follows. */
    private int[] blanks = new int[4];

    private int blankCount;

    private JsonLines(Path file, RandomAccessFile content) {
        this.file = file;
        this.content = content;
    }

    /**
     * Opens a file.
     *
     * @param file the file
     * @return its records, to be closed by the caller
     * @throws IOException if it cannot be read or is not a regular file
     */
    public static JsonLines open(Path file) throws IOException {
        SmallFile.requireRegular(file);
        RandomAccessFile content = new RandomAccessFile(file.toFile(), "r");
        try {
            JsonLines lines = new JsonLines(file, content);
            lines.scan();
            return lines;
        } catch (IOException | RuntimeException | Error e) {
            content.close();
            throw e;
        }
    }

    private void scan() throws IOException {
        byte[] bytes = new byte[CHUNK];
        long position = startsWithByteOrderMark() ? BYTE_ORDER_MARK.length : 0;
        long begin = position;
        boolean blank = true;
        while (true) {
            int count = content.read(bytes);
            if (count < 0) {
                break;
            }
            for (int i = 0; i < count; i++) {
                if (!blank) {
                    i = lineEnd(bytes, i, count);
                    if (i == count) {
                        break;
                    }
                }
                byte b = bytes[i];
                if (b == '\n') {
                    end(begin, blank);
                    begin = position + i + 1;
                    blank = true;
                } else if (b != ' ' && b != '\t' && b != '\r') {
                    blank = false;
                }
            }
            position += count;
        }
        if (!blank) {
            end(begin, false);
        }
        begins = Arrays.copyOf(begins, size + 1);
        begins[size] = position;
    }

    private static int lineEnd(byte[] bytes, int from, int end) {
        int i = from;
        while (i < end && bytes[i] != '\n') {
            i++;
        }
        return i;
    }

    /** Reads the byte order mark, if there is one. */
    private boolean startsWithByteOrderMark() throws IOException {
        byte[] start = new byte[BYTE_ORDER_MARK.length];
        boolean marked =
                content.length() >= start.length
                        && content.read(start) == start.length
                        && Arrays.equals(start, BYTE_ORDER_MARK);
        content.seek(marked ? start.length : 0);
        return marked;
    }

    private void end(long begin, boolean blank) throws IOException {
        if (blank) {
            if (blankCount == blanks.length) {
                blanks = Arrays.copyOf(blanks, 2 * blankCount);
            }
            blanks[blankCount++] = size;
            return;
        }
        if (size == Integer.MAX_VALUE - 8) {
            throw new IOException(file + ": it has more than " + size + " records. Split it.");
        }
        if (size == begins.length) {
            begins = Arrays.copyOf(begins, (int) Math.min(2L * size, Integer.MAX_VALUE - 8));
        }
        begins[size++] = begin;
    }

    /**
     * Returns the file.
     *
     * @return the path given to {@link #open}
     */
    public Path file() {
        return file;
    }

    /**
     * Returns the number of records.
     *
     * @return the number of lines that are not blank
     */
    public int size() {
        return size;
    }

    /**
     * Returns the line of a record, for messages.
     *
     * @param index the index of the record
     * @return the number of its line in the file, from 1
     */
    public long line(int index) {
        checkIndex(index);
        // blank lines before the record, whose entries are at most its index
        int low = 0;
        int high = blankCount;
        while (low < high) {
            int middle = (low + high) >>> 1;
            if (blanks[middle] <= index) {
                low = middle + 1;
            } else {
                high = middle;
            }
        }
        return index + 1L + low;
    }

    /**
     * Reads and parses a record.
     *
     * @param index its index
     * @return the members of the JSON object in order: strings, numbers, booleans, null, maps and
     *     lists of these
     * @throws IllegalArgumentException if the line is not UTF-8, not a JSON object, nested more
     *     than 64 deep, or longer than 64 MiB; the message does not name the line
     * @throws IndexOutOfBoundsException if there is no such record
     * @throws UncheckedIOException if the file cannot be read, or has become shorter
     */
    public Map<String, @Nullable Object> get(int index) {
        String text = text(index);
        try {
            return ConversationJson.object(text);
        } catch (IllegalArgumentException e) {
            // the line of the file is another one
            throw new IllegalArgumentException(
                    String.valueOf(e.getMessage()).replace("at line 1 column", "at column"), e);
        }
    }

    private String text(int index) {
        checkIndex(index);
        long begin = begins[index];
        long length = begins[index + 1] - begin; // with the line's end, and blank lines
        if (length > LONGEST_RECORD) {
            throw new IllegalArgumentException(
                    "the line has "
                            + length
                            + " bytes, over the limit of "
                            + LONGEST_RECORD
                            + ": split the record");
        }
        byte[] bytes = new byte[(int) length];
        try {
            read(begin, bytes);
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            throw new IllegalArgumentException("the line is not UTF-8", e);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private synchronized void read(long begin, byte[] bytes) throws IOException {
        try {
            content.seek(begin);
            content.readFully(bytes);
        } catch (EOFException e) {
            throw new IOException(
                    file + ": it has become shorter while it was read. Start again.", e);
        }
    }

    private void checkIndex(int index) {
        if (index < 0 || index >= size) {
            throw new IndexOutOfBoundsException(
                    "record " + index + " of " + size + " records of " + file);
        }
    }

    /** Closes the file. */
    @Override
    public void close() throws IOException {
        content.close();
    }
}
