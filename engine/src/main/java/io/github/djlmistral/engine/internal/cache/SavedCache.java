/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.cache;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.kernels.KeyValues;
import io.github.djlmistral.engine.weights.CheckpointException;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Safetensors;
import io.github.djlmistral.engine.weights.SafetensorsWriter;
import io.github.djlmistral.engine.weights.Tensor;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A KV cache in a safetensors file: the arrays of keys and values in the layout of the kernels,
 * {@code 0}, {@code 1} and so on, and {@code ids}. The metadata name model, kernels and data type.
 */
final class SavedCache {

    private static final String FORMAT = "djl-mistral KV cache 1";

    private static final String AGAIN = "Compute the prefix with this model and save it again";

    private SavedCache() {}

    static void write(
            Path file, SequenceCache.Owner owner, long[] ids, KeyValues keyValues, NDManager parent)
            throws IOException {
        try (NDManager scope = parent.newSubManager()) {
            List<NDArray> arrays = keyValues.arrays(scope);
            List<String> names = new ArrayList<>(List.of("ids"));
            for (int i = 0; i < arrays.size(); ++i) {
                names.add(Integer.toString(i));
            }
            try (SafetensorsWriter writer =
                    SafetensorsWriter.open(file, SafetensorsWriter.headerCapacity(names))) {
                writer.add(tensor("ids", Dtype.INT64, new long[] {ids.length}, scope.create(ids)));
                for (int i = 0; i < arrays.size(); ++i) {
                    long[] shape = arrays.get(i).getShape().getShape();
                    writer.add(tensor(names.get(i + 1), owner.dtype(), shape, arrays.get(i)));
                }
                writer.finish(metadata(owner, keyValues.length(), keyValues.dropped()));
            }
        }
    }

    private static Tensor tensor(String name, Dtype dtype, long[] shape, NDArray array) {
        ByteBuffer bytes = array.toByteBuffer(false);
        ByteBuffer direct = ByteBuffer.allocateDirect(bytes.remaining());
        direct.put(bytes).flip();
        return new Tensor(name, dtype, shape, direct);
    }

    private static Map<String, String> metadata(
            SequenceCache.Owner owner, int length, int dropped) {
        Map<String, String> metadata = new LinkedHashMap<>();
        metadata.put("format", FORMAT);
        metadata.put("model", owner.fingerprint());
        metadata.put("kernels", owner.kernels());
        metadata.put("dtype", owner.dtype().toString());
        metadata.put("length", Integer.toString(length));
        metadata.put("dropped", Integer.toString(dropped));
        return metadata;
    }

    /**
     * Reads a file.
     *
     * @return the ids of its tokens
     * @throws IOException if it cannot be read, or is not a cache of this model and kernels
     */
    static long[] read(Path file, SequenceCache.Owner owner, KeyValues keyValues)
            throws IOException {
        Map<String, Tensor> tensors = new LinkedHashMap<>(Safetensors.read(file));
        Map<String, String> found = Safetensors.metadata(file);
        if (!FORMAT.equals(found.get("format"))) {
            throw new CheckpointException(
                    file, "not a saved KV cache, its format is " + quoted(found, "format"), AGAIN);
        }
        int length = number(file, found, "length");
        int dropped = number(file, found, "dropped");
        metadata(owner, length, dropped)
                .forEach(
                        (key, value) -> {
                            if (!value.equals(found.get(key))) {
                                throw new IllegalArgumentException(
                                        file
                                                + " is the KV cache of another model or other"
                                                + " kernels: its "
                                                + key
                                                + " is "
                                                + quoted(found, key)
                                                + ", this network's is "
                                                + Quote.of(value)
                                                + ". "
                                                + AGAIN);
                            }
                        });
        Tensor ids = tensors.remove("ids");
        if (ids == null || ids.dtype() != Dtype.INT64 || ids.elements() != length) {
            throw new CheckpointException(file, "there are not " + length + " ids", AGAIN);
        }
        List<Tensor> arrays = List.copyOf(tensors.values());
        try {
            if (arrays.stream().anyMatch(array -> array.dtype() != owner.dtype())) {
                throw new IllegalArgumentException("an array is not in " + owner.dtype());
            }
            keyValues.restore(dropped, length, arrays);
        } catch (IllegalArgumentException e) {
            throw new CheckpointException(file, "" + e.getMessage(), AGAIN);
        }
        long[] values = new long[length];
        ids.data().order(ByteOrder.LITTLE_ENDIAN).asLongBuffer().get(values);
        return values;
    }

    private static int number(Path file, Map<String, String> metadata, String key)
            throws CheckpointException {
        try {
            int number = Integer.parseInt(metadata.getOrDefault(key, ""));
            if (number >= 0) {
                return number;
            }
        } catch (NumberFormatException e) {
            // as a negative one
        }
        throw new CheckpointException(file, key + " is " + quoted(metadata, key), AGAIN);
    }

    private static String quoted(Map<String, String> metadata, String key) {
        return Quote.of(metadata.getOrDefault(key, "missing"));
    }
}
