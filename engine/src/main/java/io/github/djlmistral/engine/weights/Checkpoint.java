/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.weights;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.internal.SmallFile;
import io.github.djlmistral.engine.internal.StrictJson;
import io.github.djlmistral.engine.internal.weights.ConsolidatedLayout;
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
 * Safetensors weights of a model directory. The first of these layouts that is present is read;
 * Mistral's repositories hold the same weights in both:
 *
 * <ol>
 *   <li>{@code model.safetensors}: all in one file, as Hugging Face names them.
 *   <li>{@code model.safetensors.index.json}: as Hugging Face names them, but in several files
 *       ("shards"); the index tells which tensor is in which: <code>
 *       {"weight_map": {"lm_head.weight": "model-00002-of-00002.safetensors", ...}}</code>.
 *   <li>{@code consolidated.safetensors}: Mistral's own layout, which {@link ConsolidatedLayout}
 *       turns into the other.
 *   <li>{@code consolidated.safetensors.index.json}: the same in shards.
 * </ol>
 *
 * <p>Opening reads headers and maps the rest, so it takes milliseconds whatever the size.
 */
public final class Checkpoint {

    private static final String HUGGING_FACE = "model.safetensors";
    private static final String CONSOLIDATED = "consolidated.safetensors";
    private static final String INDEX = ".index.json";

    /** Of a directory that is the wrong one, name so many files: enough to recognize it. */
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
     * Finds the weights in a directory.
     *
     * @param directory the directory of a model, as downloaded from Hugging Face
     * @return its weights
     * @throws CheckpointException if the directory holds no weights that can be read, or not all
     *     that it should, or damaged ones
     * @throws IOException if a file cannot be read
     */
    public static Checkpoint open(Path directory) throws IOException {
        if (!Files.isDirectory(directory)) {
            throw new CheckpointException(
                    directory,
                    Files.exists(directory)
                            ? "this is a file, not a directory with " + HUGGING_FACE
                            : "there is no such directory",
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
        // Sorted: the shards are numbered.
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
                            "%d of the %d files that it names are missing: %s",
                            missing.size(),
                            promised.size(),
                            names(missing)),
                    "Download them into the same directory");
        }
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        for (Map.Entry<Path, TreeSet<String>> entry : promised.entrySet()) {
            TreeSet<String> open = entry.getValue();
            // What the index does not mention stays out, even if it is there.
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
                                "%d tensors that %s promises are not in this file: %s",
                                open.size(),
                                index.getFileName(),
                                shortened(open)),
                        "Download the index and its files again: they are of different versions");
            }
        }
        return new Checkpoint(List.copyOf(promised.keySet()), tensors, consolidated);
    }

    /** Which tensor is in which file; the rest of the index, a total size, serves nobody. */
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
     * The path of a shard. Only a plain name of a safetensors file will do: with "../../x" or "/x"
     * an index from the internet could have any file of this machine read.
     */
    private static Path shard(Path directory, Path index, String name) throws CheckpointException {
        CheckpointException refused =
                new CheckpointException(
                        index,
                        "it names "
                                + Quote.of(name)
                                + ", which is not a .safetensors file beside it",
                        "Get the model from a source that you trust, or correct the index");
        if (!name.matches("[^/\\\\:]+\\.safetensors")) {
            throw refused;
        }
        try {
            return directory.resolve(name);
        } catch (InvalidPathException e) { // A zero byte, say.
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
                    "the weights are there only as "
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
                        "none of %s, %s, %s, %s is there, but %s",
                        HUGGING_FACE,
                        HUGGING_FACE + INDEX,
                        CONSOLIDATED,
                        CONSOLIDATED + INDEX,
                        present.isEmpty() ? "nothing at all" : shortened(present)),
                "Give the directory that the model was downloaded to, and see that the download"
                        + " is complete");
    }

    private static String names(List<Path> paths) {
        return shortened(paths.stream().map(p -> String.valueOf(p.getFileName())).toList());
    }

    /** "a, b, c and 5 more". */
    private static String shortened(Iterable<String> names) {
        List<String> all = new ArrayList<>();
        names.forEach(all::add);
        String listed =
                all.stream().limit(LISTED).map(Quote::shorten).collect(Collectors.joining(", "));
        return all.size() <= LISTED ? listed : listed + " and " + (all.size() - LISTED) + " more";
    }

    /**
     * Returns the tensors as the files have them: under Hugging Face's names, such as {@code
     * model.layers.0.self_attn.q_proj.weight}, or Mistral's if this is {@link #consolidated}.
     *
     * @return the tensors by name, file by file in the order of their bytes; unmodifiable
     */
    public Map<String, Tensor> tensors() {
        return tensors;
    }

    /**
     * Returns the files that hold the tensors.
     *
     * @return the safetensors files, without the index; unmodifiable
     */
    public List<Path> files() {
        return files;
    }

    /**
     * Tells the layout.
     *
     * @return true if the tensors are in Mistral's own layout, which {@link
     *     ConsolidatedLayout#toHuggingFace} converts
     */
    public boolean consolidated() {
        return consolidated;
    }
}
