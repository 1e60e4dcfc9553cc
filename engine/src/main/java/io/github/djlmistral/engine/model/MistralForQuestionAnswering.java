/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.ParameterStore;
import ai.djl.training.loss.Loss;
import ai.djl.util.PairList;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.kernels.KernelChoice;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Mistral with a head that finds the answer to a question in a text; {@code
 * MistralForQuestionAnswering} of the reference.
 *
 * <p>As a DJL block it returns {@code start_logits} and {@code end_logits}, each float32 (B, T):
 * how likely each token is the first and the last of the answer. {@link #forward(ParameterStore,
 * ForwardInput, boolean)} returns both as logits (B, T, 2).
 */
public final class MistralForQuestionAnswering extends MistralPreTrainedModel {

    private final MistralLinear outputs;

    /**
     * Creates a network with uninitialized parameters.
     *
     * @param config the configuration
     * @param choice the kernels
     */
    public MistralForQuestionAnswering(MistralConfig config, KernelChoice choice) {
        super(config, choice);
        outputs = addHead(Architecture.QUESTION_ANSWERING);
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
    public static MistralForQuestionAnswering load(
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
    public static MistralForQuestionAnswering of(
            MistralCheckpoint checkpoint, String source, NDManager manager, ComputeOptions options)
            throws MalformedModelException {
        return NetworkLoader.load(
                MistralForQuestionAnswering::new, checkpoint, source, manager, options);
    }

    /**
     * Returns the loss to train with, {@code ForQuestionAnsweringLoss} of the reference: the mean
     * of the cross entropies of start and end. Predictions are {@code start_logits} and {@code
     * end_logits}, (B, T); labels are the indices of the first and the last token of the answer,
     * each int64 (B) or (B, 1). Indices of T and more, of answers that were truncated, are ignored;
     * negative ones count as 0.
     *
     * @return a new loss, whose {@code evaluate} throws {@link IllegalArgumentException} for labels
     *     of the wrong shape or type, and if every start or every end is ignored
     */
    public Loss loss() {
        return new QuestionAnsweringLoss();
    }

    @Override
    MistralLinear head() {
        return outputs;
    }

    @Override
    protected NDList forwardInternal(
            ParameterStore parameterStore,
            NDList inputs,
            boolean training,
            @Nullable PairList<String, Object> params) {
        NDList both = super.forwardInternal(parameterStore, inputs, training, params);
        try (NDArray logits = both.singletonOrThrow()) {
            NDArray start = logits.get("..., 0");
            NDArray end = logits.get("..., 1");
            start.setName("start_logits");
            end.setName("end_logits");
            return new NDList(start, end);
        }
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        return new Shape[] {inputShapes[0], inputShapes[0]};
    }
}
