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
 * A partially downloaded file with a journal of its byte ranges, so that a killed process loses no
 * more than {@link #UNSAID} bytes.
 *
 * <p>{@code blobs/<etag>.part} has the file's length at most, with holes. {@code
 * blobs/<etag>.part.journal} is text: {@code parts of 209715200}, then a line for each byte range,
 * {@code 0 1048576}, written after the bytes themselves. A line that the process did not finish is
 * not counted. After a failure of the whole machine the journal can be ahead of the bytes, which
 * the hash then shows. The names are ours alone: Python takes {@code <etag>.incomplete} for the
 * beginning of the file, which this is not.
 */
final class PartFile implements Closeable {

    /** So many bytes may be there and not yet in the journal. */
    static final int UNSAID = 1 << 20;

    /** A line for each {@link #UNSAID} bytes: enough for 600 GB. */
    private static final int LONGEST_JOURNAL = 16 << 20;

    private static final Pattern LINE = Pattern.compile("(\\d{1,18}) (\\d{1,18})");

    private final Path data;
    private final Path journal;
    private final long size;
    private final ByteRanges present = new ByteRanges();
    private final ByteRanges unsaid = new ByteRanges();
    private final FileChannel bytes;
    // not a channel, which an interrupted thread would close
    private final RandomAccessFile said;
    private boolean resumed;

    private PartFile(Path data, Path journal, long size) throws IOException {
        this.data = data;
        this.journal = journal;
        this.size = size;
        for (Path file : List.of(data, journal)) {
            if (Files.exists(file, LinkOption.NOFOLLOW_LINKS)
                    && !Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)) {
                Files.delete(file); // through a link another file would be overwritten
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
            // after half a line
            lines.write('\n');
        } catch (IOException e) {
            bytes.close();
            if (lines != null) {
                lines.close();
            }
            throw e;
        }
        said = lines;
    }

    /**
     * Opens what is there of a blob, or begins anew.
     *
     * @param blob where it will be
     * @param size its length in bytes
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

    /** Removes what may be left of an earlier download of a blob. */
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
        // what follows the last line end is half a line
        for (String line : text.substring(0, text.lastIndexOf('\n')).split("\n", -1)) {
            Matcher range = LINE.matcher(line);
            if (range.matches()) {
                present.add(Long.parseLong(range.group(1)), Long.parseLong(range.group(2)));
            }
        }
        return present.end() <= Math.min(size, Files.size(data));
    }

    /** Whether some of it is from an earlier process. */
    synchronized boolean isResumed() {
        return resumed;
    }

    synchronized long received() {
        return present.total();
    }

    /** The first byte that is not there, at a position or behind it. */
    synchronized long firstMissing(long from) {
        return present.firstMissing(from);
    }

    /**
     * Returns the missing byte ranges, each of a length at most.
     *
     * @return from and to of each, in order
     */
    synchronized List<long[]> gaps(long longest) {
        List<long[]> gaps = new ArrayList<>();
        long at = present.firstMissing(0);
        while (at < size) {
            long end = Math.min(at + longest, present.firstPresent(at, size));
            gaps.add(new long[] {at, end});
            at = present.firstMissing(end);
        }
        return gaps;
    }

    /**
     * Writes bytes at their place.
     *
     * @return how many of them were not there before
     */
    long write(long position, ByteBuffer buffer) throws IOException {
        long end = position;
        while (buffer.hasRemaining()) {
            end += bytes.write(buffer, end);
        }
        synchronized (this) {
            unsaid.add(position, end);
            if (unsaid.total() >= UNSAID) {
                say();
            }
            return present.add(position, end);
        }
    }

    private void say() throws IOException {
        StringBuilder lines = new StringBuilder();
        unsaid.forEach((from, to) -> lines.append(from).append(' ').append(to).append('\n'));
        said.write(lines.toString().getBytes(StandardCharsets.ISO_8859_1));
        unsaid.clear();
    }

    /** Forgets all of it, to fetch it anew. */
    synchronized void restart() throws IOException {
        present.clear();
        unsaid.clear();
        said.setLength(0);
        said.write(("parts of " + size + "\n").getBytes(StandardCharsets.ISO_8859_1));
        resumed = false;
    }

    /** Makes the closed, complete and verified file the blob. */
    void moveTo(Path blob) throws IOException {
        Files.move(data, blob, StandardCopyOption.ATOMIC_MOVE);
        Files.deleteIfExists(journal);
    }

    @Override
    public synchronized void close() throws IOException {
        if (bytes.isOpen()) {
            try (bytes;
                    said) {
                say();
            }
        }
    }
}
