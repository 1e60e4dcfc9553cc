/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.training;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import io.github.djlmistral.engine.adapter.Adapter;
import io.github.djlmistral.engine.internal.UnfrozenParameters;
import io.github.djlmistral.engine.internal.kernels.TorchOptimizerKernels;
import io.github.djlmistral.engine.internal.weights.ArrayTensor;
import io.github.djlmistral.engine.model.MistralPreTrainedModel;
import io.github.djlmistral.engine.model.TrainingPass;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Safetensors;
import io.github.djlmistral.engine.weights.SafetensorsWriter;
import io.github.djlmistral.engine.weights.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The unfrozen parameters of a network: their updates, and their files. */
final class TrainedParameters implements AutoCloseable {

    private static final String WEIGHTS = "model.safetensors";
    private static final String OPTIMIZER = "optimizer.safetensors";

    private final MistralPreTrainedModel network;

    private final Map<String, NDArray> arrays = new LinkedHashMap<>();
    private final NDManager manager;
    private final TorchOptimizerKernels kernels;

    TrainedParameters(MistralPreTrainedModel network) {
        this.network = network;
        MistralPreTrainedModel base = network.base();
        UnfrozenParameters.of(network.namedParameters())
                .forEach((name, parameter) -> arrays.put(name, parameter.getArray()));
        if (base != null && isTrained(base)) {
            throw new IllegalArgumentException(
                    "parameters of the base are unfrozen, which checkpoints of an adapter do not"
                            + " have: freeze them with base().freezeParameters(true)");
        }
        manager = arrays.values().iterator().next().getManager().newSubManager();
        kernels = new TorchOptimizerKernels(manager);
    }

    private static boolean isTrained(MistralPreTrainedModel network) {
        return network.namedParameters().values().stream().anyMatch(Parameter::requiresGradient);
    }

    /** Returns a manager on the device of the network, which is closed with these. */
    NDManager manager() {
        return manager;
    }

    /**
     * Updates the parameters by their gradients, unless these are not finite, and sets the
     * gradients to zero.
     *
     * @param maxGradNorm the norm to which the gradients are clipped; 0 for none
     * @return the 2-norm of all gradients, before clipping
     */
    double update(TorchOptimizer optimizer, double maxGradNorm) {
        try (NDManager step = manager.newSubManager()) {
            Map<String, NDArray> gradients = TrainingPass.gradients(network, step);
            double squares = 0;
            NDArray norms = kernels.call(step, "norms", new ArrayList<>(gradients.values()));
            for (double norm : norms.toDoubleArray()) {
                squares += norm * norm;
            }
            double norm = Math.sqrt(squares);
            if (!Double.isFinite(norm)) {
                return norm;
            }
            // torch.nn.utils.clip_grad_norm_
            double factor = maxGradNorm > 0 ? Math.min(1, maxGradNorm / (norm + 1e-6)) : 1;
            optimizer.gradientFactor(factor);
            gradients.forEach((name, gradient) -> optimizer.update(name, array(name), gradient));
            TrainingPass.zeroGradients(network);
            return norm;
        }
    }

    private NDArray array(String name) {
        NDArray array = arrays.get(name);
        if (array == null) {
            throw new IllegalStateException(
                    name + " was unfrozen after the trainer was created: create another one");
        }
        return array;
    }

    /** Writes what was trained: the adapter, or all parameters of a network without one. */
    void save(Path directory) throws IOException {
        if (network.base() != null) {
            network.adapter().save(directory);
            return;
        }
        Files.createDirectories(directory);
        Map<String, NDArray> all = new LinkedHashMap<>();
        for (Map.Entry<String, Parameter> entry : network.namedParameters().entrySet()) {
            all.put(entry.getKey(), entry.getValue().getArray());
        }
        write(directory.resolve(WEIGHTS), all);
    }

    /** Reads the values of the parameters from what {@link #save} wrote. */
    void restore(Path directory) throws IOException {
        Map<String, Tensor> tensors =
                network.base() != null
                        ? Adapter.load(directory).tensors()
                        : Safetensors.read(directory.resolve(WEIGHTS));
        copy(tensors, arrays, directory);
    }

    /** Writes the states of an optimizer. */
    void saveOptimizer(TorchOptimizer optimizer, Path directory) throws IOException {
        write(directory.resolve(OPTIMIZER), states(optimizer));
    }

    /** Reads the states of an optimizer from what {@link #saveOptimizer} wrote. */
    void restoreOptimizer(TorchOptimizer optimizer, Path directory) throws IOException {
        copy(Safetensors.read(directory.resolve(OPTIMIZER)), states(optimizer), directory);
    }

    private Map<String, NDArray> states(TorchOptimizer optimizer) {
        Map<String, NDArray> states = new LinkedHashMap<>();
        arrays.forEach(
                (name, array) ->
                        optimizer
                                .state(name, array)
                                .forEach((state, value) -> states.put(name + "." + state, value)));
        return states;
    }

    /** Codes of one byte come last, so that all tensors are aligned. */
    private void write(Path file, Map<String, NDArray> values) throws IOException {
        List<Map.Entry<String, NDArray>> entries = new ArrayList<>(values.entrySet());
        entries.sort(Comparator.comparingInt(entry -> -dtype(entry.getValue()).bytes()));
        int capacity = SafetensorsWriter.headerCapacity(values.keySet());
        try (SafetensorsWriter writer = SafetensorsWriter.open(file, capacity)) {
            for (Map.Entry<String, NDArray> entry : entries) {
                try (NDManager temporary = manager.newSubManager()) {
                    writer.add(tensor(entry.getKey(), entry.getValue(), temporary));
                }
            }
            writer.finish(Map.of("format", "pt"));
        }
    }

    private static Dtype dtype(NDArray array) {
        return switch (array.getDataType()) {
            case FLOAT32 -> Dtype.FLOAT32;
            case FLOAT16 -> Dtype.FLOAT16;
            case UINT8 -> Dtype.UINT8;
            default -> Dtype.BFLOAT16; // which DJL does not know
        };
    }

    private Tensor tensor(String name, NDArray array, NDManager temporary) {
        Dtype dtype = dtype(array);
        NDArray known =
                dtype == Dtype.BFLOAT16 ? kernels.call(temporary, "as_float16", array) : array;
        return ArrayTensor.of(name, dtype, known);
    }

    private void copy(Map<String, Tensor> source, Map<String, NDArray> targets, Path directory)
            throws IOException {
        for (Map.Entry<String, NDArray> entry : targets.entrySet()) {
            NDArray target = entry.getValue();
            Tensor tensor = source.get(entry.getKey());
            if (tensor == null
                    || tensor.dtype() != dtype(target)
                    || !Arrays.equals(tensor.shape(), target.getShape().getShape())) {
                throw new IOException(
                        directory
                                + " is the checkpoint of another training: "
                                + entry.getKey()
                                + (tensor == null ? " is missing" : " is " + tensor)
                                + ", not "
                                + dtype(target)
                                + target.getShape());
            }
            try (NDManager temporary = manager.newSubManager()) {
                Shape shape = target.getShape();
                DataType carrier =
                        tensor.dtype() == Dtype.BFLOAT16 ? DataType.FLOAT16 : target.getDataType();
                NDArray bits = temporary.create(tensor.data(), shape, carrier);
                kernels.run(
                        "copy",
                        target,
                        tensor.dtype() == Dtype.BFLOAT16
                                ? kernels.call(temporary, "as_bfloat16", bits)
                                : bits);
            }
        }
    }

    @Override
    public void close() {
        manager.close();
    }
}
