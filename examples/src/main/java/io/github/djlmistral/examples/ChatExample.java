/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples;

import ai.djl.ModelException;
import ai.djl.inference.Predictor;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.translate.TranslateException;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.chat.ChatInput;
import io.github.djlmistral.zoo.chat.ChatOutput;
import io.github.djlmistral.zoo.chat.Message;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/**
 * A chat of two turns: messages and options in, text, finish reason and timings out.
 *
 * <pre>examples/mistral --run ChatExample</pre>
 */
public final class ChatExample {

    private ChatExample() {}

    /**
     * Runs the example.
     *
     * @param arguments none
     */
    public static void main(String[] arguments)
            throws IOException, ModelException, TranslateException {
        Map<String, Object> options = Map.of("max_new_tokens", 60, "temperature", 0.5, "seed", 1);
        List<Message> messages = new ArrayList<>();
        try (ZooModel<ChatInput, ChatOutput> model =
                        Mistral.criteria(ChatInput.class, ChatOutput.class).build().loadModel();
                Predictor<ChatInput, ChatOutput> predictor = model.newPredictor()) {
            for (String question : List.of("What is a lighthouse?", "What is a fox?")) {
                messages.add(Message.user(question));
                ChatOutput answer = predictor.predict(new ChatInput(messages, options));
                messages.add(answer.message());
                System.out.println(question + " " + answer.content());
                System.out.printf(
                        Locale.ROOT,
                        "  %d + %d tokens, ended by %s, %.0f tokens/s%n",
                        answer.promptTokens(),
                        answer.completionTokens(),
                        answer.finishReason(),
                        answer.tokensPerSecond());
            }
        }
    }
}
