/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.ParameterStore;
import ai.djl.util.PairList;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.kernels.KernelChoice;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Mistral without a head; {@code MistralModel} of the reference. Embeddings are made from its
 * output.
 *
 * <p>As a DJL block it returns {@code last_hidden_state} float32 (B, T, E), after the final norm.
 * {@link #lastHiddenState} of the other networks returns the same without their head.
 */
public final class MistralModel extends MistralPreTrainedModel {

    private static final String PREFIX = "model.";

    /**
     * Creates a network with uninitialized parameters.
     *
     * @param config the configuration
     * @param choice the kernels
     */
    public MistralModel(MistralConfig config, KernelChoice choice) {
        super(config, choice);
    }

    /**
     * Loads a checkpoint of any architecture; the weights of a head are not read, as with {@code
     * AutoModel} of the reference. The parameters are frozen: unfreeze those to train.
     *
     * @param directory the checkpoint
     * @param manager the manager that determines the device, and closes the network with itself
     * @param options kernels and data type
     * @return the network
     * @throws IOException if files are missing or cannot be read
     * @throws MalformedModelException if the weights do not match the configuration
     */
    public static MistralModel load(Path directory, NDManager manager, ComputeOptions options)
            throws IOException, MalformedModelException {
        return of(MistralCheckpoint.open(directory), directory.toString(), manager, options);
    }

    /**
     * Creates a network from an open checkpoint and takes ownership of its memory, even if this
     * fails.
     *
     * @param checkpoint the checkpoint; must not be used for another network
     * @param source its name for messages
     * @param manager the manager that determines the device, and closes the network with itself
     * @param options kernels and data type
     * @return the network
     * @throws MalformedModelException as {@link #load}
     */
    public static MistralModel of(
            MistralCheckpoint checkpoint, String source, NDManager manager, ComputeOptions options)
            throws MalformedModelException {
        return NetworkLoader.load(MistralModel::new, checkpoint, source, manager, options);
    }

    @Override
    @Nullable MistralLinear head() {
        return null;
    }

    /** Every architecture has these weights. */
    @Override
    void requireArchitecture(String from) {}

    @Override
    Weights own(Weights given) {
        Map<String, Tensor> tensors = new LinkedHashMap<>(given.unquantized());
        Map<String, QuantizedWeight> quantized = new LinkedHashMap<>(given.quantized());
        tensors.keySet().removeIf(name -> !name.startsWith(PREFIX));
        quantized.keySet().removeIf(name -> !name.startsWith(PREFIX));
        return new Weights(tensors, quantized);
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameterStore,
            NDList inputs,
            boolean training,
            @Nullable PairList<String, Object> params) {
        return new NDList(lastHiddenState(parameterStore, ForwardInput.of(inputs), training));
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        return new Shape[] {inputShapes[0].add(config().hiddenSize())};
    }
}
