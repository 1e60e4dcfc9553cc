/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.weights;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.internal.SmallFile;
import io.github.djlmistral.engine.internal.StrictJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The safetensors weights of a model directory. The first of these layouts that is present is read;
 * Mistral's repositories have the same weights in both layouts:
 *
 * <ol>
 *   <li>{@code model.safetensors}: one file with the tensor names of Hugging Face.
 *   <li>{@code model.safetensors.index.json}: the same in several files ("shards"); the index maps
 *       tensors to files: <code>
 *       {"weight_map": {"lm_head.weight": "model-00002-of-00002.safetensors", ...}}</code>.
 *   <li>{@code consolidated.safetensors}: one file in Mistral's own layout, see {@link
 *       #consolidated}.
 *   <li>{@code consolidated.safetensors.index.json}: the same in shards.
 * </ol>
 *
 * <p>Opening a checkpoint reads the headers and memory-maps the tensors, so it takes milliseconds
 * whatever their size.
 */
public final class Checkpoint {

    private static final String HUGGING_FACE = "model.safetensors";
    private static final String CONSOLIDATED = "consolidated.safetensors";
    private static final String INDEX = ".index.json";

    /** Maximum number of files or tensors that a message lists. */
    private static final int LISTED = 8;

    private final List<Path> files;
    private final Map<String, Tensor> tensors;
    private final boolean consolidated;

    private Checkpoint(List<Path> files, Map<String, Tensor> tensors, boolean consolidated) {
        this.files = List.copyOf(files);
        this.tensors = Collections.unmodifiableMap(tensors);
        this.consolidated = consolidated;
    }

    /** Returns whether one of the layouts is present. */
    static boolean isIn(Path directory) {
        return Stream.of(HUGGING_FACE, CONSOLIDATED)
                .flatMap(name -> Stream.of(name, name + INDEX))
                .anyMatch(name -> Files.exists(directory.resolve(name)));
    }

