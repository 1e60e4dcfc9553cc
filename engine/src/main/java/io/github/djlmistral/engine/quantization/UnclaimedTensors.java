/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.quantization;

import io.github.djlmistral.engine.weights.CheckpointException;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * The tensors of a checkpoint that no quantized matrix has claimed as its part yet. In every format
 * the parts of {@code X.weight} have names that begin with {@code X.}.
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

    /** What stands before this suffix, in the names that end with it. */
    List<String> before(String suffix) {
        return tensors.keySet().stream()
                .filter(name -> name.endsWith(suffix))
                .map(name -> name.substring(0, name.length() - suffix.length()))
                .toList();
    }

    /** The names that contain this. */
    List<String> containing(String part) {
        return tensors.keySet().stream().filter(name -> name.contains(part)).toList();
    }

    boolean has(String name) {
        return tensors.containsKey(name);
    }

    /** Looks at a tensor that is there, without claiming it. */
    Tensor peek(String name) {
        return Objects.requireNonNull(tensors.get(name));
    }

    /** Claims a tensor of any shape. */
    Tensor take(String name, Dtype... types) throws CheckpointException {
        Tensor tensor = tensors.remove(name);
        if (tensor == null) {
            throw broken(name + " is missing, a part of a quantized matrix");
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
                            "%s is %s, where the other parts of its matrix ask for %s",
                            tensor.name(), tensor, Arrays.toString(shape)));
        }
        return tensor;
    }

    /**
     * Cuts the inputs of a matrix into groups.
     *
     * @param scales where the number of groups is a dimension
     * @param dimension which one it is
     * @return the number of groups
     */
    int groups(Tensor scales, int dimension, long inputs, int groupSize)
            throws CheckpointException {
        long groups = scales.shape()[dimension];
        if (groups * groupSize != inputs) {
            throw broken(
                    String.format(
                            "%s is %s, so it is for %d groups, which are not what %d inputs in"
                                    + " groups of %d make. Or it is group_size in config.json that"
                                    + " is wrong",
                            scales.name(), scales, groups, inputs, groupSize));
        }
        return Math.toIntExact(groups);
    }

    /** What to throw if the parts of a matrix are damaged or do not fit together. */
    CheckpointException broken(String problem) {
        return new CheckpointException(where, problem, AGAIN);
    }

    /**
     * All that was not claimed: plain weights.
     *
     * @param config what was claimed, for the message; null if nothing was
     * @throws CheckpointException if a quantized matrix's part is left
     */
    Map<String, Tensor> plain(@Nullable QuantizationConfig config) throws CheckpointException {
        for (String name : tensors.keySet()) {
            String writer = writer(name);
            if (writer != null) {
                throw new CheckpointException(
                        where,
                        String.format(
                                "%s is a part of a matrix that %s quantized, but %s",
                                name,
                                writer,
                                config == null
                                        ? "config.json has no quantization_config"
                                        : "the quantization_config in config.json is that of "
                                                + config.quantMethod()
                                                + ", and no such matrix claims it"),
                        "Give the config.json that was written with these weights");
            }
        }
        return tensors;
    }

    /** Who names tensors like this, or null if anyone may. */
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
