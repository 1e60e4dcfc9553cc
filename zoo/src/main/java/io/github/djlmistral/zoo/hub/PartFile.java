/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import java.io.Closeable;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A partially downloaded file and the journal of its received byte ranges. If the process is
 * killed, at most {@link #MAX_UNREPORTED} bytes have to be downloaded again.
 *
 * <p>{@code blobs/<etag>.part} is a sparse file with the received bytes at their positions. {@code
 * blobs/<etag>.part.journal} is a text file: the header {@code parts of 209715200}, then a line for
 * each byte range, {@code 0 1048576}, written after the bytes themselves. An incomplete last line
 * is ignored. After a power failure the journal may contain ranges that were never written; the
 * hash detects this. Python's {@code <etag>.incomplete} is not used: it is a prefix of the file,
 * without gaps.
 */
final class PartFile implements Closeable {

    /** Maximum number of received bytes that are not in the journal yet. */
    static final int MAX_UNREPORTED = 1 << 20;

    /** One line for each {@link #MAX_UNREPORTED} bytes: enough for 600 GB. */
    private static final int LONGEST_JOURNAL = 16 << 20;

    private static final Pattern LINE = Pattern.compile("(\\d{1,18}) (\\d{1,18})");

    private final Path data;
    private final Path journal;
    private final long size;
    private final ByteRanges present = new ByteRanges();
    private final ByteRanges unreported = new ByteRanges();
    private final FileChannel bytes;
    // not a FileChannel: an interrupt would close it
    private final RandomAccessFile reported;
    private boolean resumed;

    private PartFile(Path data, Path journal, long size) throws IOException {
        this.data = data;
        this.journal = journal;
        this.size = size;
        for (Path file : List.of(data, journal)) {
            if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)
                    && !Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
                Files.delete(file); // writing through a link would overwrite its target
            }
        }
        String header = "parts of " + size + "\n";
        if (!readJournal(header)) {
            present.clear();
            Files.deleteIfExists(data);
            Files.writeString(journal, header);
        }
        resumed = present.total() > 0;
        bytes =
                Files.exists(data)
                        ? FileChannel.open(data, StandardOpenOption.WRITE)
                        : FileChannel.open(
                                data,
                                StandardOpenOption.WRITE,
                                StandardOpenOption.CREATE_NEW,
                                StandardOpenOption.SPARSE);
        RandomAccessFile lines = null;
        try {
            lines = new RandomAccessFile(journal.toFile(), "rw");
            lines.seek(lines.length());
            // terminates an incomplete line
            lines.write('\n');
        } catch (IOException e) {
            bytes.close();
            if (lines != null) {
                lines.close();
            }
            throw e;
        }
        reported = lines;
    }

    /**
     * Opens the partial file of a blob, or creates an empty one.
     *
     * @param blob path of the complete blob
     * @param size size of the blob in bytes
     */
    static PartFile open(Path blob, long size) throws IOException {
        return new PartFile(data(blob), journal(blob), size);
    }

    static Path data(Path blob) {
        return blob.resolveSibling(blob.getFileName() + ".part");
    }

    static Path journal(Path blob) {
        return blob.resolveSibling(blob.getFileName() + ".part.journal");
    }

    /** Deletes the partial file and the journal of a blob, if they exist. */
    static void delete(Path blob) throws IOException {
        Files.deleteIfExists(data(blob));
        Files.deleteIfExists(journal(blob));
    }

    private boolean readJournal(String header) throws IOException {
        if (!Files.exists(journal)
                || !Files.exists(data)
                || Files.size(journal) > LONGEST_JOURNAL) {
            return false;
        }
        String text = Files.readString(journal, StandardCharsets.ISO_8859_1);
        if (!text.startsWith(header)) {
            return false;
        }
        // text after the last line end is an incomplete line
        for (String line : text.substring(0, text.lastIndexOf('\n')).split("\n", -1)) {
            Matcher range = LINE.matcher(line);
            if (range.matches()) {
                present.add(Long.parseLong(range.group(1)), Long.parseLong(range.group(2)));
            }
        }
        return present.end() <= Math.min(size, Files.size(data));
    }

    /** Returns whether some of the bytes were received by an earlier download. */
    synchronized boolean isResumed() {
        return resumed;
    }

    synchronized long received() {
        return present.total();
    }

    /** Returns the position of the first missing byte at or after a position. */
    synchronized long firstMissing(long from) {
        return present.firstMissing(from);
    }

    /**
     * Returns the missing byte ranges, split to a maximum length.
     *
     * @return begin and end (exclusive) of each range, in order
     */
    synchronized List<long[]> missingRanges(long longest) {
        List<long[]> ranges = new ArrayList<>();
        long at = present.firstMissing(0);
        while (at < size) {
            long end = Math.min(at + longest, present.firstPresent(at, size));
            ranges.add(new long[] {at, end});
            at = present.firstMissing(end);
        }
        return ranges;
    }

    /**
     * Writes bytes at a position.
     *
     * @return how many of them were missing before
     */
    long write(long position, ByteBuffer buffer) throws IOException {
        long end = position;
        while (buffer.hasRemaining()) {
            end += bytes.write(buffer, end);
        }
        synchronized (this) {
            unreported.add(position, end);
            if (unreported.total() >= MAX_UNREPORTED) {
                report();
            }
            return present.add(position, end);
        }
    }

    /** Appends the unreported byte ranges to the journal. */
    private void report() throws IOException {
        StringBuilder lines = new StringBuilder();
        unreported.forEach((from, to) -> lines.append(from).append(' ').append(to).append('\n'));
        reported.write(lines.toString().getBytes(StandardCharsets.ISO_8859_1));
        unreported.clear();
    }

    /** Discards all received bytes. */
    synchronized void restart() throws IOException {
        present.clear();
        unreported.clear();
        reported.setLength(0);
        reported.write(("parts of " + size + "\n").getBytes(StandardCharsets.ISO_8859_1));
        resumed = false;
    }

    /** Moves the file, which must be closed, complete and verified, to the path of the blob. */
    void moveTo(Path blob) throws IOException {
        Files.move(data, blob, StandardCopyOption.ATOMIC_MOVE);
        Files.deleteIfExists(journal);
    }

    @Override
    public synchronized void close() throws IOException {
        if (bytes.isOpen()) {
            try (bytes;
                    reported) {
                report();
            }
        }
    }
}
