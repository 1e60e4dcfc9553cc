/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import ai.djl.Model;
import ai.djl.inference.Predictor;
import ai.djl.translate.TranslateException;
import io.github.djlmistral.zoo.openai.EmbeddingModel;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.io.IOException;
import java.util.List;
import java.util.Map;

/**
 * Embeds texts with a loaded model of any architecture, as the translators of {@link
 * MistralTranslatorFactory} from {@code String} to {@code float[]} do.
 */
public final class TextEmbedder implements EmbeddingModel {

    private final Model model;
    private final EmbeddingTranslator.OfText texts;
    private final EmbeddingTranslator.OfIds ids;

    private TextEmbedder(Model model, Map<String, ?> arguments) throws IOException {
        this.model = model;
        texts = new EmbeddingTranslator.OfText(model, arguments);
        ids = new EmbeddingTranslator.OfIds(model, arguments);
    }

    /**
     * Opens the embedder of a loaded model.
     *
     * @param model a model of this zoo; closing it closes the embedder
     * @return the embedder, with the arguments that the model was loaded with
     * @throws IOException if the checkpoint has no tokenizer, or a file is damaged
     */
    public static TextEmbedder open(Model model) throws IOException {
        return new TextEmbedder(model, model.getProperties());
    }

    /** Returns the tokenizer, which is closed with the model. */
    public MistralTokenizer tokenizer() {
        return texts.tokenizer();
    }

    @Override
    public long[] encode(String text) {
        return texts.encode(text).ids();
    }

    @Override
    public List<float[]> embed(List<long[]> list) {
        try (Predictor<long[], float[]> predictor = model.newPredictor(ids)) {
            return predictor.batchPredict(list);
        } catch (TranslateException e) {
            if (e.getCause() instanceof RuntimeException cause) {
                throw cause;
            }
            throw new IllegalStateException(e);
        }
    }
}
