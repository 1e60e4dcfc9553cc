/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.kernels;

import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.weights.Dtype;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The DJL engines that a network runs on, and what each of them can do. Other code asks here
 * instead of comparing engine names.
 */
public enum DjlEngine {

    /** LibTorch, on CPU and CUDA. */
    PYTORCH("PyTorch", EnumSet.allOf(Feature.class), EnumSet.of(Dtype.FLOAT32)),

    /** Candle, a library in Rust, part of DJL's tokenizers. */
    RUST("Rust", EnumSet.noneOf(Feature.class), EnumSet.of(Dtype.FLOAT32, Dtype.FLOAT16)),

    /** Apache MXNet 1.9. */
    MXNET(
            "MXNet",
            EnumSet.of(Feature.INDEXING, Feature.GRADIENTS, Feature.QUANTIZED),
            EnumSet.of(Dtype.FLOAT32));

    /** What an engine may be able to do. */
    private enum Feature {
        TORCHSCRIPT,
        SHARED_MEMORY,
        INDEXING,
        GRADIENTS,
        QUANTIZED
    }

    private final String engineName;
    private final Set<Feature> features;
    private final Set<Dtype> dtypes;

    DjlEngine(String engineName, Set<Feature> features, Set<Dtype> dtypes) {
        this.engineName = engineName;
        this.features = features;
        this.dtypes = dtypes;
    }

    /**
     * Finds the engine of a manager.
     *
     * @param manager the manager
     * @return its engine
     * @throws IllegalArgumentException if networks do not run on it; the message lists the engines
     *     that they run on
     */
    public static DjlEngine of(NDManager manager) {
        String name = manager.getEngine().getEngineName();
        for (DjlEngine engine : values()) {
            if (engine.engineName.equals(name)) {
                return engine;
            }
        }
        throw new IllegalArgumentException(
                "Mistral does not run on DJL's engine "
                        + name
                        + ": choose one of "
                        + Arrays.stream(values())
                                .map(engine -> engine.engineName)
                                .collect(Collectors.joining(", "))
                        + " with optEngine");
    }

    /** Returns the names of all engines, the preferred one first. */
    public static List<String> names() {
        return Arrays.stream(values()).map(DjlEngine::engineName).toList();
    }

    /** Returns DJL's name of this engine. */
    public String engineName() {
        return engineName;
    }

    /** Returns whether it runs TorchScript, which the torch kernels consist of. */
    public boolean runsTorchScript() {
        return features.contains(Feature.TORCHSCRIPT);
    }

    /**
     * Returns whether arrays on the CPU use the memory of the buffer that they are created from.
     */
    public boolean sharesMemory() {
        return features.contains(Feature.SHARED_MEMORY);
    }

    /** Returns whether rows can be selected by an array of indices, and slices be written. */
    public boolean indexes() {
        return features.contains(Feature.INDEXING);
    }

    /** Returns the data types that it multiplies matrices in on the CPU, through NDArray. */
    public Set<Dtype> dtypes() {
        return Set.copyOf(dtypes);
    }

    /**
     * Checks that the engine computes gradients.
     *
     * @throws UnsupportedOperationException if not
     */
    public void requireGradients() {
        if (!features.contains(Feature.GRADIENTS)) {
            throw new UnsupportedOperationException(
                    "DJL's "
                            + engineName
                            + " engine does not compute gradients: train with the PyTorch engine,"
                            + " optEngine(\"PyTorch\")");
        }
    }

    /**
     * Checks that the engine computes with quantized weights.
     *
     * @throws IllegalArgumentException if not
     */
    public void requireQuantized() {
        if (!features.contains(Feature.QUANTIZED)) {
            throw new IllegalArgumentException(
                    "quantized weights are not supported on DJL's "
                            + engineName
                            + " engine: use the PyTorch engine, optEngine(\"PyTorch\"), or a"
                            + " checkpoint that is not quantized, without the argument"
                            + " quantization");
        }
    }
}
