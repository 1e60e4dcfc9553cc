/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import io.github.djlmistral.engine.model.MistralCheckpoint;
import io.github.djlmistral.engine.quantization.Quantization;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.Gguf;
import io.github.djlmistral.engine.weights.GgufTensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * A variant of a model's weights: as stored in a file, or quantized on load.
 *
 * @param name name given by the user
 * @param checkpoint the weights
 * @param bytes their size, in the GGUF file or as loaded; {@code nf4-double} saves memory in files
 *     only
 * @param bits bits per weight of the quantized matrices, scales included; null if there are none
 */
record WeightVariant(String name, MistralCheckpoint checkpoint, long bytes, @Nullable Double bits) {

    /** The quantization methods of this library. */
    static final List<String> OWN =
            List.of("int4", "int4-g32", "int4-g32-sym", "int4-g128", "nf4", "nf4-double");

    /**
     * Opens a variant.
     *
     * @param spec a checkpoint directory, a GGUF file, or what {@link Quantization#parse} takes
     * @param base the unquantized model
     * @return the variant, quantized
     */
    static WeightVariant of(String spec, MistralCheckpoint base) throws IOException {
        Path path = Path.of(spec);
        if (Files.exists(path)) {
            return stored(spec, path);
        }
        MistralCheckpoint checkpoint = base.quantized(quantization(spec));
        Weights weights = checkpoint.weights();
        return new WeightVariant(spec, checkpoint, weights.bytes(), bits(weights));
    }

    /** Checks a variant before the long measurement starts. */
    static void check(String spec) {
        if (Files.notExists(Path.of(spec))) {
            quantization(spec);
        }
    }

    private static Quantization quantization(String spec) {
        try {
            return Quantization.parse(spec);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "there is no file or directory '"
                            + spec
                            + "', and it is not a quantization either: "
                            + e.getMessage(),
                    e);
        }
    }

    /** Opens the weights of a file as they are. */
    static WeightVariant stored(String name, Path path) throws IOException {
        MistralCheckpoint checkpoint = MistralCheckpoint.open(path).withoutCopies();
        Optional<Path> file = Gguf.find(path);
        if (file.isEmpty()) {
            Weights weights = checkpoint.weights();
            return new WeightVariant(name, checkpoint, weights.bytes(), bits(weights));
        }
        // size in the file: in memory, 5-bit and 6-bit weights are repacked to 8 bits
        Collection<GgufTensor> tensors = Gguf.open(file.get()).tensors().values();
        long bytes = 0;
        long quantizedBytes = 0;
        long weights = 0;
        for (GgufTensor tensor : tensors) {
            int size = tensor.data().remaining();
            bytes += size;
            if (tensor.type().isQuantized()) {
                quantizedBytes += size;
                weights += (long) size / tensor.type().blockBytes() * tensor.type().blockSize();
            }
        }
        return new WeightVariant(name, checkpoint, bytes, ratio(quantizedBytes, weights));
    }

    private static @Nullable Double bits(Weights weights) {
        Collection<QuantizedWeight> matrices = weights.quantized().values();
        return ratio(
                matrices.stream().mapToLong(QuantizedWeight::bytes).sum(),
                matrices.stream().mapToLong(m -> (long) m.rows() * m.columns()).sum());
    }

    private static @Nullable Double ratio(long bytes, long weights) {
        return weights == 0 ? null : 8.0 * bytes / weights;
    }
}
