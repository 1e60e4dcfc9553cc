/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.initializer.Initializer;
import io.github.djlmistral.engine.adapter.Adapter;
import io.github.djlmistral.engine.adapter.LoraConfig;
import io.github.djlmistral.engine.internal.Faults;
import io.github.djlmistral.engine.internal.HostArray;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.FloatBuffer;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Creates the blocks and arrays that a network with an adapter does not share with its base. All
 * arrays are float32, and frozen.
 */
final class AdapterBinding {

    private final MistralPreTrainedModel base;
    private final String headName;
    private final Adapter adapter;
    private final NDManager manager;
    private final Map<MistralLinear, MistralLinear> replaced = new HashMap<>();
    private final Map<String, Parameter> parameters = new LinkedHashMap<>();
    private @Nullable Parameter embedding;
    private @Nullable MistralLinear head;

    /**
     * Creates them.
     *
     * @param base the network without an adapter, during a use of its gate
     * @param adapter the adapter
     * @param manager the manager of the arrays, on the device of the network
     * @throws IllegalArgumentException if the adapter does not match the network, naming what is
     *     missing, unexpected or of another shape
     */
    AdapterBinding(MistralPreTrainedModel base, Adapter adapter, NDManager manager) {
        this.base = base;
        headName = headName(base);
        this.adapter = adapter;
        this.manager = manager;
        Map<String, MistralLinear> linears = linears(base);
        check(linears);
        LoraConfig config = adapter.config();
        if (config.isSaved("model.embed_tokens")) {
            embedding =
                    MistralBlock.parameter(
                            "embed_tokens", Initializer.ZEROS, base.model.embedding().getShape());
            bind(WeightBinding.EMBEDDING, embedding);
        }
        linears.forEach(
                (module, linear) -> {
                    if (config.targets(module)) {
                        replaced.put(linear, adapted(module, linear));
                    }
                });
        MistralLinear own = Objects.requireNonNull(base.head());
        if (config.isSaved(headName)) {
            head = own.widened();
            bind(headName + ".weight", head.weight());
            if (head.bias() != null) {
                bind(headName + ".bias", head.bias());
            }
        } else {
            head = replaced.get(own);
        }
    }

    /** Returns the linear layers by their names, the output layer also if it is tied. */
    static Map<String, MistralLinear> linears(MistralPreTrainedModel network) {
        Map<String, MistralLinear> linears = new LinkedHashMap<>();
        network.namedLinears()
                .forEach(
                        (name, linear) ->
                                linears.put(name.substring(0, name.lastIndexOf('.')), linear));
        linears.putIfAbsent(headName(network), Objects.requireNonNull(network.head()));
        return linears;
    }

    private static String headName(MistralPreTrainedModel network) {
        return Architecture.orCausalLm(network.getClass().getSimpleName()).head();
    }

    /** Returns the shapes of the parameters of modules that adapters of the network replace. */
    private Map<String, long[]> whole() {
        Map<String, long[]> shapes = new LinkedHashMap<>();
        shapes.put(WeightBinding.EMBEDDING, base.model.embedding().getShape().getShape());
        MistralLinear own = Objects.requireNonNull(base.head());
        long[] weight = own.weight().getShape().getShape();
        shapes.put(headName + ".weight", weight);
        if (own.bias() != null) {
            shapes.put(headName + ".bias", new long[] {weight[0]});
        }
        return shapes;
    }

    private void checkTask(Faults faults) {
        LoraConfig config = adapter.config();
        if (config.taskType() != null && config.taskType() != base.taskType()) {
            faults.add(
                    "its task_type is "
                            + config.taskType()
                            + ", that of a "
                            + base.getClass().getSimpleName()
                            + " is "
                            + base.taskType());
        }
        for (String module : config.modulesToSave()) {
            // peft names both heads of classifiers, of which a network has one
            if (!List.of("embed_tokens", "classifier", headName).contains(module)) {
                faults.add("the network has no " + module + ", which is in modules_to_save");
            }
        }
    }

