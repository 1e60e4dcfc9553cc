/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.training;

import io.github.djlmistral.engine.training.TrainingData;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.CancellationException;
import java.util.function.Consumer;

/**
 * The usable records of a JSONL file as training examples. Opening it converts every record once,
 * to find those that cannot be used and the lengths of the others; an example is converted again
 * when it is asked for, so that only 16 bytes a record are kept in memory.
 *
 * <p>Thread-safe.
 *
 * @param <E> the type of an example
 */
public final class JsonlDataset<E> implements TrainingData<E>, AutoCloseable {

    /** What is done about a record that cannot be used. */
    public enum OnBadRecord {
        /** Opening the data set fails with a {@link BadRecordException}. */
        FAIL,
        /** The record is left out, counted and named in {@link #skipped}. */
        SKIP
    }

    private final JsonLines lines;
    private final RecordReader<E> reader;

    /** Index in the file, and number of tokens, of each example. */
    private int[] records;

    private int[] tokens;
    private int size;
    private long totalTokens;
    private final RecordMessages skipped;
    private final RecordMessages warnings;

    private JsonlDataset(JsonLines lines, RecordReader<E> reader, OnBadRecord onBadRecord) {
        this.lines = lines;
        this.reader = reader;
        records = new int[lines.size()];
        tokens = new int[lines.size()];
        Collected bad = new Collected();
        Collected doubtful = new Collected();
        for (int i = 0; i < lines.size(); i++) {
            long line = lines.line(i);
            try {
                int count = reader.tokens(read(i, reason -> doubtful.add(line, reason)));
                records[size] = i;
                tokens[size++] = count;
                totalTokens += count;
            } catch (BadRecordException e) {
                if (onBadRecord == OnBadRecord.FAIL) {
                    throw e;
                }
                bad.add(line, e.reason());
            }
            if (Thread.currentThread().isInterrupted()) {
                throw new CancellationException("interrupted while reading " + lines.file());
            }
        }
        skipped = bad.messages(lines.file());
        warnings = doubtful.messages(lines.file());
        if (size == 0) {
            throw new IllegalArgumentException(
                    lines.file()
                            + (lines.size() == 0
                                    ? ": it has no records"
                                    : ": none of its records can be used:\n" + skipped));
        }
        records = Arrays.copyOf(records, size);
        tokens = Arrays.copyOf(tokens, size);
    }

    /**
     * Opens a file.
     *
     * @param file the JSONL file
     * @param reader converts its records
     * @param onBadRecord what is done about records that cannot be used
     * @param <E> the type of an example
     * @return the data set, to be closed by the caller
     * @throws IOException if the file cannot be read
     * @throws BadRecordException if a record cannot be used and {@code onBadRecord} is {@code FAIL}
     * @throws IllegalArgumentException if the file has no record that can be used
     * @throws CancellationException if the thread is interrupted
     */
    public static <E> JsonlDataset<E> open(
            Path file, RecordReader<E> reader, OnBadRecord onBadRecord) throws IOException {
        JsonLines lines = JsonLines.open(file);
        try {
            return new JsonlDataset<>(lines, reader, onBadRecord);
        } catch (UncheckedIOException e) {
            lines.close();
            throw e.getCause();
        } catch (RuntimeException | Error e) {
            lines.close();
            throw e;
        }
    }

    private E read(int record, Consumer<String> warnings) {
        try {
            return reader.read(lines.get(record), warnings);
        } catch (IllegalArgumentException e) {
            throw new BadRecordException(lines.file(), lines.line(record), e);
        }
    }

    @Override
    public int size() {
        return size;
    }

    /**
     * Reads and converts an example.
     *
     * @throws BadRecordException if the file was changed since it was opened
     */
    @Override
    public E get(int index) {
        return read(records[Objects.checkIndex(index, size)], reason -> {});
    }

    /** Returns file and line of an example, such as {@code data.jsonl, line 12}. */
    @Override
    public String name(int index) {
        return lines.file() + ", line " + lines.line(records[Objects.checkIndex(index, size)]);
    }

    /**
     * Returns the length of an example, without reading it.
     *
     * @param index the index of the example
     * @return its number of tokens, as {@link RecordReader#tokens} counts them
     */
    public int tokens(int index) {
        return tokens[Objects.checkIndex(index, size)];
    }

    /**
     * Returns the length of the data set.
     *
     * @return the number of tokens of all examples
     */
    public long totalTokens() {
        return totalTokens;
    }

    /**
     * Returns the records that are left out.
     *
     * @return their number, and the reasons for the first 20
     */
    public RecordMessages skipped() {
        return skipped;
    }

    /**
     * Returns what is doubtful about records that are used.
     *
     * @return the number of warnings, and the first 20
     */
    public RecordMessages warnings() {
        return warnings;
    }

    /** Closes the file. */
    @Override
    public void close() throws IOException {
        lines.close();
    }

    /** Messages that are counted, and listed up to a limit. */
    private static final class Collected {
        private final List<RecordMessages.Entry> first = new ArrayList<>();
        private int count;

        void add(long line, String reason) {
            if (count++ < RecordMessages.LISTED) {
                first.add(new RecordMessages.Entry(line, reason));
            }
        }

        RecordMessages messages(Path file) {
            return new RecordMessages(file, count, first);
        }
    }
}
