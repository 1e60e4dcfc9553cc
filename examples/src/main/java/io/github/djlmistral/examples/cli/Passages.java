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
 * What a model is to foretell: a text, or conversations of which only the answers count, as only
 * they are the model's.
 *
 * @param list the passages; nothing goes over from one to the next
 */
record Passages(List<Passage> list) {

    /**
     * Tokens that belong together.
     *
     * @param ids the tokens
     * @param counted which of them count
     * @param answers the parts of it that are answers, none in a text
     */
    @SuppressWarnings("ArrayRecordComponent") // nobody compares passages
    record Passage(long[] ids, BitSet counted, List<Span> answers) {}

    /**
     * Neighbouring tokens.
     *
     * @param begin the first
     * @param end the one behind the last
     */
    record Span(int begin, int end) {}

    /**
     * A pass of the network.
     *
     * @param passage the tokens it is a part of
     * @param begin the first token that the network sees
     * @param end the one behind the last
     * @param counted the tokens that count and that no earlier window had, ascending
     */
    @SuppressWarnings("ArrayRecordComponent") // as above
    record Window(Passage passage, int begin, int end, int[] counted) {}

    /** A line of a file of conversations. */
    private record Line(@Nullable List<Turn> messages) {}

    private record Turn(@Nullable String role, @Nullable String content) {}

    /** All of a text counts but its first token, which nothing foretells. */
    static Passages text(long[] ids) {
        if (ids.length < 2) {
            throw new IllegalArgumentException("the text is too short: it has one token only");
        }
        BitSet counted = new BitSet();
        counted.set(1, ids.length);
        return new Passages(List.of(new Passage(ids, counted, List.of())));
    }

    /**
     * Reads conversations, {@code {"messages": [{"role": "user", "content": ".."}, ..]}} on a line
     * each.
     *
     * @param lines the file
     * @param tokenizer the model's
     * @param template the model's
     * @return a passage for each
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
                                "a message lacks its \"role\" or its \"content\"");
                    }
                    messages.add(new Message(turn.role(), turn.content()));
                }
                return messages;
            }
        } catch (JsonParseException e) {
            throw new IllegalArgumentException("it is no JSON object: " + e.getMessage(), e);
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
                            "the chat template writes earlier messages differently when later ones"
                                    + " follow: give conversations of one question and one answer");
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

    /** Returns the number of answers; 0 says that this is a text. */
    int answers() {
        return list.stream().mapToInt(passage -> passage.answers().size()).sum();
    }

    /**
     * Moves a window over each passage.
     *
     * @param size how many tokens it has
     * @param stride how many it moves on
     * @return the windows with tokens that count
     */
    List<Window> windows(int size, int stride) {
        List<Window> windows = new ArrayList<>();
        for (Passage passage : list) {
            int length = passage.ids().length;
            int seen = 0;
            for (int begin = 0; seen < length; begin += stride) {
                int end = Math.min(begin + size, length);
                // a window's first has nothing before it
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
