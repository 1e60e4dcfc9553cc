/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.inference.Predictor;
import ai.djl.inference.streaming.StreamingTranslator.StreamOutput;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.training.Trainer;
import ai.djl.training.TrainingConfig;
import ai.djl.translate.TranslateException;
import ai.djl.translate.Translator;
import io.github.djlmistral.engine.internal.CloseGate;
import io.github.djlmistral.engine.kernels.DjlEngine;
import io.github.djlmistral.engine.model.MistralPreTrainedModel;
import io.github.djlmistral.engine.weights.Dtype;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A model that may be closed while other threads predict. {@link #close} waits for the forward
 * passes in progress, ends predictions with an {@link IllegalStateException}, and then frees
 * memory. DJL's own models free arrays of the application that a forward pass is still reading.
 *
 * <p>The exceptions of closed models and predictors name the remedy, instead of "NDManager has been
 * closed already".
 *
 * <p>Extends {@link ZooModel} because that delegates to a wrapped model. Applications get another
 * {@link ZooModel}, which wraps this one and has the translator.
 */
final class GatedModel extends ZooModel<Object, Object> {

    /** Open as long as predictors use arrays of the model's managers. */
    private final CloseGate gate = new CloseGate(this::closedMessage, super::close);

    GatedModel(Model model) {
        super(model, null);
    }

    /** Loads the wrapped model: this wrapper is created before the model is loaded. */
    @Override
    public void load(Path modelPath, @Nullable String prefix, @Nullable Map<String, ?> options) {
        try {
            getWrappedModel().load(modelPath, prefix, options);
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        } catch (MalformedModelException e) {
            throw new IllegalArgumentException(e.getMessage(), e);
        }
    }

    @Override
    public <P, Q> Predictor<P, Q> newPredictor(Translator<P, Q> translator, Device device) {
        gate.enter();
        try {
            return new ClosablePredictor<>(this, translator, device);
        } finally {
            gate.exit();
        }
    }

    /**
     * Creates a trainer of the parameters that are unfrozen. DJL would unfreeze all parameters of a
     * loaded model.
     *
     * @throws UnsupportedOperationException if the engine computes no gradients
     * @throws IllegalArgumentException if the parameters are not float32: DJL's optimizers fail on
     *     bfloat16, and gradients underflow in float16
     */
    @Override
    public Trainer newTrainer(TrainingConfig trainingConfig) {
        DjlEngine.of(getNDManager()).requireGradients();
        if (getBlock() instanceof MistralPreTrainedModel network
                && network.kernels().dtype() != Dtype.FLOAT32) {
            throw new IllegalArgumentException(
                    "DJL trains parameters of float32, those of "
                            + getName()
                            + " are "
                            + network.kernels().dtype()
                            + ": load it with optArgument(\"dtype\", \"float32\")");
        }
        getWrappedModel().setBlock(getBlock()); // counts as not loaded
        return super.newTrainer(trainingConfig);
    }

    private String closedMessage() {
        return "the model " + getName() + " is closed: load it again";
    }

    /**
     * Closes the model after the forward passes in progress; predictions end at their next token.
     * If called within a prediction, it returns immediately, and the memory is freed when that
     * prediction ends.
     */
    @Override
    public void close() {
        if (getBlock() instanceof MistralPreTrainedModel network
                && network.isClosedWith(getNDManager())) {
            network.close(); // first, so that predictions end at their next token
        }
        gate.close();
    }

    /** A predictor that reports whether it or its model is closed. */
    private static final class ClosablePredictor<P, Q> extends Predictor<P, Q> {

        private final GatedModel owner;
        private volatile boolean closed;

        ClosablePredictor(GatedModel owner, Translator<P, Q> translator, Device device) {
            super(owner.getWrappedModel(), translator, device, false);
            this.owner = owner;
        }

        private void enter() {
            owner.gate.enter();
            if (closed) {
                owner.gate.exit();
                throw new IllegalStateException(
                        "this predictor is closed: make another one with model.newPredictor()");
            }
        }

        /** Replaces the exception of a prediction that ended because the model was closed. */
        private TranslateException explained(TranslateException e) {
            if (owner.gate.isClosed()) {
                throw new IllegalStateException(owner.closedMessage(), e);
            }
            return e;
        }

        @Override
        public List<Q> batchPredict(List<P> inputs) throws TranslateException {
            enter();
            try {
                return super.batchPredict(inputs);
            } catch (TranslateException e) {
                throw explained(e);
            } finally {
                owner.gate.exit();
            }
        }

        @Override
        public StreamOutput<Q> streamingPredict(P input) throws TranslateException {
            enter();
            try {
                return super.streamingPredict(input);
            } catch (TranslateException e) {
                throw explained(e);
            } finally {
                owner.gate.exit();
            }
        }

        @Override
        public void close() {
            closed = true;
            super.close();
        }
    }
}
