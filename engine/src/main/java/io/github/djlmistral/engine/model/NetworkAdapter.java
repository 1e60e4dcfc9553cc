/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import io.github.djlmistral.engine.adapter.Adapter;
import io.github.djlmistral.engine.adapter.LoraConfig;
import io.github.djlmistral.engine.adapter.LoraConfig.TaskType;
import io.github.djlmistral.engine.internal.OwnedManager;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * The adapter that a network computes with, see {@link MistralPreTrainedModel#withAdapter}.
 *
 * @param base the network whose weights it shares
 * @param config which layers have an adapter, and its scale
 * @param parameters the parameters of the adapter, by their names
 */
record NetworkAdapter(
        MistralPreTrainedModel base, LoraConfig config, Map<String, Parameter> parameters) {

    /** Creates a network with an adapter, see {@link MistralPreTrainedModel#withAdapter}. */
    static MistralPreTrainedModel attach(
            MistralPreTrainedModel base, Adapter adapter, NDManager manager) {
        requireTask(base);
        if (base.base() != null) {
            throw new IllegalStateException(
                    "the network has an adapter already: call base().withAdapter(..)");
        }
        NDManager shared = base.weightManager();
        if (shared == null) {
            throw new IllegalStateException(
                    "only a loaded network can have an adapter: load its weights first");
        }
        if (!manager.getDevice().equals(shared.getDevice())) {
            throw new IllegalArgumentException(
                    "the network is on "
                            + shared.getDevice()
                            + ", the manager on "
                            + manager.getDevice()
                            + ": give a manager on the device of the network");
        }
        base.gate.enter();
        OwnedManager own = new OwnedManager(manager, "mistral-adapter");
        try {
            AdapterBinding binding = new AdapterBinding(base, adapter, own.manager());
            MistralPreTrainedModel adapted = base.adapted(binding, own);
            // marks the new blocks as initialized; parameters keep their values
            adapted.initialize(own.manager(), DataType.FLOAT32, new Shape(1, 1));
            own.closeWithParent(adapted);
            return adapted;
        } catch (RuntimeException | Error e) {
            own.close();
            throw e;
        } finally {
            base.gate.exit();
        }
    }

    /** Creates an adapter to be trained, see {@link MistralPreTrainedModel#newAdapter}. */
    static Adapter create(MistralPreTrainedModel network, LoraConfig config, long seed) {
        TaskType task = requireTask(network);
        Set<String> saved = new LinkedHashSet<>(config.modulesToSave());
        if (task != TaskType.CAUSAL_LM) {
            saved.addAll(List.of("classifier", "score"));
        }
        LoraConfig own = config.toBuilder().taskType(task).modulesToSave(saved).build();
        Map<String, long[]> shapes = new LinkedHashMap<>();
        AdapterBinding.linears(network)
                .forEach(
                        (module, linear) ->
                                shapes.put(module, linear.weight().getShape().getShape()));
        return Adapter.create(own, shapes, seed);
    }

    private static TaskType requireTask(MistralPreTrainedModel network) {
        TaskType task = network.taskType();
        if (task == null) {
            throw unsupported(network);
        }
        return task;
    }

    /** Returns what is thrown for a network of a class without adapters. */
    static UnsupportedOperationException unsupported(MistralPreTrainedModel network) {
        return new UnsupportedOperationException(
                "a "
                        + network.getClass().getSimpleName()
                        + " has no adapters: causal language models and classifiers of sequences"
                        + " or tokens do");
    }

    /** Returns a copy with the current values of the parameters. */
    Adapter copy() {
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        parameters.forEach(
                (name, parameter) -> {
                    NDArray array = parameter.getArray();
                    Tensor copy = Tensor.allocate(name, Dtype.FLOAT32, array.getShape().getShape());
                    copy.data().put(array.toByteBuffer(true));
                    tensors.put(name, copy);
                });
        return new Adapter(config, tensors);
    }
}
