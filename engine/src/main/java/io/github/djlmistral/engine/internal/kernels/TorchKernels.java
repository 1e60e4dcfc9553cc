/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.kernels;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.NDScope;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.engine.PtNDArray;
import ai.djl.pytorch.engine.PtNDManager;
import ai.djl.pytorch.engine.PtSymbolBlock;
import ai.djl.pytorch.jni.IValue;
import ai.djl.pytorch.jni.IValueUtils;
import ai.djl.pytorch.jni.JniUtils;
import io.github.djlmistral.engine.internal.quantization.Dequantizer;
import io.github.djlmistral.engine.kernels.QuantizedLinear;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * Kernels that use PyTorch's fused operators, on CPU and CUDA. DJL does not bind these operators,
 * so they are called through TorchScript, see {@code torch_kernels.py} among the resources.
 *
 * <p>All arguments of the scripts' methods are tensors, even scalars: with gradients, DJL passes
 * nothing else.
 */
public final class TorchKernels extends UnfusedKernels {

    /** Prefix of the name of a placeholder array, by which DJL chooses the method when training. */
    private static final String METHOD = "module_method:";

    private final PtSymbolBlock module;
    private final NDManager scalars;
    private final Map<Object, NDArray> constants;

    private final Dtype dtype;
    private final long scalarType;
    private final boolean gradients;

    /** Null if PyTorch's operators dequantize. */
    private final @Nullable DequantizedBlocks blocks;

    /**
     * Compiles the kernels for a device.
     *
     * @param manager the PyTorch manager that owns the kernels, which has their device
     * @param dtype float32, bfloat16 or float16
     */
    public TorchKernels(NDManager manager, Dtype dtype) {
        this(manager, dtype, new Dequantizer());
    }

