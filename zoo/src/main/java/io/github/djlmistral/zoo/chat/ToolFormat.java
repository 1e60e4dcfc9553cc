/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

import io.github.djlmistral.engine.constraint.ResponseFormat;
import io.github.djlmistral.zoo.tokenizer.Detokenizer;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * How a checkpoint writes tools, calls and results: the formats of Mistral's tokenizers.
 * Thread-safe.
 *
 * <p>That of Mistral 7B Instruct v0.3, and with other results of the tokenizers up to version 7:
 *
 * <pre>{@code
 * [AVAILABLE_TOOLS] [{"type": "function", "function": {"name": .., "description": .., "parameters": ..}}][/AVAILABLE_TOOLS]
 * [TOOL_CALLS] [{"name": .., "arguments": {..}, "id": ..}]</s>
 * [TOOL_RESULTS] {"content": .., "call_id": ..}[/TOOL_RESULTS]
 * }</pre>
 *
 * <p>That of the tokenizers from version 11 on, where each call has its own token, and the model
 * writes no id:
 *
 * <pre>{@code
 * [TOOL_CALLS]name[ARGS]{..}[TOOL_CALLS]name[ARGS]{..}</s>
 * [TOOL_RESULTS]..[/TOOL_RESULTS]
 * }</pre>
 *
 * <p>What the chat template writes is found by rendering a small conversation.
 */
public final class ToolFormat {

    private static final String CALLS = "[TOOL_CALLS]";
    private static final String ARGUMENTS = "[ARGS]";

    /** Formats kept for further requests with the same tools. */
    private static final int MOST = 16;

    private static final ToolCall FIRST = new ToolCall("aaaaaaaa1", "first", "{\"x\": 1}");
    private static final ToolCall SECOND = new ToolCall("aaaaaaaa2", "second", "{}");

    /** Both calls as a list. */
    private static final Pattern LIST =
            Pattern.compile(
                    "\\[TOOL_CALLS](?<space> ?)\\[\\{\"name\": \"first\", \"arguments\": \\{\"x\": 1}"
                            + ".*}, \\{\"name\": \"second\", \"arguments\": \\{}.*");

    /** Both calls with tokens of their own; some versions repeat the ids. */
    private static final Pattern NAMED =
            Pattern.compile(
                    "\\[TOOL_CALLS](?<space> ?)first(?:\\[CALL_ID] ?aaaaaaaa1)?"
                            + "\\[ARGS](?<arguments> ?)\\{\"x\": 1}"
                            + "\\[TOOL_CALLS] ?second.*");

    private static final Map<String, @Nullable Object> TOOL =
            ConversationJson.object(
                    "{\"type\": \"function\", \"function\": {\"name\": \"first\","
                            + " \"description\": \"some \\\"text\\\"\", \"parameters\":"
                            + " {\"type\": \"object\", \"properties\": {}}}}");

    private final CallSyntax syntax;
    private final ToolMessages messages;
    private final ReentrantLock lock = new ReentrantLock();
    private final Map<Offer, ResponseFormat> formats = new LinkedHashMap<>(MOST, 0.75f, true);

    private record Offer(
            List<Map<String, @Nullable Object>> tools,
            ToolChoice choice,
            boolean parallel,
            ResponseFormat text) {}

    private ToolFormat(CallSyntax syntax, ToolMessages messages) {
        this.syntax = syntax;
        this.messages = messages;
    }

