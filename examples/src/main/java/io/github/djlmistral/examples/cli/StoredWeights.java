/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import io.github.djlmistral.engine.model.MistralCheckpoint;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.quantization.Quantization;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Gguf;
import io.github.djlmistral.engine.weights.GgufTensor;
import io.github.djlmistral.engine.weights.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * Summary of a checkpoint's weights, read from the headers only.
 *
 * @param config the shape of the network
 * @param types number of tensors of each type, named as in the file format
 * @param bytes size in the file, in bytes
 * @param plain unquantized tensors
 * @param quantizedBytes how many bytes the others take when they are loaded
 */
record StoredWeights(
        MistralConfig config,
        Map<String, Long> types,
        long bytes,
        Collection<Tensor> plain,
        long quantizedBytes) {

    static StoredWeights of(Path path) throws IOException {
        Optional<Path> file = Gguf.find(path);
        return file.isPresent() ? gguf(file.get()) : safetensors(path);
    }

    /** Returns the type of the largest unquantized tensor, null if there is none. */
    @Nullable Dtype dtype() {
        return plain.stream()
                .max(Comparator.comparingLong(Tensor::elements))
                .map(Tensor::dtype)
                .orElse(null);
    }

    /** Returns the size of the loaded weights in bytes, unquantized ones converted to a type. */
    long loadedBytes(Dtype to, @Nullable Quantization quantization) {
        long loaded = quantizedBytes;
        for (Tensor tensor : plain) {
            loaded +=
                    quantization != null && quantization.covers(tensor.name())
                            ? quantization.bytes(tensor.name(), tensor.shape())
                            : tensor.elements() * to.bytes();
        }
        return loaded;
    }

    private static StoredWeights safetensors(Path path) throws IOException {
        MistralCheckpoint checkpoint = MistralCheckpoint.open(path);
        Weights weights = checkpoint.weights();
        Map<String, Long> types = new LinkedHashMap<>();
        Collection<Tensor> plain = weights.unquantized().values();
        plain.forEach(tensor -> types.merge(tensor.dtype().toString(), 1L, Long::sum));
        Collection<QuantizedWeight> quantized = weights.quantized().values();
        quantized.forEach(matrix -> types.merge(matrix.toString(), 1L, Long::sum));
        return new StoredWeights(
                checkpoint.config(),
                types,
                weights.bytes(),
                plain,
                quantized.stream().mapToLong(QuantizedWeight::bytes).sum());
    }

    /** Reads the tensor headers: opening the checkpoint would repack its matrices. */
    private static StoredWeights gguf(Path path) throws IOException {
        MistralConfig config = MistralConfig.read(path);
        Map<String, Long> types = new LinkedHashMap<>();
        List<Tensor> plain = new ArrayList<>();
        long bytes = 0;
        long quantizedBytes = 0;
        for (GgufTensor tensor : Gguf.open(path).tensors().values()) {
            types.merge(tensor.type().name(), 1L, Long::sum);
            bytes += tensor.data().remaining();
            if (tensor.type().isQuantized()) {
                quantizedBytes += MistralCheckpoint.bytes(tensor);
            } else {
                plain.add(tensor.plain());
            }
        }
        return new StoredWeights(config, types, bytes, plain, quantizedBytes);
    }
}
