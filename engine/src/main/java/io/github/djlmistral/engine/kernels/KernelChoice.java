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
 * Which kernels a model runs on, and why: chosen once, when it is loaded.
 *
 * @param kernels the kernels
 * @param simd whether passes of few tokens go to a {@link
 *     io.github.djlmistral.engine.internal.simd.Decoder}: {@code WANTED} where the network has the
 *     shape for it, {@code REQUIRED} else an error, {@code NONE} never
 * @param reason one sentence for the user
 */
public record KernelChoice(Kernels kernels, Use simd, String reason) {

    /** Whether something is used. */
    public enum Use {
        /** Not. */
        NONE,
        /** Where it can be. */
        WANTED,
        /** In any case. */
        REQUIRED
    }

    /** From here on, 256 MiB, reading the weights takes longer than anything else. */
    private static final long LARGE = 1L << 28;

    /**
     * Chooses by what was asked for, the device and the checkpoint.
     *
     * @param manager the manager of the model, with its device
     * @param options what was asked for
     * @param stored the type of the checkpoint's weights, null where there is none
     * @param bytes how large the weights are as they are stored
     * @return the choice
     * @throws IllegalArgumentException if the name is unknown, or kernels and type do not go
     *     together
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
                                        ? "asked for (torch would be faster)"
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
                                        ? "; single tokens would take less time with the simd"
                                                + " kernels: "
                                                + Simd.missing()
                                        : ""));
            }
            default ->
                    throw new IllegalArgumentException(
                            "unknown kernels \""
                                    + kernels
                                    + "\": choose \"auto\", \"simd\", \"torch\" or \"reference\"");
        }
    }

    private static Use simd(NDManager manager, String name, boolean auto) {
        String missing = manager.getDevice().isGpu() ? "they compute on the CPU" : Simd.missing();
        if (name.equals("simd")) {
            if (missing != null) {
                throw new IllegalArgumentException("there are no simd kernels here: " + missing);
            }
            return Use.REQUIRED;
        }
        return auto && missing == null ? Use.WANTED : Use.NONE;
    }

    /**
     * Chooses for the weights of a checkpoint; what these hold counts, whatever its configuration
     * says.
     *
     * @param manager as above
     * @param options as above
     * @param weights all weights of the checkpoint; their bytes are not read
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
            // what is left of the numbers may be a few norms, which say nothing
            stored = Dtype.BFLOAT16;
        }
        return of(manager, options, stored, weights.bytes());
    }

    /**
     * The checkpoint's own type on a GPU, and on a CPU where the weights are large: measured in
     * layers of Mistral 7B (2 cores of Zen 4 with AVX512_BF16), bfloat16 is 2.4 times as fast as
     * float32 for prompts, float16 2.8 times for single tokens. Small networks gain nothing and
     * keep float32's accuracy.
     */
    private static Dtype fitting(NDManager manager, @Nullable Dtype stored, long bytes) {
        boolean worthwhile = manager.getDevice().isGpu() || bytes > LARGE;
        return stored != null && worthwhile ? stored : Dtype.FLOAT32;
    }
}
