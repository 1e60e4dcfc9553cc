/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.chat;

import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Files that users name in a conversation. */
public final class TextFile {

    private static final int MAX_BYTES = 16 << 20;

    private TextFile() {}

    /**
     * Converts a path as it is typed.
     *
     * @param text a path; one that begins with {@code ~/} is in the user's directory
     * @return the path
     * @throws java.nio.file.InvalidPathException if it is none
     */
    public static Path path(String text) {
        return text.startsWith("~/")
                ? Path.of(System.getProperty("user.home"), text.substring(2))
                : Path.of(text);
    }

    /**
     * Reads a text.
     *
     * @param file a file in UTF-8
     * @return its text
     * @throws IOException if it cannot be read
     * @throws IllegalArgumentException if it is not a text in UTF-8, or larger than 16 MiB
     */
    public static String read(Path file) throws IOException {
        if (Files.isDirectory(file)) {
            throw new IllegalArgumentException(file + " is a directory: give a file");
        }
        if (Files.size(file) > MAX_BYTES) {
            throw new IllegalArgumentException(
                    file + " has " + Files.size(file) + " bytes, more than 16 MiB");
        }
        try {
            return Files.readString(file);
        } catch (CharacterCodingException e) {
            throw new IllegalArgumentException(file + " is not a text in UTF-8", e);
        }
    }
}
