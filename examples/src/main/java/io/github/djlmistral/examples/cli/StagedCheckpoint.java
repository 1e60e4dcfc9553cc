/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.weights.CheckpointException;
import io.github.djlmistral.engine.weights.StagingDirectory;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Writes a checkpoint directory atomically: into a hidden directory beside the target, which is
 * renamed when it is complete. An interruption or a full disk leaves no partial model.
 */
final class StagedCheckpoint implements Closeable {

    /** Configuration, tokenizer, templates and licenses, without weights and their indexes. */
    private static final Pattern BESIDE_WEIGHTS =
            Pattern.compile(
                    "(?!config\\.json$|params\\.json$)[^.].*\\.(json|jinja|txt)"
                            + "|tokenizer\\.model.*|(LICENSE|NOTICE|USE_POLICY).*");

    private static final String INDEX = ".index.json";

    private final StagingDirectory staging;

    private StagedCheckpoint(StagingDirectory staging) {
        this.staging = staging;
    }

    /**
     * Checks the target and creates the hidden directory.
     *
     * @param target the directory to create; must not exist, or be empty
     * @param bytes its size, for which there must be space
     */
    static StagedCheckpoint at(Path target, long bytes) throws IOException {
        if (Files.exists(target) && !isEmptyDirectory(target)) {
            throw new IOException(
                    target
                            + (Files.isDirectory(target) ? " is not empty" : " is a file")
                            + ": give a directory that is not there yet");
        }
        requireSpace(target.toAbsolutePath().normalize().getParent(), bytes);
        return new StagedCheckpoint(StagingDirectory.of(target).deleteOnExit());
    }

    /** Checks the disk of a directory that may not be there yet. */
    private static void requireSpace(@Nullable Path directory, long bytes) throws IOException {
        Path existing = directory;
        while (existing != null && !Files.exists(existing)) {
            existing = existing.getParent();
        }
        if (existing == null) {
            return; // the drive is missing, which the creation of the directory reports
        }
        long space = Files.getFileStore(existing).getUsableSpace();
        if (space < bytes) {
            throw new IOException(
                    String.format(
                            "the result takes %s, and %s has %s free: free some space, or give"
                                    + " a directory on another disk",
                            Units.bytes(bytes), existing, Units.bytes(space)));
        }
    }

    private static boolean isEmptyDirectory(Path path) throws IOException {
        if (!Files.isDirectory(path)) {
            return false;
        }
        try (Stream<Path> list = Files.list(path)) {
            return list.findAny().isEmpty();
        }
    }

    /** Lists the files of a checkpoint beside weights and {@code config.json}. */
    static List<Path> beside(Path source) throws IOException {
        try (Stream<Path> list = Files.list(source)) {
            return list.filter(Files::isRegularFile)
                    .filter(
                            file -> {
                                String name = String.valueOf(file.getFileName());
                                return BESIDE_WEIGHTS.matcher(name).matches()
                                        && !name.endsWith(INDEX);
                            })
                    .sorted()
                    .toList();
        }
    }

    /** Returns the path of a file until the checkpoint is complete. */
    Path resolve(String name) {
        return staging.path().resolve(name);
    }

    /** Copies files into the checkpoint. */
    void copy(List<Path> files) throws IOException {
        for (Path file : files) {
            Files.copy(file, staging.path().resolve(String.valueOf(file.getFileName())));
        }
    }

    /**
     * Writes {@code config.json}: the one of the source, or one derived from {@code params.json}.
     */
    void configure(Path source, MistralConfig config, Map<String, Object> quantization)
            throws IOException {
        Gson gson =
                new GsonBuilder()
                        .setPrettyPrinting()
                        .disableHtmlEscaping()
                        .serializeNulls()
                        .create();
        Path file = source.resolve("config.json");
        JsonObject json;
        if (Files.exists(file)) {
            try {
                json = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
            } catch (JsonParseException | IllegalStateException e) {
                throw new CheckpointException(file, "it is not a JSON object", "download it again");
            }
        } else {
            json = new JsonObject();
            json.addProperty("model_type", "mistral");
            ConfigFields.of(config)
                    .forEach((name, value) -> json.add(name, gson.toJsonTree(value)));
        }
        json.add("quantization_config", gson.toJsonTree(quantization));
        Files.writeString(resolve("config.json"), gson.toJson(json) + "\n");
    }

    /** Renames the directory to its target. */
    void finish() throws IOException {
        staging.finish();
    }

    /** Deletes the hidden directory, unless the checkpoint is complete. */
    @Override
    public void close() throws IOException {
        staging.close();
    }
}
