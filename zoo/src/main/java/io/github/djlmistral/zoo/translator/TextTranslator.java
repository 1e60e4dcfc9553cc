/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import io.github.djlmistral.engine.generation.GenerationConfig;
import java.util.Map;

/** Text to text: the answer to one question where the checkpoint chats, else what comes after. */
final class TextTranslator extends GenerationTranslator<String, String> {

    TextTranslator(MistralPipeline pipeline, GenerationConfig.Builder options) {
        super(pipeline, options);
    }

    @Override
    GenerationRequest request(String input) {
        return request(pipeline.encode(input), Map.of());
    }

    @Override
    String output(GeneratedText text) {
        return text.text();
    }
}
