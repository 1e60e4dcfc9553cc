/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import com.google.gson.Gson;
import com.google.gson.JsonParseException;
import io.github.djlmistral.zoo.chat.ChatTemplate;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Evaluation data: a text, or conversations of which only the assistant's messages are scored.
 *
 * @param list the passages, which are independent of each other
 */
record Passages(List<Passage> list) {

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

    /** A line of a JSONL file. */
    private record Line(@Nullable List<Turn> messages) {}

    private record Turn(@Nullable String role, @Nullable String content) {}

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
     * ..]}}.
     *
     * @param lines the lines
     * @param tokenizer tokenizer of the model
     * @param template chat template of the model
     * @return one passage per conversation
     */
    static Passages conversations(
            List<String> lines, MistralTokenizer tokenizer, ChatTemplate template) {
        List<Passage> list = new ArrayList<>();
        Gson gson = new Gson();
        for (int i = 0; i < lines.size(); ++i) {
            if (lines.get(i).isBlank()) {
                continue;
            }
            try {
                list.add(conversation(messages(gson, lines.get(i)), tokenizer, template));
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException("line " + (i + 1) + ": " + e.getMessage(), e);
            }
        }
        if (list.isEmpty()) {
            throw new IllegalArgumentException("there is no conversation in the file");
        }
        return new Passages(list);
    }

    private static List<Message> messages(Gson gson, String text) {
        try {
            Line line = gson.fromJson(text, Line.class);
            if (line != null && line.messages() != null) {
                List<Message> messages = new ArrayList<>();
                for (Turn turn : line.messages()) {
                    if (turn == null || turn.role() == null || turn.content() == null) {
                        throw new IllegalArgumentException(
                                "a message lacks \"role\" or \"content\"");
                    }
                    messages.add(new Message(turn.role(), turn.content()));
                }
                return messages;
            }
        } catch (JsonParseException e) {
            throw new IllegalArgumentException("it is not a JSON object: " + e.getMessage(), e);
        }
        throw new IllegalArgumentException(
                "it has no \"messages\": a line is {\"messages\": [{\"role\": \"user\","
                        + " \"content\": \"..\"}, {\"role\": \"assistant\", ..}]}");
    }

    private static Passage conversation(
            List<Message> messages, MistralTokenizer tokenizer, ChatTemplate template) {
        long[] ids = template.encode(tokenizer, messages, false);
        BitSet counted = new BitSet();
        List<Span> answers = new ArrayList<>();
        for (int i = 0; i < messages.size(); ++i) {
            if (messages.get(i).role().equals("assistant")) {
                long[] before = template.encode(tokenizer, messages.subList(0, i), true);
                long[] after = template.encode(tokenizer, messages.subList(0, i + 1), false);
                if (!startsWith(ids, before) || !startsWith(ids, after)) {
                    throw new IllegalArgumentException(
                            "the chat template renders earlier messages differently when later"
                                    + " ones follow: use conversations of one question and one"
                                    + " answer");
                }
                answers.add(new Span(before.length, after.length));
                counted.set(before.length, after.length);
            }
        }
        if (answers.isEmpty()) {
            throw new IllegalArgumentException("no message is of the role \"assistant\"");
        }
        return new Passage(ids, counted, answers);
    }

    private static boolean startsWith(long[] ids, long[] prefix) {
        return ids.length >= prefix.length
                && Arrays.equals(ids, 0, prefix.length, prefix, 0, prefix.length);
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
