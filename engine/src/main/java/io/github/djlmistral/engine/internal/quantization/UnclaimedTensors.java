/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.quantization;

import io.github.djlmistral.engine.quantization.QuantizationConfig;
import io.github.djlmistral.engine.weights.CheckpointException;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The tensors of a checkpoint that are not part of a quantized weight read so far. In every format
 * the names of the parts of {@code X.weight} begin with {@code X.}.
 */
final class UnclaimedTensors {

    private static final String AGAIN =
            "Download the checkpoint again; if that does not help, it was written wrongly: give"
                    + " another one, or the unquantized one";

    private final Path where;
    private final Map<String, Tensor> tensors;

    UnclaimedTensors(Path where, Map<String, Tensor> tensors) {
        this.where = where;
        this.tensors = new LinkedHashMap<>(tensors);
    }

    /** The names that end with this suffix, without it. */
    List<String> before(String suffix) {
        return tensors.keySet().stream()
                .filter(name -> name.endsWith(suffix))
                .map(name -> name.substring(0, name.length() - suffix.length()))
                .toList();
    }

    /** The names that contain this part. */
    List<String> containing(String part) {
        return tensors.keySet().stream().filter(name -> name.contains(part)).toList();
    }

    boolean has(String name) {
        return tensors.containsKey(name);
    }

    /** Returns a present tensor without claiming it. */
    Tensor peek(String name) {
        return Objects.requireNonNull(tensors.get(name));
    }

    /** Claims a tensor of any shape. */
    Tensor take(String name, Dtype... types) throws CheckpointException {
        Tensor tensor = tensors.remove(name);
        if (tensor == null) {
            throw broken(name + " is missing, a part of a quantized weight");
        }
        if (!Arrays.asList(types).contains(tensor.dtype())) {
            throw broken(
                    String.format(
                            "%s is %s, where %s is expected",
                            name, tensor, types.length == 1 ? types[0] : Arrays.toString(types)));
        }
        return tensor;
    }

    /** Claims a tensor of two dimensions, neither of them 0. */
    Tensor takeMatrix(String name, Dtype... types) throws CheckpointException {
        Tensor tensor = take(name, types);
        if (tensor.shape().length != 2 || tensor.elements() == 0) {
            throw broken(name + " is " + tensor + ", where a matrix is expected");
        }
        return tensor;
    }

    /** Claims a tensor of one shape. */
    Tensor takeShaped(String name, Dtype type, long... shape) throws CheckpointException {
        return checked(take(name, type), shape);
    }

    /** The tensor, if it has this shape. */
    Tensor checked(Tensor tensor, long... shape) throws CheckpointException {
        if (!Arrays.equals(tensor.shape(), shape)) {
            throw broken(
                    String.format(
                            "%s is %s, but the other parts of its weight require shape %s",
                            tensor.name(), tensor, Arrays.toString(shape)));
        }
        return tensor;
    }

    /**
     * Checks the number of groups.
     *
     * @param scales a tensor with the number of groups as a dimension
     * @param dimension the index of that dimension
     * @return the number of groups
     */
    int groups(Tensor scales, int dimension, long inputs, int groupSize)
            throws CheckpointException {
        long groups = scales.shape()[dimension];
        if (groups * groupSize != inputs) {
            throw broken(
                    String.format(
                            Locale.ROOT,
                            "%s is %s and so has %d groups, but %d inputs are not that many groups"
                                    + " of %d. If the file is intact, group_size in config.json is"
                                    + " wrong",
                            scales.name(),
                            scales,
                            groups,
                            inputs,
                            groupSize));
        }
        return Math.toIntExact(groups);
    }

    /** Creates the exception for damaged or inconsistent parts of a weight. */
    CheckpointException broken(String problem) {
        return new CheckpointException(where, problem, AGAIN);
    }

    /**
     * Returns the remaining tensors, the unquantized weights.
     *
     * @param config the quantization, for the message; null for an unquantized checkpoint
     * @throws CheckpointException if a part of a quantized weight remains
     */
    Map<String, Tensor> plain(@Nullable QuantizationConfig config) throws CheckpointException {
        for (String name : tensors.keySet()) {
            String writer = writer(name);
            if (writer != null) {
                throw new CheckpointException(
                        where,
                        String.format(
                                "%s is part of a weight quantized by %s, but %s",
                                name,
                                writer,
                                config == null
                                        ? "config.json has no quantization_config"
                                        : "config.json has a quantization_config of "
                                                + config.quantMethod()
                                                + ", which has no such part"),
                        "Use the config.json that was written with these weights");
            }
        }
        return tensors;
    }

    /** The quantization that uses such names; null for names of unquantized weights. */
    private static @Nullable String writer(String name) {
        if (name.matches(".*\\.int[48]\\.(codes|scales|offsets)")) {
            return "this library (int4)";
        }
        if (name.matches(".*\\.(qweight|qzeros|scales|g_idx)")) {
            return "GPTQ or AWQ";
        }
        if (name.endsWith(".SCB")) {
            return "bitsandbytes in 8 bits";
        }
        return name.matches(".*\\.((nested_)?(absmax|quant_map)|quant_state\\..*)")
                ? "bitsandbytes"
                : null;
    }
}
