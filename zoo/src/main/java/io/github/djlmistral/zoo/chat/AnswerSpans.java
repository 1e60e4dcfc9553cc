/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.zoo.tokenizer.EncodedText;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * Where the assistant's messages are in a rendered conversation.
 *
 * <p>A message begins where the conversation before it ends, rendered with the generation prompt:
 * there a model begins to write. It ends where the conversation up to it ends, without the white
 * space that a template writes behind the token that ends the message. For example, the message
 * "Hello" of
 *
 * <pre>{@code
 * <s>[INST] Hi [/INST]Hello</s> [INST] And you? [/INST]Fine</s>
 * }</pre>
 *
 * <p>is {@code Hello</s>}.
 */
final class AnswerSpans {

    /** A range of characters. */
    private record Span(int begin, int end) {}

    private final List<Span> spans = new ArrayList<>();

    /**
     * Finds the messages.
     *
     * @param conversation the conversation, neither continued nor with a generation prompt
     * @param text its text
     * @param render renders the beginnings of the conversation
     * @throws IllegalArgumentException if a beginning is rendered differently when more follows
     */
    AnswerSpans(Conversation conversation, String text, Function<Conversation, String> render) {
        List<Message> messages = conversation.messages();
        for (int i = 0; i < messages.size(); i++) {
            if (!messages.get(i).role().equals("assistant")) {
                continue;
            }
            int begin = 0;
            if (i > 0) {
                Conversation before = first(conversation, i).withGenerationPrompt(true);
                begin = length(render.apply(before), text, i, " and the generation prompt");
            }
            int end = length(render.apply(first(conversation, i + 1)), text, i + 1, "");
            while (end > begin && Character.isWhitespace(text.charAt(end - 1))) {
                end--;
            }
            spans.add(new Span(begin, end));
        }
    }

    private static Conversation first(Conversation conversation, int count) {
        return conversation.withMessages(conversation.messages().subList(0, count));
    }

    private static int length(String beginning, String text, int count, String more) {
        if (text.startsWith(beginning)) {
            return beginning.length();
        }
        int same = 0;
        while (same < Math.min(beginning.length(), text.length())
                && beginning.charAt(same) == text.charAt(same)) {
            same++;
        }
        throw new IllegalArgumentException(
                "the tokens of the assistant cannot be told from the others: the chat template"
                        + " renders the first "
                        + count
                        + (count == 1 ? " message" : " messages")
                        + more
                        + " differently when other messages follow, from "
                        + Quote.of(beginning.substring(same))
                        + " on");
    }

    /**
     * Returns which tokens have a character of an assistant's message, as transformers' {@code
     * return_assistant_tokens_mask} does for templates that mark these messages.
     */
    boolean[] mask(EncodedText encoded) {
        boolean[] mask = new boolean[encoded.ids().length];
        int token = 0;
        for (Span span : spans) {
            while (token < mask.length && encoded.ends()[token] <= span.begin()) {
                token++;
            }
            while (token < mask.length && encoded.starts()[token] < span.end()) {
                mask[token++] = true;
            }
        }
        return mask;
    }
}
