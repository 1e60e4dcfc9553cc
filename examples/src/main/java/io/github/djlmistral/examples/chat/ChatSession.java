/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.chat;

import io.github.djlmistral.engine.generation.FinishReason;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.GenerationResult;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.zoo.chat.Conversation;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.chat.ToolChoice;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import io.github.djlmistral.zoo.translator.TextPieces;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
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
    private @Nullable List<Map<String, @Nullable Object>> tools;

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
     * Lets the model call tools from now on.
     *
     * @param offered their definitions in the form of OpenAI's API; null for none
     * @throws IllegalArgumentException if the model cannot call tools, or one is wrong; nothing
     *     changes
     */
    public void tools(@Nullable List<Map<String, @Nullable Object>> offered) {
        GenerationConfig.Builder options = settings.builder();
        Conversation question = new Conversation(List.of(Message.user("?"))).withTools(offered);
        boolean calls = offer(options, question);
        pipeline.stream(pipeline.encode(question), options.build(), calls).close();
        tools = offered;
    }

    private boolean offer(GenerationConfig.Builder options, Conversation conversation) {
        return pipeline.offerTools(options, conversation, ToolChoice.AUTO, true);
    }

    /** Returns the call whose result comes next; empty if a message of the user does. */
    public Optional<PendingCall> pending() {
        return PendingCall.of(messages);
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
     * Asks the model, or gives it the result of the pending call.
     *
     * @param text the user's message or the result
     * @return the answer's tokens and timings; empty if another call is pending. If it was stopped
     *     before its first token or within a call, the text is not kept
     * @throws IllegalArgumentException if the message is too long or the chat template rejects it;
     *     the conversation continues without it
     */
    public Optional<GenerationResult> ask(String text) {
        List<String> parts = new ArrayList<>(files);
        parts.add(text);
        String joined = String.join("\n\n", parts);
        List<Message> asked = new ArrayList<>(messages);
        asked.add(
                pending()
                        .map(call -> Message.tool(call.id(), joined))
                        .orElseGet(() -> Message.user(joined)));
        if (PendingCall.of(asked).isPresent()) {
            messages = asked;
            files.clear();
            return Optional.empty();
        }
        GenerationResult result = answer(asked);
        if (messages.equals(asked)) { // they were kept
            files.clear();
        }
        return Optional.of(result);
    }

    /**
     * Answers again: the last message of the user, or the last results of calls.
     *
     * @return as {@link #ask}
     * @throws IllegalArgumentException if there is none
     */
    public GenerationResult regenerate() {
        lastQuestion("answer again");
        return answer(new ArrayList<>(messages.subList(0, asked(messages))));
    }

    /**
     * Takes back the last message of the user and what follows it, or the texts for the next
     * message.
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
        return new ConversationFile(messages, tools, settings.changes());
    }

    /**
     * Continues a conversation.
     *
     * @param saved messages, tools and options
     * @throws IllegalArgumentException if the model has no such options, cannot call the tools, or
     *     its chat template rejects the messages; nothing changes
     */
    public void load(ConversationFile saved) {
        List<Message> loaded = saved.messages();
        if (lastQuestion(loaded) >= 0) {
            encode(loaded.subList(0, asked(loaded)), saved.tools());
        }
        Map<String, Object> before = settings.changes();
        settings.replace(saved.parameters());
        try {
            tools(saved.tools());
        } catch (IllegalArgumentException e) {
            settings.replace(before);
            throw e;
        }
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

    /**
     * Returns the number of messages that the last answer was the answer to; all if it is to come.
     */
    private static int asked(List<Message> messages) {
        int end = messages.size();
        int last = end - 1;
        while (last > 0 && messages.get(last).role().equals("tool")) {
            --last;
        }
        boolean open = last == end - 1 || PendingCall.of(messages).isPresent();
        return open && messages.get(last).role().equals("assistant") ? last : end;
    }

    private static boolean isSystem(List<Message> messages) {
        return !messages.isEmpty() && messages.get(0).role().equals("system");
    }

    /** Answers messages, which the conversation then consists of. */
    private GenerationResult answer(List<Message> asked) {
        GenerationConfig.Builder options = settings.builder();
        boolean calls = offer(options, new Conversation(asked).withTools(tools));
        GenerationConfig config = options.build();
        try (TextPieces text = pipeline.stream(prompt(asked, config), config, calls)) {
            String answer = console.show(text);
            GenerationResult result = text.result();
            Sequence sequence = result.sequences().get(0);
            if (sequence.generatedLength() == 0) {
                notes.accept("stopped before the first token: the message is not kept");
            } else if (calls
                    && sequence.finishReason() != FinishReason.EOS
                    && (answer.isBlank() || !text.toolCalls().isEmpty())) {
                notes.accept("the answer ended within a call: the message is not kept");
            } else {
                asked.add(Message.assistant(answer.strip(), text.toolCalls()));
                messages = asked;
            }
            return result;
        }
    }

    private long[] encode(
            List<Message> asked, @Nullable List<Map<String, @Nullable Object>> offered) {
        return pipeline.encode(new Conversation(asked).withTools(offered));
    }

    /**
     * Renders the prompt, and drops the oldest turns if they leave too little room for an answer.
     */
    private long[] prompt(List<Message> asked, GenerationConfig config) {
        int positions = pipeline.network().config().maxPositionEmbeddings();
        int room = positions - Math.min(config.maxNewTokens(), positions / 2);
        int first = isSystem(asked) ? 1 : 0;
        int dropped = 0;
        long[] prompt = encode(asked, tools);
        while (prompt.length > room && lastQuestion(asked) > first) {
            do {
                asked.remove(first);
            } while (!asked.get(first).role().equals("user"));
            ++dropped;
            prompt = encode(asked, tools);
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