    /**
     * Opens the weights of a directory.
     *
     * @param directory the directory of a model, as downloaded from Hugging Face
     * @return the weights
     * @throws CheckpointException if the directory has no supported weights, or files are missing
     *     or damaged
     * @throws IOException if a file cannot be read
     */
    public static Checkpoint open(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            throw new CheckpointException(
                    directory,
                    Files.exists(directory)
                            ? "this is a file, not a directory with " + HUGGING_FACE
                            : "the directory does not exist",
                    "Give the directory that holds the weights and config.json");
        }
        for (String name : List.of(HUGGING_FACE, CONSOLIDATED)) {
            boolean consolidated = name.equals(CONSOLIDATED);
            Path file = directory.resolve(name);
            if (Files.exists(file)) {
                return new Checkpoint(List.of(file), Safetensors.read(file), consolidated);
            }
            Path index = directory.resolve(name + INDEX);
            if (Files.exists(index)) {
                return sharded(directory, index, consolidated);
            }
        }
        throw nothingToRead(directory);
    }

    private static Checkpoint sharded(Path directory, Path index, boolean consolidated)
            throws IOException {
        // sorted, since shards are numbered
        Map<Path, TreeSet<String>> promised = new TreeMap<>();
        for (Map.Entry<String, String> entry : weightMap(index).entrySet()) {
            Path shard = shard(directory, index, entry.getValue());
            promised.computeIfAbsent(shard, key -> new TreeSet<>()).add(entry.getKey());
        }
        List<Path> missing = promised.keySet().stream().filter(Files::notExists).toList();
        if (!missing.isEmpty()) {
            throw new CheckpointException(
                    index,
                    String.format(
                            Locale.ROOT,
                            "%d of the %d files that it lists are missing: %s",
                            missing.size(),
                            promised.size(),
                            names(missing)),
                    "Download them into the same directory");
        }
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (Map.Entry<Path, TreeSet<String>> entry : promised.entrySet()) {
            TreeSet<String> open = entry.getValue();
            // tensors that the index does not list are ignored
            Safetensors.read(entry.getKey())
                    .forEach(
                            (name, tensor) -> {
                                if (open.remove(name)) {
                                    tensors.put(name, tensor);
                                }
                            });
            if (!open.isEmpty()) {
                throw new CheckpointException(
                        entry.getKey(),
                        String.format(
                                Locale.ROOT,
                                "%d tensors that %s lists are not in this file: %s",
                                open.size(),
                                index.getFileName(),
                                shortened(open)),
                        "Download the index and its files again: their versions differ");
            }
        }
        return new Checkpoint(List.copyOf(promised.keySet()), tensors, consolidated);
    }

    /** Returns the file of each tensor; the rest of the index, a total size, is not used. */
    private static Map<String, String> weightMap(Path index) throws IOException {
        Map<String, String> weightMap = new LinkedHashMap<>();
        try {
            JsonElement map = StrictJson.get(readIndex(index), "weight_map");
            if (map != null) {
                StrictJson.object(map, "weight_map")
                        .asMap()
                        .forEach((name, shard) -> weightMap.put(name, shardName(shard, name)));
            }
        } catch (IllegalArgumentException e) {
            CheckpointException unreadable =
                    new CheckpointException(
                            index,
                            "the index cannot be read: " + e.getMessage(),
                            "Download it again");
            unreadable.initCause(e);
            throw unreadable;
        }
        if (weightMap.isEmpty()) {
            throw new CheckpointException(
                    index, "it has no \"weight_map\", or an empty one", "Download it again");
        }
        return weightMap;
    }

    private static JsonObject readIndex(Path index) throws IOException {
        return StrictJson.parse(SmallFile.text(index, StrictJson.LONGEST));
    }

    private static String shardName(JsonElement value, String tensor) {
        return StrictJson.string(value, "weight_map." + tensor);
    }

    /**
     * Returns the path of a shard. It must be a plain file name: with "../../x" or "/x", an
     * untrusted index could make this process read any file.
     */
    private static Path shard(Path directory, Path index, String name) throws CheckpointException {
        CheckpointException refused =
                new CheckpointException(
                        index,
                        "it lists "
                                + Quote.of(name)
                                + ", which is not a .safetensors file in the same directory",
                        "Get the model from a source that you trust, or correct the index");
        if (!name.matches("[^/\\\\:]+\\.safetensors")) {
            throw refused;
        }
        try {
            return directory.resolve(name);
        } catch (InvalidPathException e) { // such as a NUL character
            refused.initCause(e);
            throw refused;
        }
    }

    private static CheckpointException nothingToRead(Path directory) throws IOException {
        List<String> present;
        try (Stream<Path> list = Files.list(directory)) {
            present = list.map(path -> String.valueOf(path.getFileName())).sorted().toList();
        }
        List<String> pickles =
                present.stream().filter(name -> name.matches(".*\\.(bin|pth|pt|ckpt)")).toList();
        if (!pickles.isEmpty()) {
            return new CheckpointException(
                    directory,
                    "the weights are only available as "
                            + shortened(pickles)
                            + ". Such files are Python pickles, and reading a pickle runs the code"
                            + " in it, so this library does not",
                    "If you trust their source, convert them in Python: AutoModelForCausalLM"
                            + ".from_pretrained(dir).save_pretrained(dir, safe_serialization=True)"
                            + " of transformers, or convert.py of the safetensors project");
        }
        return new CheckpointException(
                directory,
                String.format(
                        "none of %s, %s, %s and %s exists, the directory %s",
                        HUGGING_FACE,
                        HUGGING_FACE + INDEX,
                        CONSOLIDATED,
                        CONSOLIDATED + INDEX,
                        present.isEmpty() ? "is empty" : "has " + shortened(present)),
                "Give the directory that the model was downloaded to, and make sure that the"
                        + " download is complete");
    }

    private static String names(List<Path> paths) {
        return shortened(paths.stream().map(p -> String.valueOf(p.getFileName())).toList());
    }

    /** Returns such as "a, b, c and 5 more". */
    private static String shortened(Iterable<String> names) {
        List<String> all = new ArrayList<>();
        names.forEach(all::add);
        String listed =
                all.stream().limit(LISTED).map(Quote::shorten).collect(Collectors.joining(", "));
        return all.size() <= LISTED ? listed : listed + " and " + (all.size() - LISTED) + " more";
    }

    /**
     * Returns the tensors of the files, with the names of Hugging Face, such as {@code
     * model.layers.0.self_attn.q_proj.weight}, or those of Mistral if this is {@link
     * #consolidated}.
     *
     * @return the tensors by name, in file order; unmodifiable
     */
    public Map<String, Tensor> tensors() {
        return tensors;
    }

    /**
     * Returns the safetensors files.
     *
     * @return the files, without the index; unmodifiable
     */
    public List<Path> files() {
        return files;
    }

    /**
     * Returns the layout.
     *
     * @return true if names and row order are those of Mistral, which {@code MistralCheckpoint}
     *     converts
     */
    public boolean consolidated() {
        return consolidated;
    }
}
