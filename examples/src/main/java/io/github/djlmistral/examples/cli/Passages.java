/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import io.github.djlmistral.zoo.chat.ChatTemplate;
import io.github.djlmistral.zoo.chat.Conversation;
import io.github.djlmistral.zoo.chat.ConversationJson;
import io.github.djlmistral.zoo.chat.EncodedConversation;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Evaluation data: a text, or conversations of which only the assistant's messages are scored.
 *
 * @param list the passages, which are independent of each other
 */
record Passages(List<Passage> list) {

    private static final Set<String> KEYS =
            Set.of("messages", "tools", "documents", "chat_template_kwargs");

    /**
     * One text or conversation.
     *
     * @param ids token IDs
     * @param counted which tokens are scored
     * @param answers the spans of the assistant's messages, none in a text
     */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Passage(long[] ids, BitSet counted, List<Span> answers) {}

    /**
     * A range of tokens.
     *
     * @param begin first token
     * @param end end, exclusive
     */
    record Span(int begin, int end) {}

    /**
     * The input of one forward pass.
     *
     * @param passage the passage
     * @param begin first token of the input
     * @param end end of the input, exclusive
     * @param counted scored tokens that no earlier window had, ascending
     */
    @SuppressWarnings("ArrayRecordComponent") // as above
    record Window(Passage passage, int begin, int end, int[] counted) {}

    /** Scores all tokens of a text but the first, which has no context. */
    static Passages text(long[] ids) {
        if (ids.length < 2) {
            throw new IllegalArgumentException("the text is too short: it has one token only");
        }
        BitSet counted = new BitSet();
        counted.set(1, ids.length);
        return new Passages(List.of(new Passage(ids, counted, List.of())));
    }

    /**
     * Parses JSONL conversations: lines {@code {"messages": [{"role": "user", "content": ".."},
     * ..]}}, optionally with {@code tools}, {@code documents} and {@code chat_template_kwargs}.
     * Other keys, which data sets often have, are ignored.
     *
     * @param lines the lines
     * @param tokenizer tokenizer of the model
     * @param template chat template of the model
     * @return one passage per conversation
     */
    static Passages conversations(
            List<String> lines, MistralTokenizer tokenizer, ChatTemplate template) {
        List<Passage> list = new ArrayList<>();
        for (int i = 0; i < lines.size(); ++i) {
            if (lines.get(i).isBlank()) {
                continue;
            }
            try {
                list.add(passage(conversation(lines.get(i)), tokenizer, template));
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException("line " + (i + 1) + ": " + e.getMessage(), e);
            }
        }
        if (list.isEmpty()) {
            throw new IllegalArgumentException("there is no conversation in the file");
        }
        return new Passages(list);
    }

    private static Conversation conversation(String line) {
        Map<String, @Nullable Object> fields = ConversationJson.object(line);
        fields.keySet().retainAll(KEYS);
        return ConversationJson.conversation(fields);
    }

    private static Passage passage(
            Conversation conversation, MistralTokenizer tokenizer, ChatTemplate template) {
        EncodedConversation encoded = template.encodeWithAnswers(tokenizer, conversation);
        BitSet counted = new BitSet();
        for (int i = 0; i < encoded.answer().length; ++i) {
            counted.set(i, encoded.answer()[i]);
        }
        if (counted.isEmpty()) {
            throw new IllegalArgumentException("no message has the role \"assistant\"");
        }
        List<Span> answers = new ArrayList<>();
        for (int begin = counted.nextSetBit(0); begin >= 0; ) {
            int end = counted.nextClearBit(begin);
            answers.add(new Span(begin, end));
            begin = counted.nextSetBit(end);
        }
        return new Passage(encoded.ids(), counted, answers);
    }

    /** Returns the number of tokens. */
    int tokens() {
        return list.stream().mapToInt(passage -> passage.ids().length).sum();
    }

    /** Returns the number of the assistant's messages; 0 for a text. */
    int answers() {
        return list.stream().mapToInt(passage -> passage.answers().size()).sum();
    }

    /**
     * Slides a window over each passage.
     *
     * @param size tokens of a window
     * @param stride tokens between the beginnings of two windows
     * @return the windows with scored tokens
     */
    List<Window> windows(int size, int stride) {
        List<Window> windows = new ArrayList<>();
        for (Passage passage : list) {
            int length = passage.ids().length;
            int seen = 0;
            for (int begin = 0; seen < length; begin += stride) {
                int end = Math.min(begin + size, length);
                // the first token of a window has no context
                int first = Math.max(seen, begin + 1);
                int[] counted =
                        passage.counted().stream().filter(i -> i >= first && i < end).toArray();
                if (counted.length > 0) {
                    windows.add(new Window(passage, begin, end, counted));
                }
                seen = end;
            }
        }
        return windows;
    }
}
