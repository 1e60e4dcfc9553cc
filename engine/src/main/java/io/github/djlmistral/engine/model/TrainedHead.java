/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.internal.HostArray;
import io.github.djlmistral.engine.internal.kernels.Autograd;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The output layer in a {@link TrainingPass}, applied to a chunk of rows at a time.
 *
 * <p>The logits of the last chunk are kept for the backward pass, which begins with it; those of
 * the others are computed again. So there are never the logits of two chunks, and nothing is
 * computed again where one chunk suffices.
 */
final class TrainedHead implements PassOutput {

    private final MistralLinear layer;
    private final ForwardPass pass;
    private final long[] labels;

    /** The hidden states (n, E) without their graph. */
    private final NDArray hidden;

    private final NDManager scope;
    private final int height;
    private final boolean recorded;
    private final boolean hiddenTrained;
    private final float[] logProbabilities;
    private final float @Nullable [] meanLogProbabilities;
    private @Nullable Chunk last;

    /** Some of the rows; the arrays belong to the manager. */
    private record Chunk(NDManager own, NDArray hidden, NDArray labels, NDArray logits) {}

    /**
     * Prepares a pass.
     *
     * @param layer the output layer
     * @param pass the state of the pass
     * @param labels n token ids
     * @param hidden the hidden states that predict them, (n, E)
     * @param options the options of the pass
     * @param recorded whether there will be a backward pass
     * @param hiddenTrained whether the gradients of the hidden states are needed
     */
    TrainedHead(
            MistralLinear layer,
            ForwardPass pass,
            long[] labels,
            NDArray hidden,
            TrainingPass.Options options,
            boolean recorded,
            boolean hiddenTrained) {
        this.layer = layer;
        this.pass = pass;
        this.labels = labels;
        this.hidden = hidden.stopGradient();
        this.recorded = recorded;
        this.hiddenTrained = hiddenTrained;
        scope = hidden.getManager();
        height = Math.min(options.headRows(), labels.length);
        logProbabilities = new float[labels.length];
        meanLogProbabilities = options.meanLogProbabilities() ? new float[labels.length] : null;
    }

    /** Returns the log-probabilities. */
    @Override
    public float[] values() {
        return logProbabilities;
    }

    float @Nullable [] meanLogProbabilities() {
        return meanLogProbabilities;
    }

    /** Computes the log-probabilities. */
    void forward() {
        for (int first = 0; first < labels.length; first += height) {
            boolean kept = recorded && first + height >= labels.length;
            Chunk chunk = chunk(first, kept);
            NDList numbers =
                    Autograd.with(
                            false,
                            () ->
                                    pass.kernels()
                                            .logProbabilities(
                                                    chunk.logits(),
                                                    chunk.labels(),
                                                    meanLogProbabilities != null));
            copy(numbers.get(0), logProbabilities, first);
            if (meanLogProbabilities != null) {
                copy(numbers.get(1), meanLogProbabilities, first);
            }
            numbers.close();
            if (kept) {
                last = chunk;
            } else {
                chunk.own().close();
            }
        }
    }

    private static void copy(NDArray from, float[] to, int at) {
        float[] values = from.toFloatArray();
        System.arraycopy(values, 0, to, at, values.length);
    }

    /** Computes the logits of the rows from one on. */
    private Chunk chunk(int first, boolean graph) {
        int end = Math.min(labels.length, first + height);
        NDManager own = scope.newSubManager();
        NDArray rows = hidden.get(new NDIndex().addSliceDim(first, end));
        rows.attach(own);
        if (graph && hiddenTrained) {
            rows.setRequiresGradient(true);
        }
        Long seed = pass.dropoutSeed() == null ? null : pass.dropoutSeed() + first;
        NDArray logits =
                Autograd.with(
                        graph,
                        () -> layer.forward(pass.parameters(), true, pass.kernels(), seed, rows));
        NDArray targets = HostArray.of(own, Arrays.copyOfRange(labels, first, end));
        return new Chunk(own, rows, targets, logits);
    }

    @Override
    public @Nullable NDArray backward(float[] gradients, float @Nullable [] meanGradients) {
        NDList parts = new NDList();
        int first = (labels.length - 1) / height * height;
        for (; first >= 0; first -= height) {
            Chunk chunk = last == null ? chunk(first, true) : last;
            last = null;
            try {
                Autograd.backward(
                        chunk.logits(), logitGradients(chunk, first, gradients, meanGradients));
                if (hiddenTrained) {
                    parts.add(0, Autograd.gradient(chunk.hidden(), scope));
                }
            } finally {
                chunk.own().close();
            }
        }
        if (parts.size() < 2) {
            return parts.isEmpty() ? null : parts.get(0);
        }
        try (parts) {
            return NDArrays.concat(parts, 0);
        }
    }

    private NDArray logitGradients(
            Chunk chunk, int first, float[] gradients, float @Nullable [] meanGradients) {
        int end = Math.min(labels.length, first + height);
        return Autograd.with(
                false,
                () ->
                        pass.kernels()
                                .logProbabilityGradients(
                                        chunk.logits(),
                                        chunk.labels(),
                                        column(chunk.own(), gradients, first, end),
                                        meanGradients == null
                                                ? null
                                                : column(chunk.own(), meanGradients, first, end)));
    }

    private static NDArray column(NDManager own, float[] values, int first, int end) {
        return HostArray.of(
                own, Arrays.copyOfRange(values, first, end), new Shape((long) end - first));
    }
}