    /**
     * Finds out how a checkpoint writes tools.
     *
     * @param template its chat template
     * @param tokenizer its tokenizer
     * @return the format; empty if the template does not write tools and calls in these ways, or
     *     the tokenizer does not have their tokens
     */
    public static Optional<ToolFormat> of(ChatTemplate template, MistralTokenizer tokenizer) {
        try {
            Message user = Message.user("question");
            Message called = ToolMessages.parsed(Message.assistant("", List.of(FIRST, SECOND)));
            Conversation calls = new Conversation(List.of(user, called));
            Conversation answered =
                    calls.withMessages(List.of(user, called, Message.tool(FIRST.id(), "result")));
            CallSyntax syntax =
                    syntax(template.render(calls), tokenizer, template.encode(tokenizer, calls));
            String tools =
                    template.render(new Conversation(List.of(user)).withTools(List.of(TOOL)));
            String results = template.render(answered);
            return syntax != null && tools.contains("some") && results.contains("result")
                    ? Optional.of(
                            new ToolFormat(
                                    syntax,
                                    new ToolMessages(
                                            results.contains("\"content\": result"),
                                            tools.contains("some \"text\""))))
                    : Optional.empty();
        } catch (IllegalArgumentException e) { // the template refuses the conversation
            return Optional.empty();
        }
    }

    private static @Nullable CallSyntax syntax(
            String text, MistralTokenizer tokenizer, long[] ids) {
        int calls = token(tokenizer, ids, CALLS);
        int arguments = token(tokenizer, ids, ARGUMENTS);
        Matcher list = LIST.matcher(text);
        if (calls >= 0 && list.find()) {
            return new CallSyntax(calls, -1, list.group("space"), "");
        }
        Matcher named = NAMED.matcher(text);
        return calls >= 0 && arguments >= 0 && named.find()
                ? new CallSyntax(calls, arguments, named.group("space"), named.group("arguments"))
                : null;
    }

    private static int token(MistralTokenizer tokenizer, long[] ids, String name) {
        for (long id : ids) {
            if (tokenizer.token(id).equals(name)) {
                return (int) id;
            }
        }
        return -1;
    }

    /** Returns whether a conversation has tools, calls or results. */
    public static boolean concerns(Conversation conversation) {
        return conversation.tools() != null
                || conversation.messages().stream().anyMatch(ToolMessages::isOfTools);
    }

    /** Returns the id of the token {@code [TOOL_CALLS]}. */
    public int callsToken() {
        return syntax.callsToken();
    }

    /**
     * Writes a conversation as the chat template expects it, so that the prompt has the tokens that
     * Mistral's own library, mistral-common, gives it: ids of calls have nine letters and digits,
     * arguments and results are JSON instead of text, tools have a name, a description and
     * parameters in this order.
     *
     * <p>An id of another form is replaced by a hash of it, so that a client keeps its own ids.
     *
     * @param conversation a conversation as in OpenAI's API
     * @return the conversation for the template
     * @throws IllegalArgumentException if a tool is wrong
     */
    public Conversation prepare(Conversation conversation) {
        return messages.prepare(conversation);
    }

    /**
     * Returns the form of answers that may call tools.
     *
     * @param tools JSON schemas as in {@link ChatInput#tools}
     * @param choice {@link ToolChoice#AUTO} or one that requires a call
     * @param parallel whether there may be several calls
     * @param text the form of an answer that is no call
     * @return the form: text, or calls whose arguments satisfy the tool's schema
     * @throws IllegalArgumentException if a tool is wrong, a schema cannot be enforced, or the
     *     choice is of a function that is not there; the message names the tool
     */
    public ResponseFormat responseFormat(
            List<Map<String, @Nullable Object>> tools,
            ToolChoice choice,
            boolean parallel,
            ResponseFormat text) {
        Offer offer = new Offer(tools, choice, parallel, text);
        lock.lock();
        try {
            ResponseFormat format = formats.get(offer);
            if (format == null) {
                format =
                        ResponseFormat.grammar(
                                new CallGrammar(syntax, Tool.of(tools))
                                        .grammar(choice, parallel, text));
                if (formats.size() == MOST) {
                    formats.remove(formats.keySet().iterator().next());
                }
                formats.put(offer, format);
            }
            return format;
        } finally {
            lock.unlock();
        }
    }

    /**
     * Returns a reader of one answer.
     *
     * @param detokenizer a new one, which leaves out special tokens
     * @return the reader
     */
    public ToolCallReader newReader(Detokenizer detokenizer) {
        return new ToolCallReader(detokenizer, syntax);
    }
}
