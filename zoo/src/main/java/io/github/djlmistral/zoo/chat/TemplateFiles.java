/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

import io.github.djlmistral.engine.internal.SmallFile;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;

/** The files of chat templates in a checkpoint's directory. */
final class TemplateFiles {

    private static final String SUFFIX = ".jinja";
    private static final int MAX_SIZE = 4 << 20;

    private TemplateFiles() {}

    /** Returns the directory of a checkpoint, which may be a GGUF file in it. */
    static Path directory(Path path) {
        Path absolute = path.toAbsolutePath();
        Path parent = absolute.getParent();
        return Files.isDirectory(absolute) || parent == null ? absolute : parent;
    }

    /**
     * Reads the files.
     *
     * @return the sources by name; empty if there is no file
     */
    static Map<String, String> read(Path path) throws IOException {
        Path directory = directory(path);
        Map<String, String> sources = new TreeMap<>();
        Path single = directory.resolve("chat_template" + SUFFIX);
        if (Files.exists(single)) {
            sources.put("default", source(single));
        }
        Path named = directory.resolve("additional_chat_templates");
        if (Files.isDirectory(named)) {
            try (DirectoryStream<Path> files = Files.newDirectoryStream(named, "*" + SUFFIX)) {
                for (Path file : files) {
                    String name = String.valueOf(file.getFileName());
                    sources.put(name.substring(0, name.length() - SUFFIX.length()), source(file));
                }
            }
        }
        return sources;
    }

    private static String source(Path file) throws IOException {
        return SmallFile.text(file, MAX_SIZE);
    }
}
