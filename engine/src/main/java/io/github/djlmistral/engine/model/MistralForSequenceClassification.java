/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.loss.Loss;
import io.github.djlmistral.engine.adapter.Adapter;
import io.github.djlmistral.engine.adapter.LoraConfig.TaskType;
import io.github.djlmistral.engine.internal.HostArray;
import io.github.djlmistral.engine.internal.OwnedManager;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.kernels.KernelChoice;
import io.github.djlmistral.engine.kernels.Kernels;
import java.io.IOException;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Mistral with a classification head on the last token of a text; {@code
 * MistralForSequenceClassification} of the reference.
 *
 * <p>As a DJL block it returns {@code logits} float32 (B, N), one for each of the N classes of
 * {@link MistralConfig#labels}. The last token of a row is the rightmost that is not {@code
 * pad_token_id}, so a batch may be padded on either side.
 */
public final class MistralForSequenceClassification extends MistralPreTrainedModel {

    private final MistralLinear score;

    /**
     * Creates a network with uninitialized parameters.
     *
     * @param config the configuration
     * @param choice the kernels
     */
    public MistralForSequenceClassification(MistralConfig config, KernelChoice choice) {
        super(config, choice);
        score = addHead(Architecture.SEQUENCE_CLASSIFICATION);
    }

    private MistralForSequenceClassification(
            MistralForSequenceClassification base, AdapterBinding binding, OwnedManager own) {
        super(base, binding, own);
        score = addHead(Architecture.SEQUENCE_CLASSIFICATION, binding, base.score);
    }

    @Override
    public MistralForSequenceClassification withAdapter(Adapter adapter, NDManager manager) {
        return (MistralForSequenceClassification) super.withAdapter(adapter, manager);
    }

    @Override
    MistralForSequenceClassification adapted(AdapterBinding binding, OwnedManager own) {
        return new MistralForSequenceClassification(this, binding, own);
    }

    @Override
    TaskType taskType() {
        return TaskType.SEQ_CLS;
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
    public static MistralForSequenceClassification load(
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
    public static MistralForSequenceClassification of(
            MistralCheckpoint checkpoint, String source, NDManager manager, ComputeOptions options)
            throws MalformedModelException {
        return NetworkLoader.load(
                MistralForSequenceClassification::new, checkpoint, source, manager, options);
    }

    /**
     * Returns the loss to train with, {@code ForSequenceClassificationLoss} of the reference, for
     * logits (B, N). The {@code problem_type} of {@link MistralConfig#labels} decides; if it is not
     * set, one class is a regression, integers are single labels and floats are independent labels.
     *
     * <ul>
     *   <li>{@code single_label_classification}: cross entropy; labels int64 (B), each a class from
     *       0 to N-1, or -100 for a row that is ignored;
     *   <li>{@code multi_label_classification}: binary cross entropy of the logits; labels float32
     *       (B, N), 1 for each class that applies and 0 for the others;
     *   <li>{@code regression}: mean squared error; labels float32 (B, N), or (B) if N is 1.
     * </ul>
     *
     * @return a new loss, whose {@code evaluate} throws {@link IllegalArgumentException} for labels
     *     of the wrong shape or type or out of range, and if every row is ignored
     */
    public Loss loss() {
        return new SequenceClassificationLoss(config().labels());
    }

    @Override
    MistralLinear head() {
        return score;
    }

    @Override
    NDArray select(PassInput input, Kernels kernels, boolean training, NDArray x) {
        int tokens = input.tokens();
        Shape shape = x.getShape(); // (B, T, E)
        long[] rows = lastTokens(input.ids(), input.batch(), tokens);
        for (int b = 0; b < rows.length; ++b) {
            rows[b] += (long) b * tokens;
        }
        // (B) rows of (B · T, E): embedding() selects rows
        return kernels.embedding(
                HostArray.of(input.scope(), rows), x.reshape(shape.get(0) * tokens, shape.get(2)));
    }

    /**
     * Returns the index of each row's last token.
     *
     * <p>Example: with the padding id 0, rows [5, 6, 0, 0], [0, 0, 5, 6] and [0, 0, 0, 0] give 1, 3
     * and 0.
     */
    private long[] lastTokens(long @Nullable [] ids, int batch, int tokens) {
        Integer padding = config().padTokenId();
        if (padding == null && batch > 1) {
            throw new IllegalArgumentException(
                    "a batch of "
                            + batch
                            + " rows needs a padding token, and config.json has no pad_token_id:"
                            + " add it, or give one row at a time");
        }
        long[] last = new long[batch];
        for (int b = 0; b < batch; ++b) {
            int t = tokens - 1;
            while (padding != null && ids != null && t > 0 && ids[b * tokens + t] == padding) {
                --t;
            }
            last[b] = t;
        }
        return last;
    }

    @Override
    public Shape[] getOutputShapes(Shape[] inputShapes) {
        return new Shape[] {new Shape(inputShapes[0].get(0), config().labels().size())};
    }
}
