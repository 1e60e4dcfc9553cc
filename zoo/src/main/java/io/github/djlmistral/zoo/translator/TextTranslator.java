/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import ai.djl.translate.TranslatorContext;
import io.github.djlmistral.engine.generation.GenerationConfig;
import java.util.List;
import java.util.Map;

/** Answers a user message if the checkpoint has a chat template, otherwise completes the text. */
final class TextTranslator extends GenerationTranslator<String, String> {

    TextTranslator(MistralPipeline pipeline, GenerationConfig.Builder options) {
        super(pipeline, options);
    }

    @Override
    List<GenerationRequest> requests(TranslatorContext ctx, List<String> inputs) {
        return inputs.stream().map(this::request).toList();
    }

    private GenerationRequest request(String input) {
        return request(pipeline.encode(input), null, Map.of());
    }

    @Override
    String output(GeneratedText text) {
        return text.text();
    }
}
