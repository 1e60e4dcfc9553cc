/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Locale;

/** Reads whole files up to a maximum size: configurations, tokenizers, templates. */
public final class SmallFile {

    private SmallFile() {}

    /**
     * Reads a file.
     *
     * @param file the file
     * @param longest the maximum size in bytes
     * @return its bytes
     * @throws IOException if it cannot be read, is larger, or is not a regular file; the message
     *     names it
     */
    public static byte[] bytes(Path file, int longest) throws IOException {
        requireRegular(file);
        long size = Files.size(file);
        if (size > longest) {
            throw tooLong(file, size, longest);
        }
        // the reported size may be wrong: files in /proc have 0 bytes and content
        try (InputStream stream = Files.newInputStream(file)) {
            byte[] bytes = stream.readNBytes(longest + 1);
            if (bytes.length > longest) {
                throw tooLong(file, bytes.length, longest);
            }
            return bytes;
        }
    }

    /**
     * Reads a text file.
     *
     * @param file the file
     * @param longest the maximum size in bytes
     * @return its text
     * @throws IOException as for {@link #bytes}, and if it is not UTF-8
     */
    public static String text(Path file, int longest) throws IOException {
        try {
            ByteBuffer bytes = ByteBuffer.wrap(bytes(file, longest));
            return StandardCharsets.UTF_8.newDecoder().decode(bytes).toString();
        } catch (CharacterCodingException e) {
            throw new IOException(file + ": it is not UTF-8. Download the file again.", e);
        }
    }

    /**
     * Checks that a file is regular: reading a pipe or a device could block or never end.
     *
     * @param file the file; symbolic links are followed
     * @throws IOException if it is missing or not a regular file
     */
    public static void requireRegular(Path file) throws IOException {
        if (!Files.exists(file)) {
            throw new NoSuchFileException(file.toString());
        }
        if (!Files.isRegularFile(file)) {
            throw new IOException(
                    file + ": this is not a file but a directory, a device or a pipe. Replace it.");
        }
    }

    private static IOException tooLong(Path file, long size, int longest) {
        return new IOException(
                String.format(
                        Locale.ROOT,
                        "%s: it has %d bytes or more, over the limit of %d bytes."
                                + " Download the file again.",
                        file,
                        size,
                        longest));
    }
}
