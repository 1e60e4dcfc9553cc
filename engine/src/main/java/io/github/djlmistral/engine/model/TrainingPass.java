/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.nn.Parameter;
import io.github.djlmistral.engine.internal.OwnedManager;
import io.github.djlmistral.engine.internal.UnfrozenParameters;
import io.github.djlmistral.engine.internal.kernels.Autograd;
import io.github.djlmistral.engine.kernels.DjlEngine;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.weights.SourceFiles;
import java.io.UncheckedIOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A forward and a backward pass over packed sequences: the log-probabilities of the tokens that
 * count, or the logits of a classification head, and the gradients of a function of them.
 *
 * <p>The tokens of all sequences follow each other without padding. Attention does not cross the
 * borders of sequences, and positions begin again at each, so the result is that of separate
 * passes. The output layer is applied to the rows that predict a token that counts and to no other,
 * a chunk of rows at a time, and the gradient of its logits is computed in closed form: no array of
 * (tokens, vocabulary) is kept.
 *
 * <pre>{@code
 * TrainingPass.zeroGradients(network);
 * try (TrainingPass pass = TrainingPass.forward(network, manager, sequences, Options.DEFAULT)) {
 *     float[] gradients = new float[pass.logProbabilities().length];
 *     Arrays.fill(gradients, -1f / gradients.length); // of the mean of -log p
 *     pass.backward(gradients, null);
 * }
 * Map<String, NDArray> gradients = TrainingPass.gradients(network, manager);
 * }</pre>
 *
 * <p>A classification head is applied to the last token of each sequence ({@link
 * MistralForSequenceClassification}), or to all tokens with a label ({@link
 * MistralForTokenClassification}); {@link #backward} takes the derivatives with respect to its
 * {@link #logits}.
 *
 * <p>Passes of several networks, or views of one network with different adapters, may run at the
 * same time on different threads. A pass is for one thread at a time, which is a platform thread:
 * PyTorch keeps its gradient mode for each of them.
 */
public final class TrainingPass implements AutoCloseable {

    private final OwnedManager owned;
    private final Runnable release;
    private final boolean recorded;
    private final @Nullable TrainedBackbone backbone;
    private final @Nullable PassOutput output;
    private final boolean classifies;
    private boolean finished;
    private boolean closed;

    /**
     * How a pass is computed.
     *
     * @param gradientCheckpointing whether only the input of each layer is kept for the backward
     *     pass, and the layer is computed again there (Chen et al. 2016). Less memory for about a
     *     third more time; the gradients are the same. Networks with quantized layers are computed
     *     this way in any case: otherwise all their unpacked weights would be kept.
     * @param headRows the number of rows that the output layer is applied to at a time, positive. A
     *     chunk takes about {@code 12 · headRows · vocabulary} bytes.
     * @param neftuneNoiseAlpha α of NEFTune (Jain et al. 2023): noise from the uniform distribution
     *     over ±α/√(L·E) is added to the embeddings, for a sequence of L tokens and hidden size E;
     *     0 for none
     * @param seed determines the noise, and which inputs of an adapter are dropped; null for
     *     neither noise nor dropout
     * @param meanLogProbabilities whether {@link #meanLogProbabilities} are computed, which label
     *     smoothing needs
     */
    public record Options(
            boolean gradientCheckpointing,
            int headRows,
            double neftuneNoiseAlpha,
            @Nullable Long seed,
            boolean meanLogProbabilities) {

        /** No checkpointing, chunks of 512 rows, neither noise nor dropout nor means. */
        public static final Options DEFAULT = new Options(false, 512, 0, null, false);

        /**
         * Checks the options.
         *
         * @throws IllegalArgumentException if one is out of its range, or there is noise but no
         *     seed
         */
        public Options {
            if (headRows < 1) {
                throw new IllegalArgumentException(
                        "the output layer is applied to " + headRows + " rows, must be positive");
            }
            if (!(neftuneNoiseAlpha >= 0 && neftuneNoiseAlpha < Double.POSITIVE_INFINITY)) {
                throw new IllegalArgumentException(
                        "neftune_noise_alpha is "
                                + neftuneNoiseAlpha
                                + ", must be 0 or a positive number");
            }
            if (neftuneNoiseAlpha > 0 && seed == null) {
                throw new IllegalArgumentException(
                        "neftune_noise_alpha needs a seed, which determines the noise");
            }
        }

        /** Returns these options with checkpointing on or off. */
        public Options withGradientCheckpointing(boolean on) {
            return new Options(on, headRows, neftuneNoiseAlpha, seed, meanLogProbabilities);
        }

        /** Returns these options with another number of rows. */
        public Options withHeadRows(int rows) {
            return new Options(
                    gradientCheckpointing, rows, neftuneNoiseAlpha, seed, meanLogProbabilities);
        }

        /** Returns these options with noise and dropout. */
        public Options withNoise(double alpha, @Nullable Long noiseSeed) {
            return new Options(
                    gradientCheckpointing, headRows, alpha, noiseSeed, meanLogProbabilities);
        }

        /** Returns these options with or without means. */
        public Options withMeanLogProbabilities(boolean on) {
            return new Options(gradientCheckpointing, headRows, neftuneNoiseAlpha, seed, on);
        }
    }

    private TrainingPass(
            MistralPreTrainedModel network,
            NDManager parent,
            List<TrainingSequence> sequences,
            Options options,
            boolean recorded) {
        this.recorded = recorded;
        classifies = !(network instanceof MistralForCausalLM);
        if (!DjlEngine.of(parent).runsTorchScript()) {
            throw new UnsupportedOperationException(
                    "training passes run on DJL's PyTorch engine: load the network with"
                            + " optEngine(\"PyTorch\")");
        }
        network.gate.enter();
        try {
            owned = new OwnedManager(parent, "training-pass");
            release = network.gate.hold();
            try {
                PassInput input = PassInput.of(sequences, network.config(), owned.manager());
                CountedTokens counted = CountedTokens.of(sequences, network);
                network.beginTrainingPass(recorded);
                if (counted.rows().length == 0) {
                    backbone = null;
                    output = null;
                } else {
                    backbone =
                            new TrainedBackbone(
                                    network.model, input, counted.rows(), options, recorded);
                    output = PassOutput.of(network, backbone, counted, options, recorded);
                }
                owned.closeWithParent(this);
            } catch (RuntimeException | Error e) {
                close();
                throw e;
            }
        } finally {
            network.gate.exit();
        }
    }

    /**
     * Computes the log-probabilities or logits, with a {@link #backward} pass to follow.
     *
     * @param network the network; its unfrozen parameters get gradients
     * @param manager the manager that closes the pass with itself
     * @param sequences the sequences, each of which has at least one token
     * @param options how it is computed
     * @return the pass, to be closed
     * @throws IllegalArgumentException if there are no sequences, a token id is outside of the
     *     vocabulary, a label is neither a token id nor {@link TrainingSequence#IGNORED}, there are
     *     not as many labels as tokens, attention is bidirectional, or the network is neither a
     *     causal language model nor a classifier
     * @throws IllegalStateException if the network or the manager is closed, or no parameter of the
     *     network is unfrozen
     * @throws UnsupportedOperationException if the engine is not PyTorch, or the kernels compute no
     *     gradients
     * @throws UncheckedIOException if a file that weights are mapped from was changed, see {@link
     *     SourceFiles#check}
     */
    public static TrainingPass forward(
            MistralPreTrainedModel network,
            NDManager manager,
            List<TrainingSequence> sequences,
            Options options) {
        UnfrozenParameters.of(network.namedParameters());
        return new TrainingPass(network, manager, sequences, options, true);
    }

    /**
     * Computes the log-probabilities or logits without a backward pass, for evaluation. They equal
     * those of {@link #forward}, bit for bit without noise and dropout.
     *
     * @param network the network
     * @param manager the manager that closes the pass with itself
     * @param sequences as above
     * @param options how it is computed; checkpointing has no effect
     * @return the pass, to be closed
     * @throws IllegalArgumentException as above
     * @throws IllegalStateException if the network or the manager is closed
     * @throws UnsupportedOperationException as above
     * @throws UncheckedIOException as above
     */
    public static TrainingPass evaluate(
            MistralPreTrainedModel network,
            NDManager manager,
            List<TrainingSequence> sequences,
            Options options) {
        return new TrainingPass(network, manager, sequences, options, false);
    }

    /**
     * Computes the log-probabilities of the tokens that count, see {@link #evaluate}.
     *
     * @param network the network
     * @param manager a manager on its device
     * @param sequences as above
     * @return natural logarithms, in the order of the tokens
     */
    public static float[] logProbabilities(
            MistralPreTrainedModel network, NDManager manager, List<TrainingSequence> sequences) {
        try (TrainingPass pass = evaluate(network, manager, sequences, Options.DEFAULT)) {
            return pass.logProbabilities();
        }
    }

    /**
     * Returns the log-probabilities of the tokens that count, given the tokens before them: those
     * with a label other than {@link TrainingSequence#IGNORED}, except the first of each sequence.
     *
     * @return natural logarithms, computed in float32, in the order of the tokens
     * @throws IllegalStateException if the network has a classification head
     */
    public float[] logProbabilities() {
        requireHead(false);
        return output == null ? new float[0] : output.values().clone();
    }

    /**
     * Returns the logits of a classification head.
     *
     * @return float32 (n, N), one row after the other: N logits for each sequence, or for each
     *     token with a label other than {@link TrainingSequence#IGNORED}
     * @throws IllegalStateException if the network is a causal language model
     */
    public float[] logits() {
        requireHead(true);
        return output == null ? new float[0] : output.values().clone();
    }

    private void requireHead(boolean wanted) {
        if (classifies != wanted) {
            throw new IllegalStateException(
                    wanted
                            ? "a causal language model has logProbabilities(), its logits are not"
                                    + " kept"
                            : "a classification head has logits(), not log-probabilities of"
                                    + " tokens");
        }
    }

    /**
     * Returns the mean of the log-probabilities of all tokens of the vocabulary, at the places of
     * {@link #logProbabilities}.
     *
     * @return natural logarithms, computed in float32
     * @throws IllegalStateException if the options did not ask for them, or the network has a
     *     classification head
     */
    public float[] meanLogProbabilities() {
        requireHead(false);
        if (output == null) {
            return new float[0];
        }
        float[] means = output instanceof TrainedHead head ? head.meanLogProbabilities() : null;
        if (means == null) {
            throw new IllegalStateException(
                    "the options of the pass do not ask for the mean log-probabilities: set"
                            + " meanLogProbabilities");
        }
        return means.clone();
    }

    /**
     * Adds the gradients of a loss to those of the unfrozen parameters. A pass has one backward
     * pass, which frees what was kept for it.
     *
     * @param gradients the derivative of the loss with respect to each of {@link
     *     #logProbabilities}, or of {@link #logits}
     * @param meanGradients the derivative with respect to each of {@link #meanLogProbabilities}; or
     *     null for zeros
     * @throws IllegalArgumentException if there are not as many as log-probabilities or logits
     * @throws IllegalStateException if the pass is one of {@link #evaluate}, had its backward pass,
     *     or is closed
     */
    public void backward(float[] gradients, float @Nullable [] meanGradients) {
        if (!recorded || finished) {
            throw new IllegalStateException(
                    recorded
                            ? "the training pass is closed, or had its backward pass: run another"
                                    + " one"
                            : "evaluate(..) keeps nothing for a backward pass: call forward(..)");
        }
        int expected = output == null ? 0 : output.values().length;
        requireLength("gradients", gradients, expected);
        requireLength("mean gradients", meanGradients, expected);
        finished = true;
        if (output != null && backbone != null) {
            NDArray upstream = output.backward(gradients, meanGradients);
            if (upstream != null) {
                backbone.backward(upstream);
            }
        }
    }

    private void requireLength(String name, float @Nullable [] values, int expected) {
        if (values != null && values.length != expected) {
            throw new IllegalArgumentException(
                    values.length
                            + " "
                            + name
                            + " are given, but the pass has "
                            + expected
                            + (classifies ? " logits" : " tokens that count"));
        }
    }

    /** Frees what the pass has allocated; the gradients of the parameters remain. */
    @Override
    public void close() {
        if (!closed) {
            closed = true;
            finished = true;
            owned.close();
            release.run();
        }
    }

    /**
     * Sets the gradients of all unfrozen parameters to zero.
     *
     * @param network the network
     */
    public static void zeroGradients(MistralPreTrainedModel network) {
        network.gate.enter();
        try {
            for (Parameter parameter : network.namedParameters().values()) {
                if (parameter.requiresGradient()) {
                    Autograd.zeroGradient(parameter.getArray());
                }
            }
        } finally {
            network.gate.exit();
        }
    }

    /**
     * Returns the gradients of all unfrozen parameters by their names, see {@link
     * MistralForCausalLM#namedParameters}. Those of float32 parameters share the memory into which
     * later passes add, so they can be scaled in place; others are copies.
     *
     * @param network the network
     * @param manager the manager of the result, on the device of the network
     * @return float32 arrays of the shapes of the parameters; zeros for those that no pass has
     *     reached
     */
    public static Map<String, NDArray> gradients(
            MistralPreTrainedModel network, NDManager manager) {
        Kernels kernels = network.kernels().training();
        Map<String, NDArray> gradients = new LinkedHashMap<>();
        network.gate.enter();
        try {
            network.namedParameters()
                    .forEach(
                            (name, parameter) -> {
                                if (parameter.requiresGradient()) {
                                    NDArray gradient =
                                            Autograd.gradient(parameter.getArray(), manager);
                                    gradients.put(name, float32(kernels, gradient));
                                }
                            });
            return gradients;
        } finally {
            network.gate.exit();
        }
    }

    private static NDArray float32(Kernels kernels, NDArray gradient) {
        if (gradient.getDataType() == DataType.FLOAT32) {
            return gradient;
        }
        try (gradient) {
            return kernels.toFloat32(gradient);
        }
    }
}
