/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.kernels;

import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.internal.kernels.ReferenceKernels;
import io.github.djlmistral.engine.internal.kernels.TorchKernels;
import io.github.djlmistral.engine.internal.simd.Simd;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.util.Comparator;
import org.jspecify.annotations.Nullable;

/**
 * The kernels of a network, and the reason for the choice. Made once, when a network is loaded.
 *
 * @param kernels the kernels
 * @param simd whether the simd kernels compute passes over few tokens: {@code WANTED} if they
 *     support the network, {@code REQUIRED} if loading is to fail otherwise, {@code NONE} never
 * @param reason the reason, a sentence for the user
 */
public record KernelChoice(Kernels kernels, Use simd, String reason) {

    /** Whether the simd kernels are used. */
    public enum Use {
        /** Never. */
        NONE,
        /** If they support the network. */
        WANTED,
        /** Always; loading fails if they do not support the network. */
        REQUIRED
    }

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
     * @throws IllegalArgumentException if a name is unknown, or the kernels do not support the
     *     device, the engine or the data type
     */
    public static KernelChoice of(
            NDManager manager, ComputeOptions options, @Nullable Dtype stored, long bytes) {
        String kernels = options.kernels();
        String dtype = options.dtype();
        boolean pytorch = "PyTorch".equals(manager.getEngine().getEngineName());
        boolean auto = ComputeOptions.DEFAULT.equals(kernels);
        String name = auto ? pytorch ? "torch" : "reference" : kernels;
        String device = manager.getDevice().isGpu() ? "GPU" : "CPU";
        switch (name) {
            case "reference" -> {
                if (!ComputeOptions.DEFAULT.equals(dtype) && Dtype.of(dtype) != Dtype.FLOAT32) {
                    throw new IllegalArgumentException(
                            "the reference kernels compute in float32 only, not in "
                                    + dtype
                                    + "; leave dtype out, or choose the torch kernels");
                }
                return new KernelChoice(
                        new ReferenceKernels(),
                        Use.NONE,
                        "reference on "
                                + device
                                + " in float32: "
                                + (pytorch
                                        ? "requested (torch would be faster)"
                                        : "the engine is not PyTorch, which the torch kernels need"));
            }
            case "torch", "simd" -> {
                if (!pytorch) {
                    throw new IllegalArgumentException(
                            "the torch kernels need DJL's PyTorch engine, this model runs on "
                                    + manager.getEngine().getEngineName());
                }
                Dtype chosen =
                        ComputeOptions.DEFAULT.equals(dtype)
                                ? fitting(manager, stored, bytes)
                                : Dtype.of(dtype);
                Use simd = simd(manager, name, auto);
                return new KernelChoice(
                        simd == Use.NONE
                                ? new TorchKernels(manager, chosen)
                                : new TorchKernels(manager, chosen, Simd.dequantizer()),
                        simd,
                        "torch on "
                                + device
                                + " in "
                                + chosen
                                + ": fused PyTorch operators"
                                + (chosen == stored || stored == null
                                        ? ""
                                        : "; the weights are stored in " + stored)
                                + (simd == Use.NONE && auto && !manager.getDevice().isGpu()
                                        ? "; decoding would be faster with the simd"
                                                + " kernels: "
                                                + Simd.missing()
                                        : ""));
            }
            default -> throw new AssertionError("ComputeOptions validates " + name);
        }
    }

    private static Use simd(NDManager manager, String name, boolean auto) {
        String missing = manager.getDevice().isGpu() ? "they compute on the CPU" : Simd.missing();
        if (name.equals("simd")) {
            if (missing != null) {
                throw new IllegalArgumentException(
                        "the simd kernels are not available: " + missing);
            }
            return Use.REQUIRED;
        }
        return auto && missing == null ? Use.WANTED : Use.NONE;
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
        if (!weights.quantized().isEmpty() && stored != Dtype.FLOAT16) {
            // only norms may be unquantized, whose type says nothing about the model
            stored = Dtype.BFLOAT16;
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
}
