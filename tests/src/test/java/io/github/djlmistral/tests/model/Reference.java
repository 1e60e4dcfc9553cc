/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Safetensors;
import io.github.djlmistral.engine.weights.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Objects;
import java.util.stream.LongStream;
import java.util.stream.StreamSupport;

/** Outputs of transformers, recorded by {@code tests/reference/*.py}. */
public final class Reference {

    private final Path directory;
    private final Map<String, Tensor> tensors;

    private Reference(Path directory) {
        this.directory = directory;
        try {
            tensors = Safetensors.read(directory.resolve("expected.safetensors"));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    /** A tiny checkpoint with the reference's outputs. */
    public static Reference checkpoint(String name) {
        return new Reference(directory("checkpoints/" + name));
    }

    /** A tiny checkpoint with another head, and the reference's outputs. */
    public static Reference head(String name) {
        return new Reference(directory("heads/" + name));
    }

    /** A directory of the recorded outputs. */
    public static Path directory(String name) {
        try {
            return Path.of(
                    Objects.requireNonNull(Reference.class.getResource("/reference/" + name))
                            .toURI());
        } catch (URISyntaxException e) {
            throw new AssertionError(e);
        }
    }

    /** A recorded JSON file. */
    public static JsonObject json(Path file) {
        try {
            return JsonParser.parseString(Files.readString(file)).getAsJsonObject();
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    public Path directory() {
        return directory;
    }

    public boolean has(String name) {
        return tensors.containsKey(name);
    }

    public NDArray array(NDManager manager, String name) {
        Tensor tensor = Objects.requireNonNull(tensors.get(name), name);
        DataType type = tensor.dtype() == Dtype.INT64 ? DataType.INT64 : DataType.FLOAT32;
        return manager.create(tensor.data(), new Shape(tensor.shape()), type);
    }

    /** One of the recorded greedy generations. */
    public JsonObject greedy(String name) {
        JsonArray cases = json(directory.resolve("expected.json")).getAsJsonArray("greedy");
        return StreamSupport.stream(cases.spliterator(), false)
                .map(JsonElement::getAsJsonObject)
                .filter(c -> c.get("name").getAsString().equals(name))
                .findFirst()
                .orElseThrow();
    }

    public static long[] ids(JsonElement array) {
        return StreamSupport.stream(array.getAsJsonArray().spliterator(), false)
                .flatMapToLong(e -> LongStream.of(e.getAsLong()))
                .toArray();
    }
}
