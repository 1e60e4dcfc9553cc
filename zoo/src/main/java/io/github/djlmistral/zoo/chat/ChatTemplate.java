/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

import io.github.djlmistral.zoo.chat.jinja.RenderedText;
import io.github.djlmistral.zoo.chat.jinja.Template;
import io.github.djlmistral.zoo.chat.jinja.TemplateException;
import io.github.djlmistral.zoo.tokenizer.EncodedText;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import io.github.djlmistral.zoo.tokenizer.TokenizerSettings;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The chat template of a checkpoint: turns a conversation into a prompt, as {@code
 * apply_chat_template} of Hugging Face transformers does.
 *
 * <p>Templates are Jinja programs that come with a checkpoint. They are sandboxed, and limited in
 * time and memory. Immutable and thread-safe.
 */
public final class ChatTemplate {

    private static final String DEFAULT = "default";
    private static final List<String> SPECIAL_TOKENS =
            List.of(
                    "bos_token",
                    "eos_token",
                    "unk_token",
                    "sep_token",
                    "pad_token",
                    "cls_token",
                    "mask_token");

    /** A template and its text, which transformers searches for the field to continue. */
    private record Named(String source, Template template) {}

    private final Map<String, Named> templates;
    private final Map<String, String> specialTokens;

    /**
     * Creates a template.
     *
     * @param jinja the Jinja source
     * @param specialTokens the values of template variables such as {@code bos_token}
     * @throws TemplateException if the source has a syntax error, or uses a name that the
     *     interpreter does not support
     */
    public ChatTemplate(String jinja, Map<String, String> specialTokens) {
        this(Map.of(DEFAULT, jinja), specialTokens);
    }

    private ChatTemplate(Map<String, String> sources, Map<String, String> specialTokens) {
        this.specialTokens = new LinkedHashMap<>(specialTokens);
        this.templates = new LinkedHashMap<>();
        sources.forEach(
                (name, source) -> templates.put(name, new Named(source, Template.parse(source))));
    }

    /**
     * Reads the template of a checkpoint: {@code chat_template.jinja} and {@code
     * additional_chat_templates/*.jinja}, or else the {@code chat_template} of {@code
     * tokenizer_config.json} or of a GGUF file.
     *
     * @param path the directory of the checkpoint, or a GGUF file, beside which a {@code
     *     chat_template.jinja} may be
     * @return the template; empty if the checkpoint has none, which is common for base models
     * @throws IOException if a file is damaged, or a template has an error; the message names the
     *     file
     */
    public static Optional<ChatTemplate> open(Path path) throws IOException {
        TokenizerSettings settings = new TokenizerSettings(path);
        Map<String, String> sources = TemplateFiles.read(path);
        String origin = TemplateFiles.directory(path).toString();
        if (sources.isEmpty()) {
            sources = settings.chatTemplates();
            origin = path.toString();
        }
        if (sources.isEmpty()) {
            return Optional.empty();
        }
        Map<String, String> tokens = new LinkedHashMap<>();
        for (String role : SPECIAL_TOKENS) {
            String absent =
                    switch (role) {
                        case "bos_token" -> "<s>";
                        case "eos_token" -> "</s>";
                        default -> null;
                    };
            String token = settings.token(role, absent);
            if (token != null) {
                tokens.put(role, token);
            }
        }
        try {
            return Optional.of(new ChatTemplate(sources, tokens));
        } catch (IllegalArgumentException e) {
            throw new IOException(
                    "the chat template of " + origin + " cannot be used: " + e.getMessage(), e);
        }
    }

    /**
     * Returns the prompt as text, for reading. To get its ids use {@link #encode}: in the text,
     * special tokens of the template and those that a message spells look the same.
     *
     * @param conversation the conversation
     * @return the text
     * @throws TemplateException if the template rejects the conversation, with the template's own
     *     message; if the template fails, or exceeds a limit
     * @throws IllegalArgumentException if there are no messages, or the template does not contain
     *     the field to be continued
     * @throws java.util.concurrent.CancellationException if the thread is interrupted
     */
    public String render(Conversation conversation) {
        return text(conversation).text();
    }

    /**
     * Returns the prompt of messages as text, see {@link #render(Conversation)}.
     *
     * @param messages oldest first
     * @param addGenerationPrompt whether to end with the header of the model's answer; Mistral's
     *     own templates need none
     * @return the text
     * @throws IllegalArgumentException as {@link #render(Conversation)}
     */
    public String render(List<Message> messages, boolean addGenerationPrompt) {
        return render(new Conversation(messages).withGenerationPrompt(addGenerationPrompt));
    }

