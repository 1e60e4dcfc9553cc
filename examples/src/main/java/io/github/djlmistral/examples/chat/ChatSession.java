/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.chat;

import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.GenerationResult;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import io.github.djlmistral.zoo.translator.TextPieces;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/** A conversation with a model. */
public final class ChatSession {

    private final MistralPipeline pipeline;
    private final ChatConsole console;
    private final Consumer<String> notes;
    private final ChatSettings settings;
    private List<Message> messages = List.of();

    /** Texts that the next message begins with. */
    private final List<String> files = new ArrayList<>();

    private @Nullable String system;

    /**
     * Begins a conversation.
     *
     * @param pipeline the model's
     * @param defaults the generation options to begin with
     * @param console shows the answers
     * @param notes receives remarks for the user
     */
    public ChatSession(
            MistralPipeline pipeline,
            GenerationConfig.Builder defaults,
            ChatConsole console,
            Consumer<String> notes) {
        this.pipeline = pipeline;
        this.console = console;
        this.notes = notes;
        settings = new ChatSettings(defaults, this::check);
    }

    /** Starts a generation and ends it at once, for what can only be told with the model. */
    private void check(GenerationConfig config) {
        pipeline.stream(pipeline.encode(List.of(Message.user("?"))), config).close();
    }

    /** Returns the generation options. */
    public ChatSettings settings() {
        return settings;
    }

    /**
     * Starts over.
     *
     * @param instruction the system message; null or blank for none
     */
    public void begin(@Nullable String instruction) {
        system = instruction;
        files.clear();
        messages =
                instruction == null || instruction.isBlank()
                        ? List.of()
                        : List.of(Message.system(instruction.strip()));
    }

    /** Starts over with the same system message. */
    public void begin() {
        begin(system);
    }

    /**
     * Puts a text before the next message.
     *
     * @param text the text
     * @return its number of tokens
     */
    public int attach(String text) {
        files.add(text.stripTrailing());
        return pipeline.tokenizer().encodePlain(text, false).length;
    }

    /**
     * Asks the model.
     *
     * @param text the user's message
     * @return the answer's tokens and timings; if it was stopped before its first token, the
     *     message is not kept
     * @throws IllegalArgumentException if the message is too long or the chat template rejects it;
     *     the conversation continues without it
     */
    public GenerationResult ask(String text) {
        List<String> parts = new ArrayList<>(files);
        parts.add(text);
        List<Message> asked = new ArrayList<>(messages);
        asked.add(Message.user(String.join("\n\n", parts)));
        GenerationResult result = answer(asked);
        if (generated(result) > 0) {
            files.clear();
        }
        return result;
    }

    /**
     * Answers the last message of the user again.
     *
     * @return as {@link #ask}
     * @throws IllegalArgumentException if there is none
     */
    public GenerationResult regenerate() {
        return answer(new ArrayList<>(messages.subList(0, lastQuestion("answer again") + 1)));
    }

    /**
     * Takes back the last message of the user and its answer, or the texts for the next message.
     *
     * @return what was taken back
     * @throws IllegalArgumentException if there is nothing
     */
    public String undo() {
        if (!files.isEmpty()) {
            return files.remove(files.size() - 1);
        }
        int question = lastQuestion("take back");
        String text = messages.get(question).content();
        messages = List.copyOf(messages.subList(0, question));
        return text == null ? "" : text;
    }

    /**
     * Returns the conversation.
     *
     * @return messages and options
     */
    public ConversationFile save() {
        return new ConversationFile(messages, settings.changes());
    }

    /**
     * Continues a conversation.
     *
     * @param saved messages and options
     * @throws IllegalArgumentException if the model has no such options, or its chat template
     *     rejects the messages; nothing changes
     */
    public void load(ConversationFile saved) {
        List<Message> loaded = saved.messages();
        int question = lastQuestion(loaded);
        if (question >= 0) {
            pipeline.encode(loaded.subList(0, question + 1));
        }
        settings.replace(saved.parameters());
        messages = loaded;
        files.clear();
        system = isSystem(loaded) ? loaded.get(0).content() : null;
    }

    private int lastQuestion(String purpose) {
        int question = lastQuestion(messages);
        if (question < 0) {
            throw new IllegalArgumentException("there is no message to " + purpose);
        }
        return question;
    }

    private static int lastQuestion(List<Message> messages) {
        int index = messages.size() - 1;
        while (index >= 0 && !messages.get(index).role().equals("user")) {
            --index;
        }
        return index;
    }

    private static boolean isSystem(List<Message> messages) {
        return !messages.isEmpty() && messages.get(0).role().equals("system");
    }

    private static int generated(GenerationResult result) {
        return result.sequences().get(0).generatedLength();
    }

    /** Answers messages, which the conversation then consists of. */
    private GenerationResult answer(List<Message> asked) {
        GenerationConfig config = settings.config();
        try (TextPieces text = pipeline.stream(prompt(asked, config), config)) {
            String answer = console.show(text);
            GenerationResult result = text.result();
            if (generated(result) > 0) {
                asked.add(Message.assistant(answer.strip()));
                messages = asked;
            }
            return result;
        }
    }

    /**
     * Renders the prompt, and drops the oldest turns if they leave too little room for an answer.
     */
    private long[] prompt(List<Message> asked, GenerationConfig config) {
        int positions = pipeline.network().config().maxPositionEmbeddings();
        int room = positions - Math.min(config.maxNewTokens(), positions / 2);
        int first = isSystem(asked) ? 1 : 0;
        int dropped = 0;
        long[] prompt = pipeline.encode(asked);
        while (prompt.length > room && asked.size() > first + 2) {
            asked.subList(first, first + 2).clear();
            ++dropped;
            prompt = pipeline.encode(asked);
        }
        if (dropped > 0) {
            notes.accept(
                    "the conversation is longer than the model's "
                            + positions
                            + " tokens: dropped the oldest "
                            + (dropped == 1 ? "turn" : dropped + " turns"));
        }
        return prompt;
    }
}
