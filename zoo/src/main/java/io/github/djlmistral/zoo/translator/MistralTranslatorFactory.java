/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import ai.djl.Model;
import ai.djl.modality.Classifications;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.modality.nlp.qa.QAInput;
import ai.djl.modality.nlp.translator.NamedEntity;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.translate.TranslateException;
import ai.djl.translate.Translator;
import ai.djl.translate.TranslatorFactory;
import ai.djl.util.Pair;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.zoo.chat.ChatInput;
import io.github.djlmistral.zoo.chat.ChatOutput;
import java.io.IOException;
import java.io.Serializable;
import java.io.UncheckedIOException;
import java.lang.reflect.Type;
import java.util.HashSet;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;

/**
 * Creates the translators of a Mistral model: {@code String} to {@code String}, {@link ChatInput}
 * to {@link ChatOutput}, {@link Input} to {@link Output} for DJL Serving, and {@link NDList} to
 * {@link NDList} ({@code input_ids} and optionally {@code attention_mask} and {@code position_ids}
 * in, {@code logits} out; no tokenizer is needed). The first three also stream.
 *
 * <p>Models with another head have one of these instead of the three: {@code String} to {@link
 * Classifications} (sequence classification), {@code String} to {@code NamedEntity[]} (token
 * classification) or {@link QAInput} to {@code String} (question answering).
 *
 * <p>Models of every architecture have {@code String} to {@code float[]}, embeddings as
 * sentence-transformers makes them. Arguments:
 *
 * <ul>
 *   <li>{@code pooling}: {@code last}, {@code mean} or {@code cls}; by default that of {@code
 *       modules.json}, without it {@code last};
 *   <li>{@code normalize}: whether embeddings have the length 1; by default as {@code modules.json}
 *       says, without it false;
 *   <li>{@code prompt}: put before each text, such as {@code "Instruct: Retrieve passages that
 *       answer the question\nQuery: "}; or {@code prompt_name}, to take it from {@code
 *       config_sentence_transformers.json};
 *   <li>{@code truncation}: whether texts that are too long lose their end, instead of being an
 *       error.
 * </ul>
 *
 * <p>{@code long[]} to {@code float[]} embeds token ids as they are; no tokenizer is needed.
 */
public final class MistralTranslatorFactory implements TranslatorFactory, Serializable {

    private static final long serialVersionUID = 1L;

    private static final Map<
                    Pair<Type, Type>,
                    BiFunction<MistralPipeline, GenerationConfig.Builder, Translator<?, ?>>>
            TEXTS =
                    Map.of(
                            new Pair<>(String.class, String.class), TextTranslator::new,
                            new Pair<>(ChatInput.class, ChatOutput.class), ChatTranslator::new,
                            new Pair<>(Input.class, Output.class), ServingTranslator::new);

    private static final Pair<Type, Type> ARRAYS = new Pair<>(NDList.class, NDList.class);

    /** Creates the translator of a head. */
    private interface HeadFactory {
        Translator<?, ?> create(Model model, Map<String, ?> arguments) throws IOException;
    }

    private static final Map<Pair<Type, Type>, HeadFactory> HEADS =
            Map.of(
                    new Pair<>(String.class, Classifications.class), ClassificationTranslator::new,
                    new Pair<>(String.class, NamedEntity[].class),
                            TokenClassificationTranslator::new,
                    new Pair<>(QAInput.class, String.class), QuestionAnsweringTranslator::new,
                    new Pair<>(String.class, float[].class), EmbeddingTranslator.OfText::new,
                    new Pair<>(long[].class, float[].class), EmbeddingTranslator.OfIds::new);

    @Override
    public Set<Pair<Type, Type>> getSupportedTypes() {
        Set<Pair<Type, Type>> types = new HashSet<>(TEXTS.keySet());
        types.add(ARRAYS);
        types.addAll(HEADS.keySet());
        return types;
    }

    /**
     * Creates a translator. The model stays open if that fails.
     *
     * @throws UncheckedIOException if the checkpoint's tokenizer or template cannot be read; DJL
     *     would hide a {@link TranslateException} behind "No model with the specified URI"
     * @throws IllegalArgumentException if an argument is unknown or out of range
     */
    @Override
    @SuppressWarnings("unchecked") // the keys are the types of the values
    public <I, O> Translator<I, O> newInstance(
            Class<I> input, Class<O> output, Model model, Map<String, ?> arguments)
            throws TranslateException {
        Pair<Type, Type> types = new Pair<>(input, output);
        if (types.equals(ARRAYS)) {
            return (Translator<I, O>)
                    new ArrayTranslator(ModelArguments.limits(model.getProperties(), arguments));
        }
        var factory = TEXTS.get(types);
        HeadFactory head = HEADS.get(types);
        try {
            // models whose block the application has created have not been checked yet
            ModelArguments.check(arguments);
            if (head != null) {
                return (Translator<I, O>) head.create(model, arguments);
            }
            if (factory == null) {
                throw new IllegalArgumentException(
                        "there is no translator from "
                                + input.getName()
                                + " to "
                                + output.getName());
            }
            MistralPipeline pipeline = MistralPipeline.open(model, arguments);
            try {
                GenerationConfig.Builder options = pipeline.defaults();
                ModelArguments.setOptions(options, arguments);
                options.build();
                // closed with the model, which may have several pipelines
                model.getNDManager().attachInternal(NDManager.nextUid(), pipeline);
                return (Translator<I, O>) factory.apply(pipeline, options);
            } catch (RuntimeException e) {
                pipeline.close();
                throw e;
            }
        } catch (IOException e) {
            throw new UncheckedIOException(e.getMessage(), e);
        }
    }
}