    /**
     * Compiles the kernels for a device.
     *
     * @param manager the PyTorch manager that owns the kernels, which has their device
     * @param dtype float32, bfloat16 or float16
     * @param dequantizer the dequantizer on a CPU; null, and on a GPU, for PyTorch's operators,
     *     which dequantize whole matrices in several passes over memory
     */
    public TorchKernels(NDManager manager, Dtype dtype, @Nullable Dequantizer dequantizer) {
        scalarType = scalarType(dtype);
        try {
            module = JniUtils.loadModule((PtNDManager) manager, archive(), false, false);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        scalars = manager.newSubManager(Device.cpu());
        constants = new ConcurrentHashMap<>();
        this.dtype = dtype;
        gradients = false;
        blocks =
                dequantizer == null || manager.getDevice().isGpu()
                        ? null
                        : new DequantizedBlocks(this, scalars, dequantizer);
    }

    /** Returns the TorchScript archive of the kernels, for any device. */
    public static InputStream archive() {
        return TorchScriptArchive.of(
                text("torch_kernels.py") + text("torch_quantized.py") + text("torch_training.py"));
    }

    static String text(String resource) {
        try (InputStream text =
                Objects.requireNonNull(TorchKernels.class.getResourceAsStream(resource))) {
            return new String(text.readAllBytes(), StandardCharsets.UTF_8);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private TorchKernels(TorchKernels inference) {
        module = inference.module;
        scalars = inference.scalars;
        constants = inference.constants;
        dtype = inference.dtype;
        scalarType = inference.scalarType;
        gradients = true;
        blocks = inference.blocks;
    }

    /** Returns PyTorch's number of a data type, see {@code c10/core/ScalarType.h}. */
    static long scalarType(Dtype dtype) {
        return switch (dtype) {
            case FLOAT16 -> 5;
            case FLOAT32 -> 6;
            case BFLOAT16 -> 15;
            default ->
                    throw new IllegalArgumentException(
                            "the torch kernels compute in float32, bfloat16 and float16, not in "
                                    + dtype);
        };
    }

    @Override
    public String name() {
        return "torch";
    }

    @Override
    public Dtype dtype() {
        return dtype;
    }

    @Override
    public TorchKernels training() {
        return gradients ? this : new TorchKernels(this);
    }

    @Override
    public NDArray load(NDManager manager, Tensor tensor) {
        Shape shape = new Shape(tensor.shape());
        boolean bfloat16 = tensor.dtype() == Dtype.BFLOAT16;
        DataType carrier =
                switch (tensor.dtype()) {
                    case FLOAT32 -> DataType.FLOAT32;
                    // DJL does not support bfloat16: the bits are passed as float16
                    case FLOAT16, BFLOAT16 -> DataType.FLOAT16;
                    default ->
                            throw new IllegalArgumentException(
                                    tensor + " is not a floating-point one");
                };
        NDArray bits = manager.create(tensor.data(), shape, carrier);
        NDArray array = bfloat16 ? normal("as_bfloat16", bits) : bits;
        if (tensor.dtype() == dtype) {
            // the float16 array of bfloat16 bits stays open: it owns the mapped bytes
            return array;
        }
        try (bits;
                array) {
            return normal("to", array, constant(scalarType));
        }
    }

    @Override
    public NDArray zeros(NDManager manager, Shape shape) {
        NDArray zeros =
                manager.zeros(shape, dtype == Dtype.FLOAT32 ? DataType.FLOAT32 : DataType.FLOAT16);
        if (dtype != Dtype.BFLOAT16) {
            return zeros;
        }
        try (zeros) {
            return normal("to", zeros, constant(scalarType));
        }
    }

    @Override
    public NDArray bits(NDArray array) {
        return dtype == Dtype.BFLOAT16 ? call("as_float16", array).get(0) : array.duplicate();
    }

    @Override
    public NDArray toFloat32(NDArray x) {
        return dtype == Dtype.FLOAT32 ? x : call("to", x, constant(6L)).get(0);
    }

    @Override
    public NDArray embedding(NDArray ids, NDArray weight) {
        return call("embedding", ids, weight).get(0);
    }

    @Override
    public NDArray linear(NDArray x, NDArray weight) {
        return call("linear", x, weight).get(0);
    }

    @Override
    public QuantizedLinear quantized(NDManager manager, QuantizedWeight weight) {
        TorchQuantizedLinear layer = new TorchQuantizedLinear(this, manager, weight, blocks);
        return gradients ? layer.training() : layer;
    }

    @Override
    public NDArray lora(NDArray y, NDArray x, NDArray a, NDArray b, float scale) {
        return call("lora", y, x, a, b, constant(scale)).get(0);
    }

    @Override
    public NDArray linearFloat32(NDArray x, NDArray weight) {
        return call("linear_float32", x, weight).get(0);
    }

    @Override
    public NDArray embeddingFloat32(NDArray ids, NDArray weight) {
        return call("embedding_as", ids, weight, constant(scalarType)).get(0);
    }

    @Override
    public NDArray embedding(NDArray ids, QuantizedWeight weight) {
        NDArray rows = new ReferenceKernels().embedding(ids, weight);
        return dtype == Dtype.FLOAT32 ? rows : call("to", rows, constant(scalarType)).get(0);
    }

    @Override
    public NDArray rmsNorm(NDArray x, NDArray weight, float eps) {
        return call("rms_norm", x, weight, constant(eps)).get(0);
    }

    @Override
    public NDArray swiGlu(NDArray gate, NDArray up) {
        return call("swiglu", gate, up).get(0);
    }

    @Override
    public NDList logProbabilities(NDArray logits, NDArray labels, boolean means) {
        return call(means ? "log_probabilities_and_means" : "log_probabilities", logits, labels);
    }

    @Override
    public NDArray logProbabilityGradients(
            NDArray logits, NDArray labels, NDArray gradients, @Nullable NDArray meanGradients) {
        return meanGradients == null
                ? call("logit_gradients", logits, labels, gradients).get(0)
                : call("smoothed_logit_gradients", logits, labels, gradients, meanGradients).get(0);
    }

    @Override
    public NDList rotaryTables(NDArray positions, NDArray inverseFrequencies) {
        return call("angles", positions, inverseFrequencies, constant(scalarType));
    }

    @Override
    public NDList rotary(
            NDArray q, NDArray k, NDArray v, NDList tables, @Nullable CacheSlots cache) {
        NDArray cos = tables.get(0);
        NDArray sin = tables.get(1);
        return cache == null
                ? call("rotary", q, k, v, cos, sin)
                : call(
                        "rotary_update",
                        q,
                        k,
                        v,
                        cos,
                        sin,
                        cache.keys(),
                        cache.values(),
                        cache.slots());
    }

    @Override
    public NDArray attend(NDArray q, NDArray k, NDArray v, @Nullable NDArray mask, int window) {
        return mask == null
                ? call("attention", q, k, v, constant((long) window)).get(0)
                : call("attention_masked", q, k, v, mask).get(0);
    }

    @Override
    public NDArray attentionWeights(NDArray q, NDArray k, NDArray mask) {
        return call("attention_weights", q, k, mask).get(0);
    }

    NDArray constant(Number value) {
        return constants.computeIfAbsent(
                value,
                v ->
                        outliving(
                                v instanceof Float
                                        ? scalars.create(value.floatValue())
                                        : scalars.create(value.longValue())));
    }

    private NDArray placeholder(String method) {
        return constants.computeIfAbsent(
                METHOD + method,
                name -> {
                    NDArray array = outliving(scalars.create(0f));
                    array.setName(METHOD + method);
                    return array;
                });
    }

    /** Removes an array from the NDScope, if any, that is open when it is first needed. */
    static NDArray outliving(NDArray array) {
        NDScope.unregister(array);
        return array;
    }

    /** Runs a method outside of inference mode, whose arrays could not be trained with later. */
    NDArray normal(String method, NDArray... arguments) {
        turnProfilingOff();
        return recorded(method, arguments).get(0);
    }

    /**
     * The profiling executor would recompile for each new shape, although the operators are fused
     * already. The switch is per native thread, which may be another at each call of a virtual
     * thread, so it is set before each call.
     */
    private static void turnProfilingOff() {
        JniUtils.setGraphExecutorOptimize(false);
    }

    private NDList recorded(String method, NDArray... arguments) {
        NDList inputs = new NDList(arguments);
        inputs.add(placeholder(method));
        return IValueUtils.forward(module, inputs, true);
    }

    NDList call(String method, NDArray... arguments) {
        turnProfilingOff();
        if (gradients) {
            return recorded(method, arguments);
        }
        IValue[] values = new IValue[arguments.length];
        try {
            for (int i = 0; i < values.length; ++i) {
                values[i] = IValue.from((PtNDArray) arguments[i]);
            }
            try (IValue result = IValueUtils.runMethod(module, method, values)) {
                return result.toNDList((PtNDManager) arguments[0].getManager());
            }
        } finally {
            for (IValue value : values) {
                if (value != null) {
                    value.close();
                }
            }
        }
    }
}
