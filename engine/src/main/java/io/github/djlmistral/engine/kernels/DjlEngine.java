/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.kernels;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.weights.Dtype;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * The DJL engines that networks run on, the preferred one first, and what each of them can do.
 * Other code asks here instead of comparing engine names.
 */
public enum DjlEngine {

    /** LibTorch, on CPU and CUDA. */
    PYTORCH(
            "PyTorch",
            "ai.djl.pytorch:pytorch-engine",
            EnumSet.allOf(Feature.class),
            EnumSet.of(Dtype.FLOAT32)),

    /** Candle, which DJL's tokenizers contain. */
    RUST(
            "Rust",
            "ai.djl.huggingface:tokenizers",
            EnumSet.noneOf(Feature.class),
            EnumSet.of(Dtype.FLOAT16, Dtype.FLOAT32)),

    /** Apache MXNet. */
    MXNET(
            "MXNet",
            "ai.djl.mxnet:mxnet-engine",
            EnumSet.of(Feature.INDEXING, Feature.GRADIENTS, Feature.QUANTIZED_WEIGHTS),
            EnumSet.of(Dtype.FLOAT32));

    private enum Feature {
        TORCHSCRIPT,
        SHARED_MEMORY,
        INDEXING,
        GRADIENTS,
        QUANTIZED_WEIGHTS
    }

    private final String engineName;
    private final String artifact;

    @SuppressWarnings("ImmutableEnumChecker") // a copy
    private final Set<Feature> features;

    @SuppressWarnings("ImmutableEnumChecker") // a copy
    private final Set<Dtype> dtypes;

    DjlEngine(String engineName, String artifact, Set<Feature> features, Set<Dtype> dtypes) {
        this.engineName = engineName;
        this.artifact = artifact;
        this.features = Set.copyOf(features);
        this.dtypes = Set.copyOf(dtypes);
    }

    /** Returns the names of all engines, the preferred one first. */
    public static List<String> names() {
        return Arrays.stream(values()).map(DjlEngine::engineName).toList();
    }

    /**
     * Finds an engine.
     *
     * @param name DJL's name of the engine
     * @return the engine
     * @throws IllegalArgumentException if networks do not run on it; the message lists those that
     *     they run on
     */
    public static DjlEngine of(String name) {
        for (DjlEngine engine : values()) {
            if (engine.engineName.equals(name)) {
                return engine;
            }
        }
        throw new IllegalArgumentException(
                "Mistral does not run on a DJL engine "
                        + Quote.of(name)
                        + ": choose one of "
                        + names()
                        + " with optEngine, or leave it out");
    }

    /**
     * Finds the engine of a manager.
     *
     * @param manager the manager
     * @return its engine
     * @throws IllegalArgumentException if networks do not run on it, see {@link #of(String)}
     */
    public static DjlEngine of(NDManager manager) {
        return of(manager.getEngine().getEngineName());
    }

    /**
     * Returns the engine that is used unless an application chooses one.
     *
     * @return the first one on the class path, regardless of DJL's default engine; {@link #PYTORCH}
     *     if there is none
     */
    public static DjlEngine preferred() {
        return Arrays.stream(values()).filter(DjlEngine::isPresent).findFirst().orElse(PYTORCH);
    }

    /** Returns whether the engine is on the class path. */
    public boolean isPresent() {
        return Engine.hasEngine(engineName);
    }

    /** Returns DJL's name of the engine. */
    public String engineName() {
        return engineName;
    }

    /** Returns whether it runs TorchScript, which the torch kernels consist of. */
    public boolean runsTorchScript() {
        return features.contains(Feature.TORCHSCRIPT);
    }

    /** Returns whether an array on the CPU shares the memory of the buffer it is created from. */
    public boolean sharesMemory() {
        return features.contains(Feature.SHARED_MEMORY);
    }

    /** Returns whether arrays can be indexed by arrays, and their slices be written. */
    public boolean supportsIndexing() {
        return features.contains(Feature.INDEXING);
    }

    /** Returns whether the engine computes gradients. */
    public boolean supportsGradients() {
        return features.contains(Feature.GRADIENTS);
    }

    /** Returns whether networks with quantized weights run on the engine. */
    public boolean supportsQuantizedWeights() {
        return features.contains(Feature.QUANTIZED_WEIGHTS);
    }

    /** Returns the data types in which the reference kernels compute on the engine. */
    public Set<Dtype> dtypes() {
        return dtypes;
    }

    /**
     * Checks that the engine is on the class path.
     *
     * @throws IllegalStateException if it is not; the message names what to add
     */
    public void requirePresent() {
        if (!isPresent()) {
            throw new IllegalStateException(
                    "DJL's "
                            + engineName
                            + " engine is not on the class path: add the dependency "
                            + artifact
                            + ", or choose another engine");
        }
    }

    /**
     * Checks that the engine computes gradients.
     *
     * @throws UnsupportedOperationException if it does not
     */
    public void requireGradients() {
        if (!supportsGradients()) {
            throw new UnsupportedOperationException(
                    "DJL's "
                            + engineName
                            + " engine computes no gradients: train on another one, such as"
                            + " optEngine(\"PyTorch\")");
        }
    }

    /**
     * Checks that networks with quantized weights run on the engine.
     *
     * @throws IllegalArgumentException if they do not
     */
    public void requireQuantizedWeights() {
        if (!supportsQuantizedWeights()) {
            throw new IllegalArgumentException(
                    "quantized weights do not run on DJL's "
                            + engineName
                            + " engine: use another one, such as optEngine(\"PyTorch\"), or"
                            + " unquantized weights: a checkpoint of them, and no argument"
                            + " quantization");
        }
    }
}
