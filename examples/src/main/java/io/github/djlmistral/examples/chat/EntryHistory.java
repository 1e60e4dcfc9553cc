/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.chat;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonParseException;
import com.google.gson.Strictness;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.FileSystems;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jline.reader.impl.history.DefaultHistory;
import org.jspecify.annotations.Nullable;

/** The last entries, each once; with a file also those of earlier programs. */
public final class EntryHistory extends DefaultHistory {

    private static final boolean POSIX =
            FileSystems.getDefault().supportedFileAttributeViews().contains("posix");

    private static final Gson GSON =
            new GsonBuilder().setStrictness(Strictness.STRICT).disableHtmlEscaping().create();

    private @Nullable Path file;

    private final Consumer<IOException> failure;

    /** Creates a history without a file. */
    public EntryHistory() {
        failure = e -> {};
    }

    /**
     * Creates a history with the entries of a file, and keeps new ones there. Each is a line, a
     * JSON string. Only the owner may read the file.
     *
     * @param file the file, created if necessary
     * @param failure is told if a new entry cannot be written; no more is written then
     * @throws IOException if the file cannot be created, read or written
     */
    public EntryHistory(Path file, Consumer<IOException> failure) throws IOException {
        this.failure = failure;
        Path directory = file.toAbsolutePath().getParent();
        Files.createDirectories(directory, permissions("rwx------"));
        if (Files.notExists(file)) {
            Files.createFile(file, permissions("rw-------"));
        } else if (POSIX) {
            Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-------"));
        }
        String before = new String(Files.readAllBytes(file), StandardCharsets.UTF_8);
        before.lines().forEach(this::restore);
        List<String> kept = new ArrayList<>();
        forEach(entry -> kept.add(line(entry.line())));
        String now = String.join("", kept);
        if (!now.equals(before)) {
            Path shorter = Files.createTempFile(directory, "chat", ".tmp"); // the owner's alone
            Files.writeString(shorter, now);
            Files.move(shorter, file, StandardCopyOption.REPLACE_EXISTING);
        }
        this.file = file;
    }

    /**
     * Returns the file for the entries of a user.
     *
     * @param environment the environment variables
     * @param home the user's directory
     * @return a file in the directory for state, as the XDG Base Directory Specification has it
     */
    public static Path file(Map<String, String> environment, Path home) {
        String state = environment.getOrDefault("XDG_STATE_HOME", "");
        Path directory = state.startsWith("/") ? Path.of(state) : home.resolve(".local/state");
        return directory.resolve("djl-mistral/chat_history");
    }

    private static FileAttribute<?>[] permissions(String allowed) {
        return POSIX
                ? new FileAttribute<?>[] {
                    PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(allowed))
                }
                : new FileAttribute<?>[0];
    }

    private static String line(String entry) {
        return GSON.toJson(entry) + "\n";
    }

    private void restore(String line) {
        try {
            String entry = GSON.fromJson(line, String.class);
            if (entry != null) {
                add(Instant.EPOCH, entry);
            }
        } catch (JsonParseException e) {
            // written by something else
        }
    }

    /** Adds an entry without white space around it, and removes the same one from before. */
    @Override
    public void add(Instant time, String line) {
        String entry = line.strip();
        List<Entry> others = new ArrayList<>();
        forEach(others::add);
        try {
            purge();
        } catch (IOException e) {
            throw new UncheckedIOException(e); // there is no file that JLine knows of
        }
        others.removeIf(other -> other.line().equals(entry));
        others.forEach(other -> super.add(other.time(), other.line()));
        super.add(time, entry);
        Path target = file;
        if (target != null) {
            try {
                Files.writeString(target, line(entry), StandardOpenOption.APPEND);
            } catch (IOException e) {
                file = null;
                failure.accept(e);
            }
        }
    }
}
