/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.weights;

import io.github.djlmistral.engine.internal.Quote;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;

/**
 * One {@code .gguf} file: a whole model, with configuration, tokenizer and chat template in its
 * {@linkplain GgufMetadata metadata}. The format is that of <a
 * href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">gguf.md</a>, versions 2 and 3:
 *
 * <pre>
 * "GGUF", version, number of tensors, number of metadata values
 * the metadata: key, type, value
 * the list of tensors: name, shape (innermost dimension first), type, offset
 * zeros up to the next multiple of general.alignment, which the offsets count from
 * the tensors, each at a multiple of it
 * </pre>
 *
 * <p>What comes from the internet is not trusted: every number is checked before it is used, and a
 * file that breaks a rule of the format is refused.
 */
public final class Gguf {

    static final String MAGIC = "GGUF";

    private final Path file;
    private final GgufHeader header;
    private final Map<String, GgufTensor> tensors;

    private Gguf(Path file, GgufHeader header, Map<String, GgufTensor> tensors) {
        this.file = file;
        this.header = header;
        this.tensors = Collections.unmodifiableMap(tensors);
    }

    /**
     * Finds the GGUF file that a path stands for: the path itself, or the only such file in a
     * directory without safetensors.
     *
     * @param path a file or a directory
     * @return the file; empty if it is another kind of file, or a directory that holds none,
     *     several or safetensors as well
     * @throws IOException if it cannot be looked at
     */
    public static Optional<Path> find(Path path) throws IOException {
        if (Files.isRegularFile(path)) {
            return hasName(path) || hasMagic(path) ? Optional.of(path) : Optional.empty();
        }
        if (!Files.isDirectory(path) || Checkpoint.isIn(path)) {
            return Optional.empty();
        }
        List<Path> files;
        try (Stream<Path> list = Files.list(path)) {
            files = list.filter(Gguf::hasName).filter(Files::isRegularFile).sorted().toList();
        }
        if (files.size() > 1) {
            List<Path> names = files.stream().map(Path::getFileName).toList();
            throw new CheckpointException(
                    path,
                    "there are " + files.size() + " GGUF files, each a model or a part of one",
                    "Give one of them instead of the directory: " + names);
        }
        return files.stream().findFirst();
    }

    private static boolean hasName(Path path) {
        return String.valueOf(path.getFileName()).toLowerCase(Locale.ROOT).endsWith(".gguf");
    }

    /** In the cache of Hugging Face files have a number for a name. */
    private static boolean hasMagic(Path path) throws IOException {
        try (InputStream stream = Files.newInputStream(path)) {
            byte[] start = stream.readNBytes(MAGIC.length());
            return new String(start, StandardCharsets.ISO_8859_1).equals(MAGIC);
        }
    }

    /**
     * Maps the tensors of a file into memory, without reading them, as {@link Safetensors#read}
     * does.
     *
     * @param file the file
     * @return its tensors and metadata
     * @throws CheckpointException if it is no GGUF file of a supported version, damaged, or holds a
     *     tensor that cannot be read
     * @throws IOException if it is missing or cannot be read
     */
    public static Gguf open(Path file) throws IOException {
        try (MappedFile mapped = MappedFile.open(file)) {
            GgufHeader header = GgufHeader.read(file, mapped);
            Map<String, GgufTensor> tensors = new LinkedHashMap<>();
            for (GgufHeader.Entry entry : header.entries()) {
                if (entry.size() > Integer.MAX_VALUE) {
                    throw new CheckpointException(
                            file,
                            String.format(
                                    Locale.ROOT,
                                    "tensor %s has %d bytes, but a Java buffer ends at %d",
                                    Quote.of(entry.name()),
                                    entry.size(),
                                    Integer.MAX_VALUE),
                            "Get a file of the model in fewer bits");
                }
                tensors.put(
                        entry.name(),
                        new GgufTensor(
                                entry.name(),
                                entry.type(),
                                entry.shape(),
                                mapped.tensor(entry.begin(), (int) entry.size(), Float.BYTES),
                                mapped.state()));
            }
            return new Gguf(file, header, tensors);
        }
    }

    /** Returns the file. */
    public Path file() {
        return file;
    }

    /** Returns the version of the format, 2 or 3. */
    public int version() {
        return header.version();
    }

    /** Returns what the file says about its model. */
    public GgufMetadata metadata() {
        return header.metadata();
    }

    /**
     * Returns the tensors as the file has them, under llama.cpp's names.
     *
     * @return by name, in the order of the file's list; unmodifiable
     */
    public Map<String, GgufTensor> tensors() {
        return tensors;
    }
}
