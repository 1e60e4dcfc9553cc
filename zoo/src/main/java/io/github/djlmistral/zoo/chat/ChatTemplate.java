/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import io.github.djlmistral.zoo.tokenizer.TokenizerSettings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.jspecify.annotations.Nullable;

/**
 * The chat template of a checkpoint: makes the prompt of a conversation, as {@code
 * apply_chat_template} of Hugging Face transformers does.
 *
 * <p>Templates are Jinja programs that come with a checkpoint. They run confined: no files, no Java
 * objects, and an output of 64 Mi characters at most. Immutable and thread-safe.
 */
public final class ChatTemplate {

    private final JinjaTemplate template;
    private final @Nullable String bosToken;
    private final @Nullable String eosToken;

    /**
     * Creates a template.
     *
     * @param jinja the Jinja source
     * @param bosToken what the template sees as {@code bos_token}, undefined there if null
     * @param eosToken what the template sees as {@code eos_token}, undefined there if null
     */
    public ChatTemplate(String jinja, @Nullable String bosToken, @Nullable String eosToken) {
        this.template = new JinjaTemplate(jinja);
        this.bosToken = bosToken;
        this.eosToken = eosToken;
    }

    /**
     * Reads the template of a checkpoint: {@code chat_template.jinja}, or else the {@code
     * chat_template} of {@code tokenizer_config.json} or of a GGUF file.
     *
     * @param directory the directory of the checkpoint, or a GGUF file
     * @return the template; empty if the checkpoint has none, as base models do
     * @throws IOException if a file is damaged; the message names it
     */
    public static Optional<ChatTemplate> open(Path directory) throws IOException {
        TokenizerSettings settings = new TokenizerSettings(directory);
        Path file = directory.resolve("chat_template.jinja");
        String jinja = Files.exists(file) ? Files.readString(file) : settings.chatTemplate();
        return jinja == null
                ? Optional.empty()
                : Optional.of(
                        new ChatTemplate(
                                jinja,
                                settings.token("bos_token", "<s>"),
                                settings.token("eos_token", "</s>")));
    }

    /**
     * Returns the prompt as text, for reading. To get its ids use {@link #encode}: in the text one
     * cannot see any more whether the template or a user spelled a special token.
     *
     * @param messages the conversation, oldest message first
     * @param addGenerationPrompt whether to end with the beginning of an answer, where the template
     *     knows one; Mistral's own do not need it
     * @return the text, exactly the reference's
     * @throws IllegalArgumentException if there is no message, the template refuses the
     *     conversation (with the template's own message), or the template itself is at fault
     */
    public String render(List<Message> messages, boolean addGenerationPrompt) {
        return render(messages, addGenerationPrompt, UnaryOperator.identity());
    }

    /**
     * Returns the ids of the prompt. Special tokens come from the template only; a message that
     * spells one keeps its letters.
     *
     * @param tokenizer the tokenizer of the same checkpoint
     * @param messages the conversation, oldest message first
     * @param addGenerationPrompt as in {@link #render}
     * @return the ids, with nothing to be added
     * @throws IllegalArgumentException as {@link #render}
     * @throws IllegalStateException if the tokenizer is closed
     */
    public long[] encode(
            MistralTokenizer tokenizer, List<Message> messages, boolean addGenerationPrompt) {
        return tokenizer.encodeQuoted(render(messages, addGenerationPrompt, tokenizer::quote));
    }

    private String render(
            List<Message> messages, boolean addGenerationPrompt, UnaryOperator<String> quote) {
        if (messages.isEmpty()) {
            throw new IllegalArgumentException(
                    "the conversation is empty: a chat template needs one message at least");
        }
        List<Map<String, String>> list = new ArrayList<>(messages.size());
        for (Message message : messages) {
            Map<String, String> map = new LinkedHashMap<>();
            map.put("role", quote.apply(message.role()));
            map.put("content", quote.apply(message.content()));
            list.add(map);
        }
        Map<String, Object> variables = new HashMap<>();
        variables.put("messages", list);
        variables.put("add_generation_prompt", addGenerationPrompt);
        if (bosToken != null) {
            variables.put("bos_token", bosToken);
        }
        if (eosToken != null) {
            variables.put("eos_token", eosToken);
        }
        return template.render(variables);
    }
}
