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
import org.jspecify.annotations.Nullable;

/**
 * How a checkpoint writes tools, calls and results: the format of Mistral 7B Instruct v0.3 and of
 * Mistral's other tokenizers from version 2 to 7. Thread-safe.
 *
 * <pre>{@code
 * [AVAILABLE_TOOLS] [{"type": "function", "function": {"name": .., "description": .., "parameters": ..}}][/AVAILABLE_TOOLS]
 * [TOOL_CALLS] [{"name": .., "arguments": {..}, "id": ..}]</s>
 * [TOOL_RESULTS] {"content": .., "call_id": ..}[/TOOL_RESULTS]
 * }</pre>
 *
 * <p>What the chat template writes is found by rendering a small conversation.
 */
public final class ToolFormat {

    private static final String CALLS = "[TOOL_CALLS]";

    /** Formats kept for further requests with the same tools. */
    private static final int MOST = 16;

    private static final ToolCall FIRST = new ToolCall("aaaaaaaa1", "first", "{\"x\": 1}");
    private static final ToolCall SECOND = new ToolCall("aaaaaaaa2", "second", "{}");
    private static final String WRITTEN = "[{\"name\": \"first\", \"arguments\": {\"x\": 1}";

    private final int callsToken;
    private final String space;
    private final ToolMessages messages;
    private final ReentrantLock lock = new ReentrantLock();
    private final Map<Offer, ResponseFormat> formats = new LinkedHashMap<>(MOST, 0.75f, true);

    private record Offer(
            List<Map<String, @Nullable Object>> tools,
            ToolChoice choice,
            boolean parallel,
            ResponseFormat text) {}

    private ToolFormat(int callsToken, String space, ToolMessages messages) {
        this.callsToken = callsToken;
        this.space = space;
        this.messages = messages;
    }

    /**
     * Finds out how a checkpoint writes tools.
     *
     * @param template its chat template
     * @param tokenizer its tokenizer
     * @return the format; empty if the template does not write tools and calls in this way, or the
     *     tokenizer has no token {@code [TOOL_CALLS]}
     */
    public static Optional<ToolFormat> of(ChatTemplate template, MistralTokenizer tokenizer) {
        try {
            Message user = Message.user("question");
            Message called = ToolMessages.parsed(Message.assistant("", List.of(FIRST, SECOND)));
            Conversation calls = new Conversation(List.of(user, called));
            String text = template.render(calls);
            String list = text.substring(text.lastIndexOf(CALLS) + CALLS.length());
            String space = list.startsWith(" ") ? " " : "";
            int token = token(tokenizer, template.encode(tokenizer, calls));
            boolean written =
                    list.startsWith(space + WRITTEN)
                            && list.contains("}, {\"name\": \"second\", \"arguments\": {}");
            if (token < 0 || !text.contains(CALLS) || !written) {
                return Optional.empty();
            }
            Message result = Message.tool(FIRST.id(), "result");
            String results = template.render(calls.withMessages(List.of(user, called, result)));
            Map<String, Object> function = new LinkedHashMap<>();
            function.put("name", "first");
            function.put("description", "some \"text\"");
            function.put("parameters", Map.of("type", "object", "properties", Map.of()));
            String tools =
                    template.render(
                            new Conversation(List.of(user))
                                    .withTools(
                                            List.of(
                                                    Map.of(
                                                            "type",
                                                            "function",
                                                            "function",
                                                            function))));
            if (!tools.contains("some")) {
                return Optional.empty();
            }
            return Optional.of(
                    new ToolFormat(
                            token,
                            space,
                            new ToolMessages(
                                    !results.contains("\"result\""),
                                    tools.contains("some \"text\""))));
        } catch (IllegalArgumentException e) { // the template refuses the conversation
            return Optional.empty();
        }
    }

    private static int token(MistralTokenizer tokenizer, long[] ids) {
        for (long id : ids) {
            if (tokenizer.token(id).equals(CALLS)) {
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
        return callsToken;
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
     * @return the form: text, or {@code [TOOL_CALLS]} and a list of calls whose arguments satisfy
     *     the tool's schema
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
                                new CallGrammar(callsToken, space, Tool.of(tools))
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
        return new ToolCallReader(detokenizer, callsToken);
    }
}
