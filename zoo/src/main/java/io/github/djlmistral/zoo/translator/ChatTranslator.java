/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import ai.djl.translate.TranslatorContext;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.zoo.chat.ChatInput;
import io.github.djlmistral.zoo.chat.ChatOutput;
import io.github.djlmistral.zoo.chat.Conversation;
import java.util.List;

/** Generates the next message of a conversation. */
final class ChatTranslator extends GenerationTranslator<ChatInput, ChatOutput> {

    ChatTranslator(MistralPipeline pipeline, GenerationConfig.Builder options) {
        super(pipeline, options);
    }

    @Override
    List<GenerationRequest> requests(TranslatorContext ctx, List<ChatInput> inputs) {
        return inputs.stream().map(this::request).toList();
    }

    private GenerationRequest request(ChatInput input) {
        Conversation conversation = input.conversation();
        return request(pipeline.encode(conversation), conversation, input.options());
    }

    @Override
    ChatOutput output(GeneratedText text) {
        return new ChatOutput(
                text.text(),
                text.toolCalls(),
                text.finishReason(),
                text.sequence().promptLength(),
                text.sequence().generatedLength(),
                text.result().timeToFirstToken(),
                text.result().decodeTokensPerSecond());
    }
}
