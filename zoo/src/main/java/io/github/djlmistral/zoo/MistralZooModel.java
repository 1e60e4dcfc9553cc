/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.inference.Predictor;
import ai.djl.inference.streaming.StreamingTranslator.StreamOutput;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.TranslateException;
import ai.djl.translate.Translator;
import java.util.List;

/**
 * A loaded model whose predictors say what was closed and what to do, where DJL's own say
 * "NDManager has been closed already".
 *
 * @param <I> what the application gives
 * @param <O> what it gets
 */
final class MistralZooModel<I, O> extends ZooModel<I, O> {

    private volatile boolean closed;

    MistralZooModel(Model model, Translator<I, O> translator) {
        super(model, translator);
    }

    @Override
    public Predictor<I, O> newPredictor(Device device) {
        return newPredictor(getTranslator(), device);
    }

    @Override
    public <P, Q> Predictor<P, Q> newPredictor(Translator<P, Q> translator, Device device) {
        requireOpen();
        return new ClosablePredictor<>(this, translator, device);
    }

    private void requireOpen() {
        if (closed) {
            throw new IllegalStateException("the model " + getName() + " is closed: load it again");
        }
    }

    @Override
    public void close() {
        closed = true;
        super.close();
    }

    /** A predictor that knows whether it is open. */
    private static final class ClosablePredictor<P, Q> extends Predictor<P, Q> {

        private final MistralZooModel<?, ?> owner;
        private volatile boolean closed;

        ClosablePredictor(MistralZooModel<?, ?> owner, Translator<P, Q> translator, Device device) {
            super(owner.getWrappedModel(), translator, device, false);
            this.owner = owner;
        }

        private void requireOpen() {
            owner.requireOpen();
            if (closed) {
                throw new IllegalStateException(
                        "this predictor is closed: make another one with model.newPredictor()");
            }
        }

        @Override
        public List<Q> batchPredict(List<P> inputs) throws TranslateException {
            requireOpen();
            return super.batchPredict(inputs);
        }

        @Override
        public StreamOutput<Q> streamingPredict(P input) throws TranslateException {
            requireOpen();
            return super.streamingPredict(input);
        }

        @Override
        public void close() {
            closed = true;
            super.close();
        }
    }
}
