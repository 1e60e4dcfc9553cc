/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.training;

import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.model.TrainingSequence;
import io.github.djlmistral.zoo.chat.ChatTemplate;
import io.github.djlmistral.zoo.chat.Conversation;
import io.github.djlmistral.zoo.chat.EncodedConversation;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * How the texts of training data become token ids: as trl's trainers do it with the tokenizer and
 * the chat template of a checkpoint.
 *
 * <p>In plain texts, spellings of special tokens such as {@code </s>} denote these tokens. In
 * messages they are text, as in the prompts of a chat.
 *
 * <p>Immutable and thread-safe.
 */
public final class TrainingTokenizer {

    private final @Nullable MistralTokenizer tokenizer;
    private final @Nullable ChatTemplate template;
    private final int vocabularySize;

    /**
     * Combines the tokenizer and the template of a checkpoint.
     *
     * @param tokenizer the tokenizer; null if the records contain ids only. It is not closed by
     *     this class.
     * @param template the chat template; null if there is none, so that records cannot contain
     *     messages
     * @param vocabularySize {@code vocab_size} of the model, which is one more than the largest id
     */
    public TrainingTokenizer(
            @Nullable MistralTokenizer tokenizer,
            @Nullable ChatTemplate template,
            int vocabularySize) {
        this.tokenizer = tokenizer;
        this.template = template;
        this.vocabularySize = vocabularySize;
    }

    /**
     * Encodes a text in which spellings of special tokens denote these, with the special tokens
     * that the tokenizer adds.
     */
    long[] encode(String text) {
        return tokenizer().encode(text, true);
    }

    /** Appends the end-of-sequence token to a text that does not end with it, as trl does. */
    String ended(String text) {
        String eos = tokenizer().eosToken();
        if (eos == null) {
            throw new IllegalArgumentException(
                    "the tokenizer has no end-of-sequence token to end the text with: set eos_token"
                            + " in tokenizer_config.json");
        }
        return text.endsWith(eos) ? text : text + eos;
    }

    /** Encodes a text to be classified, as the translators of classifiers do. */
    long[] encodePlain(String text, int maxLength) {
        return tokenizer().encodeWithOffsets(text, true).truncated(maxLength).ids();
    }

    /** Renders and encodes a conversation. */
    long[] encode(Conversation conversation) {
        return template().encode(tokenizer(), conversation);
    }

    /** Renders and encodes a conversation, and tells which tokens are the assistant's. */
    EncodedConversation encodeWithAnswers(Conversation conversation) {
        return template().encodeWithAnswers(tokenizer(), conversation);
    }

    /**
     * Returns token ids of a record.
     *
     * @param fields the record
     * @param key the key of a list of integers
     * @param ignored whether -100 may be among them, which stands for no label
     * @throws IllegalArgumentException if there is no such list, or an id is not in the vocabulary
     *     of the model
     */
    long[] ids(Map<String, ? extends @Nullable Object> fields, String key, boolean ignored) {
        if (!(fields.get(key) instanceof List<?> list)) {
            throw Fields.unexpected(fields, key, "a list of token ids");
        }
        long[] ids = new long[list.size()];
        for (int i = 0; i < ids.length; i++) {
            Object value = list.get(i);
            boolean valid =
                    value instanceof Long id
                            && ((id >= 0 && id < vocabularySize)
                                    || (ignored && id == TrainingSequence.IGNORED));
            if (!valid) {
                throw new IllegalArgumentException(
                        Quote.of(key)
                                + " has "
                                + Quote.shorten(String.valueOf(value))
                                + " at index "
                                + i
                                + ", must be an integer from 0 to "
                                + (vocabularySize - 1)
                                + (ignored ? ", or -100" : ""));
            }
            ids[i] = (Long) value;
        }
        return ids;
    }

    private MistralTokenizer tokenizer() {
        if (tokenizer == null) {
            throw new IllegalArgumentException(
                    "the model has no tokenizer: give token ids instead of texts");
        }
        return tokenizer;
    }

    private ChatTemplate template() {
        if (template == null) {
            throw new IllegalArgumentException(
                    "the model has no chat template, which messages need: add"
                            + " chat_template.jinja to its directory, or give texts");
        }
        return template;
    }
}
