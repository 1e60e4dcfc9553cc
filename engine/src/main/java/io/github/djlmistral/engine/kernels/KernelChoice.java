/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.kernels;

import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.internal.cpu.InstructionSet;
import io.github.djlmistral.engine.internal.kernels.NativeKernels;
import io.github.djlmistral.engine.internal.kernels.ReferenceKernels;
import io.github.djlmistral.engine.internal.kernels.TorchKernels;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.util.Comparator;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The kernels of a network, and the reason for the choice. Made once, when a network is loaded.
 *
 * @param kernels the kernels
 * @param reason the reason, a sentence for the user
 */
public record KernelChoice(Kernels kernels, String reason) {

    /**
     * Size of the weights in bytes, 256 MiB, from which on reading them dominates a decode step.
     */
    private static final long LARGE = 1L << 28;

    /**
     * Chooses kernels for options, device and checkpoint.
     *
     * @param manager the manager of the model, which has its device
     * @param options the options
     * @param stored the data type of the stored weights, null if unknown
     * @param bytes the size of the stored weights in bytes
     * @return the choice
     * @throws IllegalArgumentException if a name is unknown, the kernels do not support the device,
     *     the engine or the data type, or networks do not run on the engine
     */
    public static KernelChoice of(
            NDManager manager, ComputeOptions options, @Nullable Dtype stored, long bytes) {
        String kernels = options.kernels();
        String dtype = options.dtype();
        DjlEngine engine = DjlEngine.of(manager);
        boolean auto = ComputeOptions.DEFAULT.equals(kernels);
        String name = auto ? engine.runsTorchScript() ? "torch" : "reference" : kernels;
        String device = manager.getDevice().isGpu() ? "GPU" : "CPU";
        switch (name) {
            case "reference" -> {
                if (!options.kvCacheDtype().equals(ComputeOptions.DEFAULT)) {
                    throw new IllegalArgumentException(
                            "kv_cache_dtype "
                                    + options.kvCacheDtype()
                                    + " needs the native kernels, this model uses the reference"
                                    + " kernels");
                }
                Dtype chosen =
                        ComputeOptions.DEFAULT.equals(dtype)
                                ? narrowest(engine, fitting(manager, stored, bytes))
                                : Dtype.of(dtype);
                if (!engine.dtypes().contains(chosen)) {
                    throw new IllegalArgumentException(
                            "on DJL's "
                                    + engine.engineName()
                                    + " engine the reference kernels compute in "
                                    + names(engine.dtypes())
                                    + ", not in "
                                    + dtype
                                    + "; leave dtype out, or choose the torch kernels");
                }
                return new KernelChoice(
                        new ReferenceKernels(chosen),
                        "reference on "
                                + device
                                + " in "
                                + chosen
                                + ": "
                                + (engine.runsTorchScript()
                                        ? "requested (torch would be faster)"
                                        : "the operations of DJL's "
                                                + engine.engineName()
                                                + " engine"));
            }
            case "torch", "native" -> {
                if (!engine.runsTorchScript()) {
                    throw new IllegalArgumentException(
                            "the "
                                    + name
                                    + " kernels need DJL's "
                                    + DjlEngine.PYTORCH.engineName()
                                    + " engine, this model runs on "
                                    + engine.engineName()
                                    + ": leave kernels out, or load it with optEngine(\"PyTorch\")");
                }
                Dtype chosen =
                        ComputeOptions.DEFAULT.equals(dtype)
                                ? fitting(manager, stored, bytes)
                                : Dtype.of(dtype);
                return torchOrNative(manager, options, chosen, stored);
            }
            default -> throw new AssertionError("ComputeOptions validates " + name);
        }
    }

    private static KernelChoice torchOrNative(
            NDManager manager, ComputeOptions options, Dtype dtype, @Nullable Dtype stored) {
        TorchKernels torch = new TorchKernels(manager, dtype);
        String weights =
                dtype == stored || stored == null ? "" : "; the weights are stored in " + stored;
        boolean gpu = manager.getDevice().isGpu();
        String missing = gpu ? "they compute on the CPU" : InstructionSet.missing();
        boolean auto = options.kernels().equals(ComputeOptions.DEFAULT);
        boolean named = options.kernels().equals("native");
        if (named && missing != null) {
            throw new IllegalArgumentException("the native kernels are not available: " + missing);
        }
        boolean int8 = options.kvCacheDtype().equals("int8");
        if ((auto || named) && missing == null) {
            InstructionSet set = InstructionSet.choose(options.instructionSet());
            NativeKernels kernels = new NativeKernels(torch, set, int8 ? Dtype.INT8 : dtype);
            String caches = int8 ? ", KV caches in int8" : "";
            return new KernelChoice(kernels, kernels + ", weights in " + dtype + weights + caches);
        }
        if (int8) {
            throw new IllegalArgumentException(
                    "kv_cache_dtype int8 needs the native kernels, "
                            + (missing == null
                                    ? "this model uses the torch kernels"
                                    : "which are not available: " + missing));
        }
        return new KernelChoice(
                torch,
                "torch on "
                        + (gpu ? "GPU" : "CPU")
                        + " in "
                        + dtype
                        + ": fused PyTorch operators"
                        + weights
                        + (auto && !gpu ? "; the native kernels would be faster: " + missing : ""));
    }

    /**
     * Chooses kernels for the weights of a checkpoint. Their data type counts, not the one in its
     * configuration.
     *
     * @param manager as above
     * @param options as above
     * @param weights the weights of the checkpoint; their bytes are not read
     * @return the choice
     * @throws IllegalArgumentException as above
     */
    public static KernelChoice of(NDManager manager, ComputeOptions options, Weights weights) {
        Dtype stored =
                weights.unquantized().values().stream()
                        .max(Comparator.comparingLong(Tensor::elements))
                        .map(Tensor::dtype)
                        .orElse(null);
        if (!weights.quantized().isEmpty()) {
            DjlEngine.of(manager).requireQuantizedWeights();
            // only norms may be unquantized, whose type says nothing about the model
            stored = stored == Dtype.FLOAT16 ? stored : Dtype.BFLOAT16;
        }
        return of(manager, options, stored, weights.bytes());
    }

    /**
     * Returns the stored type on a GPU, and for large weights on a CPU: in layers of Mistral 7B (2
     * cores of Zen 4 with AVX512_BF16), bfloat16 is 2.4 times as fast as float32 in prefill,
     * float16 2.8 times in decode. Small networks gain nothing and keep the accuracy of float32.
     */
    private static Dtype fitting(NDManager manager, @Nullable Dtype stored, long bytes) {
        boolean worthwhile = manager.getDevice().isGpu() || bytes > LARGE;
        return stored != null && worthwhile ? stored : Dtype.FLOAT32;
    }

    /**
     * Returns a type of the same size that the engine computes in, or float32. Weights of bfloat16
     * are usually within the range of float16, and its fraction is longer.
     */
    private static Dtype narrowest(DjlEngine engine, Dtype fitting) {
        return fitting.bytes() == Dtype.FLOAT16.bytes() && engine.dtypes().contains(Dtype.FLOAT16)
                ? Dtype.FLOAT16
                : Dtype.FLOAT32;
    }

    private static String names(Set<Dtype> dtypes) {
        return dtypes.stream().sorted().map(Dtype::toString).collect(Collectors.joining(" or "));
    }
}
