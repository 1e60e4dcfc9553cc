/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import io.github.djlmistral.engine.generation.GenerationConfig;
import java.util.Map;

/** Answers a user message if the checkpoint has a chat template, otherwise completes the text. */
final class TextTranslator extends GenerationTranslator<String, String> {

    TextTranslator(MistralPipeline pipeline, GenerationConfig.Builder options) {
        super(pipeline, options);
    }

    @Override
    GenerationRequest request(String input) {
        return request(pipeline.encode(input), null, Map.of());
    }

    @Override
    String output(GeneratedText text) {
        return text.text();
    }
}
