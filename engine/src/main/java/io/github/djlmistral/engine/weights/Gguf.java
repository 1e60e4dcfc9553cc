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
 * A {@code .gguf} file: a model with configuration, tokenizer and chat template in its {@linkplain
 * GgufMetadata metadata}. The format is defined by <a
 * href="https://github.com/ggml-org/ggml/blob/master/docs/gguf.md">gguf.md</a>, versions 2 and 3:
 *
 * <pre>
 * "GGUF", version, number of tensors, number of metadata values
 * the metadata: key, type, value
 * the list of tensors: name, shape (innermost dimension first), type, offset
 * padding to a multiple of general.alignment, where offset 0 is
 * the tensors, each at a multiple of general.alignment
 * </pre>
 *
 * <p>Files are not trusted: all sizes and offsets are validated before they are used.
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
     * Finds the GGUF file of a path: the path itself, or the only GGUF file in a directory without
     * safetensors files.
     *
     * @param path a file or a directory
     * @return the file; empty if the path is another kind of file, or a directory that has no GGUF
     *     file or also safetensors files
     * @throws IOException if the path cannot be read, or a directory has several GGUF files
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

    /** In the cache of Hugging Face, the name of a file is its hash. */
    private static boolean hasMagic(Path path) throws IOException {
        try (InputStream stream = Files.newInputStream(path)) {
            byte[] start = stream.readNBytes(MAGIC.length());
            return new String(start, StandardCharsets.ISO_8859_1).equals(MAGIC);
        }
    }

    /**
     * Memory-maps the tensors of a file, without reading them, as {@link Safetensors#read} does.
     *
     * @param file the file
     * @return its tensors and metadata
     * @throws CheckpointException if it is not a valid GGUF file of a supported version, or has a
     *     tensor of an unsupported type or size
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
                                    "tensor %s has %d bytes, but Java buffers are limited to %d",
                                    Quote.of(entry.name()),
                                    entry.size(),
                                    Integer.MAX_VALUE),
                            "Get a file of the model with fewer bits per weight");
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

    /** Returns the metadata. */
    public GgufMetadata metadata() {
        return header.metadata();
    }

    /**
     * Returns the tensors of the file, with the names of llama.cpp.
     *
     * @return the tensors by name, in the order of the file's list; unmodifiable
     */
    public Map<String, GgufTensor> tensors() {
        return tensors;
    }
}
