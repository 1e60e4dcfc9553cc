/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.inference.Predictor;
import ai.djl.inference.streaming.StreamingTranslator.StreamOutput;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.TranslateException;
import ai.djl.translate.Translator;
import io.github.djlmistral.engine.internal.CloseGate;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A model that may be closed while other threads predict: closing waits for the passes through the
 * network that are under way, predictions then end with an exception, and only after that memory is
 * freed. DJL's own models free the arrays of the application under a pass that reads them.
 *
 * <p>Predictors say what was closed and what to do, where DJL's own say "NDManager has been closed
 * already".
 *
 * <p>A {@link ZooModel} because that forwards to the wrapped model; the one that applications get
 * wraps this one and has the translator.
 */
final class GatedModel extends ZooModel<Object, Object> {

    /** Open as long as predictors use arrays of the model's managers. */
    private final CloseGate gate = new CloseGate(this::closedMessage, super::close);

    GatedModel(Model model) {
        super(model, null);
    }

    /** Loads the wrapped model: this one is made before that. */
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

    private String closedMessage() {
        return "the model " + getName() + " is closed: load it again";
    }

    /**
     * Closes the model, once the passes under way have ended; a prediction ends at its next token.
     * Called from within a prediction, it returns at once and the end of that prediction frees the
     * memory.
     */
    @Override
    public void close() {
        if (getBlock() instanceof MistralForCausalLM network
                && network.isClosedWith(getNDManager())) {
            network.close(); // first, so that predictions end at their next token
        }
        gate.close();
    }

    /** A predictor that knows whether it is open. */
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

        /** What ended because the model was closed says so, in whatever step it was. */
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
