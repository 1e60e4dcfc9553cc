/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.training;

import io.github.djlmistral.engine.model.TrainingSequence;
import io.github.djlmistral.zoo.chat.Conversation;
import io.github.djlmistral.zoo.chat.EncodedConversation;
import io.github.djlmistral.zoo.chat.Message;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Converts records of supervised fine-tuning, as trl's {@code SFTTrainer} does. A record has one of
 * these forms, the first that fits; other keys are ignored:
 *
 * <ul>
 *   <li>{@code {"input_ids": [..], "labels": [..]}}: token ids; a label of -100 does not count;
 *       without {@code labels}, all tokens count
 *   <li>{@code {"prompt": .., "completion": ..}}: two texts or two lists of messages; the
 *       completion counts, or both by option
 *   <li>{@code {"messages": [{"role": .., "content": ..}, ..]}}: a conversation; all tokens count,
 *       or those of the assistant's messages by option
 *   <li>{@code {"text": ..}}: a text; all tokens count
 * </ul>
 *
 * <p>Texts begin with the special tokens that the tokenizer adds, and end with the end-of-sequence
 * token. Messages are rendered by the chat template of the model, for which {@code tools} and
 * {@code chat_template_kwargs} of the record are used.
 *
 * <p>Thread-safe.
 */
public final class SftRecordReader implements RecordReader<TrainingSequence> {

    private final TrainingTokenizer tokenizer;
    private final SftOptions options;

    /**
     * Creates a reader.
     *
     * @param tokenizer the tokenizer of the model
     * @param options what counts, and how long sequences may be
     */
    public SftRecordReader(TrainingTokenizer tokenizer, SftOptions options) {
        this.tokenizer = tokenizer;
        this.options = options;
    }

    @Override
    public TrainingSequence read(Map<String, @Nullable Object> fields, Consumer<String> warnings) {
        if (Fields.has(fields, "input_ids")) {
            return truncated(ids(fields));
        }
        if (Fields.has(fields, "prompt") && Fields.has(fields, "completion")) {
            boolean conversation = Fields.isConversation(fields, "prompt");
            return truncated(
                    conversation ? answered(fields, warnings) : completed(fields, warnings));
        }
        if (Fields.has(fields, "messages")) {
            Conversation conversation =
                    Fields.conversation(fields, Fields.messages(fields, "messages"));
            return truncated(masked(conversation, 0));
        }
        if (Fields.has(fields, "text")) {
            requireConversation();
            String text = Fields.text(fields, "text");
            if (text.isEmpty()) {
                throw new IllegalArgumentException("\"text\" is empty");
            }
            return truncated(counted(tokenizer.encode(tokenizer.ended(text)), 0));
        }
        throw Fields.unknownForm(
                fields,
                "\"text\", \"messages\", \"prompt\" and \"completion\", or \"input_ids\" and"
                        + " \"labels\"");
    }

    private TrainingSequence ids(Map<String, @Nullable Object> fields) {
        long[] ids = tokenizer.ids(fields, "input_ids", false);
        if (!Fields.has(fields, "labels")) {
            return counted(ids, 0);
        }
        long[] labels = tokenizer.ids(fields, "labels", true);
        if (labels.length != ids.length) {
            throw new IllegalArgumentException(
                    "it has "
                            + ids.length
                            + " \"input_ids\" and "
                            + labels.length
                            + " \"labels\": give a label for each id, or -100");
        }
        return new TrainingSequence(ids, labels);
    }

    /** A prompt and a completion that are texts. */
    private TrainingSequence completed(
            Map<String, @Nullable Object> fields, Consumer<String> warnings) {
        requireConversation();
        String prompt = Fields.text(fields, "prompt");
        String completion = tokenizer.ended(Fields.text(fields, "completion"));
        long[] promptIds = tokenizer.encode(prompt);
        long[] ids = tokenizer.encode(prompt + completion);
        PromptBoundary.check(promptIds, ids, "completion", warnings);
        return counted(ids, options.completionOnlyLoss() ? promptIds.length : 0);
    }

    /** A prompt and a completion that are messages. */
    private TrainingSequence answered(
            Map<String, @Nullable Object> fields, Consumer<String> warnings) {
        List<Message> prompt = Fields.messages(fields, "prompt");
        List<Message> all = new ArrayList<>(prompt);
        all.addAll(Fields.messages(fields, "completion"));
        long[] promptIds =
                tokenizer.encode(Fields.conversation(fields, prompt).withGenerationPrompt(true));
        TrainingSequence sequence =
                masked(
                        Fields.conversation(fields, all),
                        options.completionOnlyLoss() ? promptIds.length : 0);
        PromptBoundary.check(promptIds, sequence.ids(), "completion", warnings);
        return sequence;
    }

    /**
     * A conversation, of which the first tokens do not count, nor those that the options exclude.
     */
    private TrainingSequence masked(Conversation conversation, int first) {
        if (!options.assistantOnlyLoss()) {
            return counted(tokenizer.encode(conversation), first);
        }
        if (conversation.messages().stream().noneMatch(m -> m.role().equals("assistant"))) {
            throw new IllegalArgumentException(
                    "no message has the role \"assistant\", whose tokens are the ones that count");
        }
        EncodedConversation encoded = tokenizer.encodeWithAnswers(conversation);
        TrainingSequence sequence = counted(encoded.ids(), first);
        for (int i = 0; i < encoded.answer().length; i++) {
            if (!encoded.answer()[i]) {
                sequence.labels()[i] = TrainingSequence.IGNORED;
            }
        }
        return sequence;
    }

    private static TrainingSequence counted(long[] ids, int first) {
        long[] labels = ids.clone();
        Arrays.fill(labels, 0, Math.min(first, labels.length), TrainingSequence.IGNORED);
        return new TrainingSequence(ids, labels);
    }

    private void requireConversation() {
        if (options.assistantOnlyLoss()) {
            throw new IllegalArgumentException(
                    "it is a text, in which no tokens are the assistant's: give messages, or do not"
                            + " set assistant_only_loss");
        }
    }

    private TrainingSequence truncated(TrainingSequence sequence) {
        int length = Math.min(sequence.ids().length, options.maxLength());
        int first = 1;
        while (first < sequence.labels().length
                && sequence.labels()[first] == TrainingSequence.IGNORED) {
            first++;
        }
        if (first >= length) {
            throw new IllegalArgumentException(
                    first < sequence.ids().length
                            ? "none of its first "
                                    + length
                                    + " tokens counts: max_length cuts it before token "
                                    + (first + 1)
                                    + ", the first that counts"
                            : "none of its "
                                    + sequence.ids().length
                                    + " tokens counts (the first never does)");
        }
        return length == sequence.ids().length
                ? sequence
                : new TrainingSequence(
                        Arrays.copyOf(sequence.ids(), length),
                        Arrays.copyOf(sequence.labels(), length));
    }

    @Override
    public int tokens(TrainingSequence sequence) {
        return sequence.ids().length;
    }
}