    private void check(Map<String, MistralLinear> linears) {
        LoraConfig config = adapter.config();
        Faults faults = new Faults();
        checkTask(faults);
        Map<String, long[]> whole = whole();
        Map<String, long[]> expected = new LinkedHashMap<>();
        linears.forEach(
                (module, linear) -> {
                    long[] shape = linear.weight().getShape().getShape();
                    if (config.targets(module)) {
                        int rank = config.rank(module);
                        expected.put(module + Adapter.A, new long[] {rank, shape[1]});
                        expected.put(module + Adapter.B, new long[] {shape[0], rank});
                    }
                });
        expected.forEach(
                (name, shape) -> {
                    Tensor tensor = adapter.tensors().get(name);
                    if (tensor == null) {
                        faults.add(name + " is missing");
                    } else {
                        checkShape(tensor, shape, faults);
                    }
                });
        adapter.tensors()
                .forEach(
                        (name, tensor) -> {
                            long[] shape = whole.get(name);
                            if (shape != null) {
                                checkShape(tensor, shape, faults);
                            } else if (!expected.containsKey(name)) {
                                faults.add(name + " is unexpected");
                            }
                        });
        if (expected.isEmpty() && config.modulesToSave().isEmpty()) {
            faults.add("none of its modules is a layer of the network");
        }
        if (!faults.isEmpty()) {
            String of = config.baseModel();
            throw new IllegalArgumentException(
                    "the adapter does not match the network: "
                            + faults
                            + (of == null
                                    ? ". Is it an adapter of this model?"
                                    : ". It is an adapter of " + of));
        }
    }

    private static void checkShape(Tensor tensor, long[] expected, Faults faults) {
        if (!Arrays.equals(tensor.shape(), expected)) {
            faults.add(
                    tensor.name()
                            + " has the shape "
                            + Arrays.toString(tensor.shape())
                            + " instead of "
                            + Arrays.toString(expected));
        }
    }

    private MistralLinear adapted(String module, MistralLinear linear) {
        long[] shape = linear.weight().getShape().getShape();
        LoraConfig config = adapter.config();
        int rank = config.rank(module);
        Parameter a =
                MistralBlock.parameter("lora_A", Initializer.ZEROS, new Shape(rank, shape[1]));
        Parameter b =
                MistralBlock.parameter("lora_B", Initializer.ZEROS, new Shape(shape[0], rank));
        bind(module + Adapter.A, a);
        bind(module + Adapter.B, b);
        float scale = (float) config.scale(module);
        return new MistralLinear(linear, new LowRank(module, a, b, scale, config.dropout()));
    }

    private void bind(String name, Parameter parameter) {
        Tensor tensor = adapter.tensors().get(name);
        NDArray array = tensor == null ? copy(name) : array(tensor);
        array.getShape(); // caches it before threads share the array, as in WeightBinding
        parameter.setShape(null);
        parameter.freeze(true);
        parameter.setArray(array);
        parameters.put(name, parameter);
    }

    /** Copies: training writes to the array. */
    private NDArray array(Tensor tensor) {
        Shape shape = new Shape(tensor.shape());
        try (NDArray shared = HostArray.of(manager, tensor.data(), shape, DataType.FLOAT32)) {
            return shared.duplicate();
        }
    }

    /** Copies a parameter of the embedding or the head of the base in float32. */
    @SuppressWarnings("ReferenceEquality") // equals() would compare the elements
    private NDArray copy(String name) {
        boolean tied = base.tiedHead() != null;
        String stored = tied ? WeightBinding.EMBEDDING : name;
        Parameter parameter = base.namedParameters().get(stored);
        if (parameter != null) {
            NDArray weight = parameter.getArray();
            // the kernels for training convert weights; native kernels convert activations only
            NDArray wide = base.kernels().training().toFloat32(weight);
            NDArray copy = wide.duplicate();
            if (wide != weight) {
                wide.close();
            }
            copy.attach(manager);
            return copy;
        }
        Weights weights = base.bound();
        QuantizedWeight packed = weights == null ? null : weights.quantized().get(stored);
        if (packed == null) {
            throw new IllegalStateException("the network has no weight " + stored);
        }
        Tensor whole = Tensor.allocate(name, Dtype.FLOAT32, packed.rows(), packed.columns());
        try {
            FloatBuffer elements = whole.data().asFloatBuffer();
            float[] row = new float[packed.columns()];
            for (int i = 0; i < packed.rows(); ++i) {
                packed.dequantizeRow(i, row);
                elements.put(row);
            }
            return array(whole);
        } finally {
            whole.free();
        }
    }

    /** Returns which layers have an adapter. */
    LoraConfig config() {
        return adapter.config();
    }

    /** Returns the layers with an adapter, by those of the base. */
    Map<MistralLinear, MistralLinear> replaced() {
        return replaced;
    }

    /** Returns the parameters of the adapter by their names. */
    Map<String, Parameter> parameters() {
        return parameters;
    }

    /** Returns the embedding in place of the base's, or null. */
    @Nullable Parameter embedding() {
        return embedding;
    }

    /** Returns the output layer in place of the base's, or null. */
    @Nullable MistralLinear head() {
        return head;
    }

    /** Returns the size of the arrays in bytes. */
    long bytes() {
        return parameters.values().stream()
                .mapToLong(parameter -> parameter.getShape().size() * Float.BYTES)
                .sum();
    }
}
