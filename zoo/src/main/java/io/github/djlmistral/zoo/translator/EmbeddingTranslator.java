/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.training.ParameterStore;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.MistralPreTrainedModel;
import io.github.djlmistral.zoo.tokenizer.EncodedText;
import java.io.IOException;
import java.util.Arrays;
import java.util.Map;

/**
 * Computes embeddings as sentence-transformers does: the last hidden state of a network with any
 * head or none, pooled over the tokens, see {@link EmbeddingSettings}.
 *
 * @param <I> {@code String}, or {@code long[]} for token ids
 */
abstract class EmbeddingTranslator<I> extends HeadTranslator<I, float[]> {

    final EmbeddingSettings settings;

    private EmbeddingTranslator(Model model, Map<String, ?> arguments, boolean tokenizes)
            throws IOException {
        super(model, MistralPreTrainedModel.class, arguments, tokenizes);
        settings =
                EmbeddingSettings.of(
                        MistralPipeline.checkpoint(model), network().config(), arguments);
    }

    /** Embeds texts. */
    static final class OfText extends EmbeddingTranslator<String> {

        OfText(Model model, Map<String, ?> arguments) throws IOException {
            super(model, arguments, true);
        }

        @Override
        EncodedText encode(String text) {
            requireText(text, "text");
            return encode(settings.prompt() + text, "text");
        }
    }

    /** Embeds token ids as they are, without a prompt; needs no tokenizer. */
    static final class OfIds extends EmbeddingTranslator<long[]> {

        OfIds(Model model, Map<String, ?> arguments) throws IOException {
            super(model, arguments, false);
        }

        @Override
        EncodedText encode(long[] ids) {
            if (ids.length == 0) {
                throw new IllegalArgumentException("there are no token ids: give at least one");
            }
            int[] none = new int[ids.length];
            Arrays.fill(none, -1);
            return new EncodedText(ids.clone(), none, none);
        }
    }

    @Override
    final int longest() {
        return settings.longest();
    }

    @Override
    final NDArray run(ParameterStore parameters, NDArray ids) {
        return network().lastHiddenState(parameters, ForwardInput.ofIds(ids), false);
    }

    @Override
    final float[] output(I input, EncodedText text, float[] states) {
        float[] embedding = settings.pooling().pool(states, network().config().hiddenSize());
        if (settings.normalizes()) {
            Pooling.normalize(embedding);
        }
        return embedding;
    }
}
