/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.weights.CheckpointException;
import java.io.Closeable;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.UUID;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A checkpoint directory in the making. It is a hidden directory beside the one it is to become,
 * and gets its name when it is complete: one who is interrupted, or whose disk is full, is left
 * without half a model.
 */
final class StagedCheckpoint implements Closeable {

    /**
     * Configuration, tokenizer, templates and licences; what holds weights or lists them is out.
     */
    private static final Pattern BESIDE_WEIGHTS =
            Pattern.compile(
                    "(?!config\\.json$|params\\.json$)[^.].*\\.(json|jinja|txt)"
                            + "|tokenizer\\.model.*|(LICENSE|NOTICE|USE_POLICY).*");

    private static final String INDEX = ".index.json";

    private final Path target;
    private final Path temporary;
    private final Thread onInterrupt = new Thread(this::deleteQuietly);

    private StagedCheckpoint(Path target, Path temporary) {
        this.target = target;
        this.temporary = temporary;
    }

    /**
     * Checks the place and begins.
     *
     * @param target the directory to make; must not be there, or be empty
     * @param bytes how large it gets, for which there must be space
     */
    static StagedCheckpoint at(Path target, long bytes) throws IOException {
        if (Files.exists(target) && !isEmptyDirectory(target)) {
            throw new IOException(
                    target
                            + (Files.isDirectory(target) ? " is not empty" : " is a file")
                            + ": give a directory that is not there yet");
        }
        Path absolute = target.toAbsolutePath().normalize();
        Path parent = absolute.getParent();
        if (parent == null) {
            throw new IOException(target + " is the root: give a directory within it");
        }
        Files.createDirectories(parent);
        long space = Files.getFileStore(parent).getUsableSpace();
        if (space < bytes) {
            throw new IOException(
                    String.format(
                            "the result takes %s, and %s has %s free: free some space, or give"
                                    + " a directory on another disk",
                            Units.bytes(bytes), parent, Units.bytes(space)));
        }
        String name = "." + absolute.getFileName() + "." + UUID.randomUUID() + ".tmp";
        StagedCheckpoint checkpoint =
                new StagedCheckpoint(absolute, Files.createDirectory(parent.resolve(name)));
        Runtime.getRuntime().addShutdownHook(checkpoint.onInterrupt);
        return checkpoint;
    }

    private static boolean isEmptyDirectory(Path path) throws IOException {
        if (!Files.isDirectory(path)) {
            return false;
        }
        try (Stream<Path> list = Files.list(path)) {
            return list.findAny().isEmpty();
        }
    }

    /** Lists what a checkpoint has beside weights and {@code config.json}. */
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

    /** Where a file of it is until it is complete. */
    Path resolve(String name) {
        return temporary.resolve(name);
    }

    /** Copies files into it. */
    void copy(List<Path> files) throws IOException {
        for (Path file : files) {
            Files.copy(file, temporary.resolve(String.valueOf(file.getFileName())));
        }
    }

    /** Writes {@code config.json}: that of the source, or one made of its parameters. */
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
                throw new CheckpointException(
                        file, "it is no JSON object", "DownloadProgress it again");
            }
        } else {
            json = new JsonObject();
            json.add("architectures", gson.toJsonTree(List.of("MistralForCausalLM")));
            json.addProperty("model_type", "mistral");
            ConfigFields.of(config)
                    .forEach((name, value) -> json.add(name, gson.toJsonTree(value)));
        }
        json.add("quantization_config", gson.toJsonTree(quantization));
        Files.writeString(resolve("config.json"), gson.toJson(json) + "\n");
    }

    /** Gives it its name. */
    void finish() throws IOException {
        Files.deleteIfExists(target);
        Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
    }

    /** Deletes what there is of it, unless it is finished. */
    @Override
    public void close() {
        try {
            Runtime.getRuntime().removeShutdownHook(onInterrupt);
        } catch (IllegalStateException e) {
            return; // interrupted: the hook itself deletes it
        }
        deleteQuietly();
    }

    private void deleteQuietly() {
        if (!Files.exists(temporary)) {
            return;
        }
        try (Stream<Path> files = Files.walk(temporary)) {
            files.sorted(Comparator.reverseOrder()).forEach(file -> file.toFile().delete());
        } catch (IOException | RuntimeException e) {
            // hidden files that cannot be deleted stay; the fault that led here is what matters
        }
    }
}
