/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.norm.Dropout;
import ai.djl.training.loss.Loss;
import io.github.djlmistral.engine.adapter.Adapter;
import io.github.djlmistral.engine.adapter.LoraConfig.TaskType;
import io.github.djlmistral.engine.internal.OwnedManager;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.kernels.KernelChoice;
import io.github.djlmistral.engine.kernels.Kernels;
import java.io.IOException;
import java.nio.file.Path;

/**
 * Mistral with a classification head on every token; {@code MistralForTokenClassification} of the
 * reference. In training the hidden states it reads are subject to dropout, see {@link
 * MistralConfig#classifierDropout}.
 *
 * <p>As a DJL block it returns {@code logits} float32 (B, T, N), one for each of the N classes of
 * {@link MistralConfig#labels}.
 */
public final class MistralForTokenClassification extends MistralPreTrainedModel {

    private final MistralLinear score;

    /**
     * Creates a network with uninitialized parameters.
     *
     * @param config the configuration
     * @param choice the kernels
     */
    public MistralForTokenClassification(MistralConfig config, KernelChoice choice) {
        super(config, choice);
        score = addHead(Architecture.TOKEN_CLASSIFICATION);
    }

    private MistralForTokenClassification(
            MistralForTokenClassification base, AdapterBinding binding, OwnedManager own) {
        super(base, binding, own);
        score = addHead(Architecture.TOKEN_CLASSIFICATION, binding, base.score);
    }

    @Override
    public MistralForTokenClassification withAdapter(Adapter adapter, NDManager manager) {
        return (MistralForTokenClassification) super.withAdapter(adapter, manager);
    }

    @Override
    MistralForTokenClassification adapted(AdapterBinding binding, OwnedManager own) {
        return new MistralForTokenClassification(this, binding, own);
    }

    @Override
    TaskType taskType() {
        return TaskType.TOKEN_CLS;
    }

    /**
     * Loads a checkpoint whose {@code config.json} names this architecture or none. The parameters
     * are frozen: unfreeze those to train.
     *
     * @param directory the checkpoint
     * @param manager the manager that determines the device, and closes the network with itself
     * @param options kernels and data type
     * @return the network
     * @throws IOException if files are missing or cannot be read
     * @throws MalformedModelException if the checkpoint has another head, or its weights do not
     *     match the configuration
     */
    public static MistralForTokenClassification load(
            Path directory, NDManager manager, ComputeOptions options)
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
    public static MistralForTokenClassification of(
            MistralCheckpoint checkpoint, String source, NDManager manager, ComputeOptions options)
            throws MalformedModelException {
        return NetworkLoader.load(
                MistralForTokenClassification::new, checkpoint, source, manager, options);
    }

    /**
     * Returns the loss to train with, {@code ForTokenClassification} of the reference: cross
     * entropy of the logits (B, T, N) with labels int64 (B, T), each a class from 0 to N-1, or -100
     * for a token that is ignored, such as padding.
     *
     * @return a new loss, whose {@code evaluate} throws {@link IllegalArgumentException} for labels
     *     of the wrong shape or type or out of range, and if every token is ignored
     */
    public Loss loss() {
        return new TokenClassificationLoss();
    }

    @Override
    NDArray select(PassInput input, Kernels kernels, boolean training, NDArray x) {
        double rate = config().classifierDropout();
        return training && rate > 0 ? Dropout.dropout(x, (float) rate, true).singletonOrThrow() : x;
    }

    @Override
    MistralLinear head() {
        return score;
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        return new Shape[] {inputShapes[0].add(config().labels().size())};
    }
}
