/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.training;

import io.github.djlmistral.engine.training.PreferencePair;
import io.github.djlmistral.zoo.chat.Conversation;
import io.github.djlmistral.zoo.chat.Message;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Converts preference records, as trl's {@code DPOTrainer} does. A record has one of these forms,
 * the first that fits; other keys are ignored:
 *
 * <ul>
 *   <li>{@code {"prompt_ids": [..], "chosen_ids": [..], "rejected_ids": [..]}}: token ids
 *   <li>{@code {"prompt": .., "chosen": .., "rejected": ..}}: three texts or three lists of
 *       messages
 *   <li>{@code {"chosen": .., "rejected": ..}}: two texts or conversations, whose common beginning
 *       is the prompt; so too if {@code prompt} is a text beside two conversations
 * </ul>
 *
 * <p>Texts begin with the special tokens that the tokenizer adds, and answers end with the
 * end-of-sequence token. Messages are rendered by the chat template of the model, for which {@code
 * tools} and {@code chat_template_kwargs} of the record are used.
 *
 * <p>Thread-safe.
 */
public final class PreferenceRecordReader implements RecordReader<PreferencePair> {

    private final TrainingTokenizer tokenizer;
    private final PreferenceOptions options;

    /**
     * Creates a reader.
     *
     * @param tokenizer the tokenizer of the model
     * @param options how long sequences may be
     */
    public PreferenceRecordReader(TrainingTokenizer tokenizer, PreferenceOptions options) {
        this.tokenizer = tokenizer;
        this.options = options;
    }

    @Override
    public PreferencePair read(Map<String, @Nullable Object> fields, Consumer<String> warnings) {
        if (Fields.has(fields, "prompt_ids")) {
            return truncated(
                    tokenizer.ids(fields, "prompt_ids", false),
                    tokenizer.ids(fields, "chosen_ids", false),
                    tokenizer.ids(fields, "rejected_ids", false));
        }
        if (!Fields.has(fields, "chosen") || !Fields.has(fields, "rejected")) {
            throw Fields.unknownForm(
                    fields,
                    "\"prompt\", \"chosen\" and \"rejected\", or \"prompt_ids\", \"chosen_ids\" and"
                            + " \"rejected_ids\"");
        }
        return Fields.isConversation(fields, "chosen")
                ? messages(fields, warnings)
                : texts(fields, warnings);
    }

    private PreferencePair texts(Map<String, @Nullable Object> fields, Consumer<String> warnings) {
        String chosen = Fields.text(fields, "chosen");
        String rejected = Fields.text(fields, "rejected");
        String prompt;
        if (Fields.has(fields, "prompt")) {
            prompt = Fields.text(fields, "prompt");
        } else {
            int length = CommonPrompt.length(chosen, rejected);
            prompt = chosen.substring(0, length);
            chosen = chosen.substring(length);
            rejected = rejected.substring(length);
        }
        return pair(
                tokenizer.encode(prompt),
                tokenizer.encode(prompt + tokenizer.ended(chosen)),
                tokenizer.encode(prompt + tokenizer.ended(rejected)),
                warnings);
    }

    private PreferencePair messages(
            Map<String, @Nullable Object> fields, Consumer<String> warnings) {
        List<Message> chosen = Fields.messages(fields, "chosen");
        List<Message> rejected = Fields.messages(fields, "rejected");
        List<Message> prompt;
        if (Fields.isConversation(fields, "prompt")) {
            prompt = Fields.messages(fields, "prompt");
            chosen = joined(prompt, chosen);
            rejected = joined(prompt, rejected);
        } else {
            prompt = chosen.subList(0, CommonPrompt.length(chosen, rejected));
        }
        Conversation conversation = Fields.conversation(fields, prompt);
        return pair(
                tokenizer.encode(conversation.withGenerationPrompt(true)),
                tokenizer.encode(conversation.withMessages(chosen)),
                tokenizer.encode(conversation.withMessages(rejected)),
                warnings);
    }

    private static List<Message> joined(List<Message> prompt, List<Message> answer) {
        return Stream.concat(prompt.stream(), answer.stream()).toList();
    }

    /** Splits both sequences where the prompt alone ends. */
    private PreferencePair pair(
            long[] prompt, long[] promptChosen, long[] promptRejected, Consumer<String> warnings) {
        PromptBoundary.check(prompt, promptChosen, "chosen answer", warnings);
        PromptBoundary.check(prompt, promptRejected, "rejected answer", warnings);
        return truncated(prompt, rest(promptChosen, prompt), rest(promptRejected, prompt));
    }

    private static long[] rest(long[] all, long[] prompt) {
        return Arrays.copyOfRange(all, Math.min(prompt.length, all.length), all.length);
    }

    private PreferencePair truncated(long[] prompt, long[] chosen, long[] rejected) {
        long[] kept = prompt;
        Integer longest = options.maxPromptLength();
        if (longest != null && prompt.length > longest) {
            kept = Arrays.copyOfRange(prompt, prompt.length - longest, prompt.length);
        }
        int room = options.maxLength() - kept.length;
        if (room <= 0) {
            throw new IllegalArgumentException(
                    "its prompt has "
                            + kept.length
                            + " tokens, so that max_length, "
                            + options.maxLength()
                            + ", leaves none for the answers");
        }
        return new PreferencePair(
                kept,
                answer("chosen", chosen, room, kept.length),
                answer("rejected", rejected, room, kept.length));
    }

    private static long[] answer(String name, long[] ids, int room, int prompt) {
        // the first token of a sequence is never predicted
        if (ids.length == 0 || Math.min(ids.length, room) + prompt < 2) {
            throw new IllegalArgumentException(
                    "its " + name + " answer has no token that a model could predict");
        }
        return ids.length <= room ? ids : Arrays.copyOf(ids, room);
    }

    /** Returns the number of tokens of both sequences, in each of which the prompt counts. */
    @Override
    public int tokens(PreferencePair pair) {
        return 2 * pair.prompt().length + pair.chosen().length + pair.rejected().length;
    }
}