    /**
     * Returns the ids of the prompt. Only the template's own text can contain special tokens; where
     * a message, tool, document or variable spells one, it is encoded as text.
     *
     * @param tokenizer the tokenizer of the same checkpoint
     * @param conversation the conversation
     * @return the ids, complete with special tokens
     * @throws IllegalArgumentException as {@link #render(Conversation)}
     * @throws IllegalStateException if the tokenizer is closed
     */
    public long[] encode(MistralTokenizer tokenizer, Conversation conversation) {
        return tokenizer.encodeQuoted(text(conversation).mapInput(tokenizer::quote));
    }

    /**
     * Returns the ids of the prompt of messages, see {@link #encode(MistralTokenizer,
     * Conversation)}.
     *
     * @param tokenizer the tokenizer of the same checkpoint
     * @param messages oldest first
     * @param addGenerationPrompt as in {@link #render(List, boolean)}
     * @return the ids
     * @throws IllegalArgumentException as {@link #render(Conversation)}
     * @throws IllegalStateException if the tokenizer is closed
     */
    public long[] encode(
            MistralTokenizer tokenizer, List<Message> messages, boolean addGenerationPrompt) {
        return encode(
                tokenizer, new Conversation(messages).withGenerationPrompt(addGenerationPrompt));
    }

    /**
     * Encodes a conversation for training, and tells which tokens the model is to produce: those of
     * the assistant's messages, each with the token that ends it.
     *
     * <p>They are found by rendering the conversation up to each of these messages, so that any
     * template will do that renders messages alike whatever follows them.
     *
     * @param tokenizer the tokenizer of the same checkpoint
     * @param conversation a conversation without generation prompt and continued message
     * @return the ids as {@link #encode} gives them, and which are the assistant's
     * @throws IllegalArgumentException as {@link #render(Conversation)}; if the template renders
     *     messages differently when others follow, or the conversation is to be continued
     * @throws IllegalStateException if the tokenizer is closed
     */
    public EncodedConversation encodeWithAnswers(
            MistralTokenizer tokenizer, Conversation conversation) {
        if (conversation.addGenerationPrompt() || conversation.continuedField() != null) {
            throw new IllegalArgumentException(
                    "the conversation is to be continued: its answers are not complete");
        }
        RenderedText rendered = text(conversation);
        AnswerSpans answers = new AnswerSpans(conversation, rendered.text(), this::render);
        EncodedText encoded =
                tokenizer.encodeQuotedWithOffsets(rendered.mapInput(tokenizer::quote));
        return new EncodedConversation(encoded.ids(), answers.mask(encoded));
    }

    private Named select(Conversation conversation) {
        Named tools = templates.get("tool_use");
        if (conversation.tools() != null && tools != null) {
            return tools;
        }
        Named standard = templates.get(DEFAULT);
        if (standard == null) {
            throw new IllegalArgumentException(
                    "the checkpoint has several chat templates but none named \"default\": "
                            + new TreeSet<>(templates.keySet()));
        }
        return standard;
    }

    private RenderedText text(Conversation conversation) {
        if (conversation.messages().isEmpty()) {
            throw new IllegalArgumentException(
                    "the conversation is empty: give at least one message");
        }
        Named named = select(conversation);
        String field = conversation.continuedField();
        if (field == null) {
            return render(named, conversation, conversation.messages());
        }
        ContinuedMessage continued = new ContinuedMessage(conversation, field, named.source());
        return continued.cut(render(named, conversation, continued.messages()));
    }

    private RenderedText render(Named named, Conversation conversation, List<Message> messages) {
        Map<String, @Nullable Object> variables = new LinkedHashMap<>(conversation.variables());
        for (String reserved : List.of("messages", "tools", "documents", "add_generation_prompt")) {
            if (variables.containsKey(reserved)) {
                throw new IllegalArgumentException(
                        "the template variable \"" + reserved + "\" is set by the conversation");
            }
        }
        Map<String, String> tokens = new LinkedHashMap<>(specialTokens);
        tokens.keySet().removeAll(variables.keySet());
        variables.put("messages", messages.stream().map(Message::fields).toList());
        variables.put("tools", conversation.tools());
        variables.put("documents", conversation.documents());
        variables.put("add_generation_prompt", conversation.addGenerationPrompt());
        return named.template().render(variables, tokens);
    }
}
