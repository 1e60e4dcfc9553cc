/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

import io.github.djlmistral.zoo.tokenizer.Detokenizer;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import java.util.concurrent.ThreadLocalRandom;
import org.jspecify.annotations.Nullable;

/**
 * Splits the tokens of an answer into text and calls of tools while they are generated. Not
 * thread-safe; a reader reads one answer.
 *
 * <p>Behind the token {@code [TOOL_CALLS]} an answer is a list as {@code [{"name": "f",
 * "arguments": {"x": 1}}]}, or one call as {@code f[ARGS]{"x": 1}}. Each call gets a new id of nine
 * letters and digits, the form that Mistral's templates demand.
 */
public final class ToolCallReader {

    private static final String LETTERS =
            "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
    private static final int ID_LENGTH = 9;

    /** A call that is being read. */
    private static final class Call {
        private final String id = newId();
        private @Nullable String name;
        private final StringBuilder arguments = new StringBuilder();

        /** The number of characters of the arguments that are in deltas; -1 before the first. */
        private int reported = -1;
    }

    private final Detokenizer detokenizer;
    private final @Nullable CallSyntax syntax;
    private final List<Call> calls = new ArrayList<>();
    private List<ToolCallDelta> deltas = new ArrayList<>();
    private boolean inCalls;

    /** The name of the last call, as far as it is read, where names are not in a list. */
    private final StringBuilder name = new StringBuilder();

    // the state of the scanner of lists
    private int depth;
    private boolean inString;
    private boolean escaped;
    private String key = "";
    private boolean inValue;
    private final StringBuilder string = new StringBuilder();

    /**
     * Makes a reader.
     *
     * @param detokenizer a new one, which leaves out special tokens
     * @param syntax how calls are written; null if the whole answer is text
     */
    ToolCallReader(Detokenizer detokenizer, @Nullable CallSyntax syntax) {
        this.detokenizer = detokenizer;
        this.syntax = syntax;
    }

    /**
     * Makes a reader of an answer that is text.
     *
     * @param detokenizer a new one
     * @return the reader
     */
    public static ToolCallReader ofText(Detokenizer detokenizer) {
        return new ToolCallReader(detokenizer, null);
    }

    private static String newId() {
        StringBuilder id = new StringBuilder(ID_LENGTH);
        for (int i = 0; i < ID_LENGTH; i++) {
            id.append(LETTERS.charAt(ThreadLocalRandom.current().nextInt(LETTERS.length())));
        }
        return id.toString();
    }

    /**
     * Reads the next token.
     *
     * @param id a token id
     * @return the text outside calls that is now complete, often empty
     * @throws IllegalArgumentException if the id is not in the vocabulary
     * @throws IllegalStateException if the tokenizer is closed
     */
    public String push(long id) {
        if (syntax == null || !syntax.has(id)) {
            return read(detokenizer.push(id));
        }
        String rest = flush();
        if (id == syntax.callsToken()) {
            inCalls = true;
            if (!syntax.isList()) {
                calls.add(new Call());
                name.setLength(0);
            }
        } else if (inCalls && last().name == null) {
            last().name = name.toString().strip();
            report();
        }
        return rest;
    }

    /**
     * Ends the answer.
     *
     * @return the rest of the text outside calls
     * @throws IllegalStateException if the tokenizer is closed
     */
    public String flush() {
        return read(detokenizer.flush());
    }

    /**
     * Reads a whole answer.
     *
     * @param ids its tokens
     * @return the text outside calls
     * @throws IllegalArgumentException as {@link #push}
     */
    public String read(long[] ids) {
        StringBuilder text = new StringBuilder();
        for (long id : ids) {
            text.append(push(id));
        }
        return text.append(flush()).toString();
    }

    /**
     * Takes the pieces of calls that were read since the last call of this method.
     *
     * @return the pieces, often none
     */
    public List<ToolCallDelta> takeDeltas() {
        List<ToolCallDelta> taken = deltas;
        deltas = new ArrayList<>();
        return taken;
    }

    /**
     * Returns the calls read so far.
     *
     * @return the calls whose names are known; the arguments of the last may be incomplete
     */
    public List<ToolCall> toolCalls() {
        List<ToolCall> result = new ArrayList<>();
        for (Call call : calls) {
            if (call.name != null) {
                result.add(new ToolCall(call.id, call.name, call.arguments.toString()));
            }
        }
        return result;
    }

    private String read(String text) {
        if (!inCalls) {
            return text;
        }
        if (Objects.requireNonNull(syntax).isList()) {
            text.chars().forEach(c -> scan((char) c));
        } else if (last().name == null) {
            name.append(text);
        } else {
            StringBuilder arguments = last().arguments;
            arguments.append(arguments.isEmpty() ? text.stripLeading() : text);
        }
        report();
        return "";
    }

    /** Reports what was read of the last call. */
    private void report() {
        for (int i = 0; i < calls.size(); i++) {
            Call call = calls.get(i);
            if (call.name != null && call.reported < call.arguments.length()) {
                boolean first = call.reported < 0;
                String next = call.arguments.substring(Math.max(0, call.reported));
                call.reported = call.arguments.length();
                deltas.add(
                        new ToolCallDelta(
                                i, first ? call.id : null, first ? call.name : null, next));
            }
        }
    }

    /** The members of a call are at depth 2: in an object of the list. */
    private void scan(char c) {
        boolean argument = inValue && key.equals("arguments");
        boolean structure = !inString;
        if (structure && depth == 2 && (c == ',' || c == '}')) {
            inValue = false;
            argument = false;
        }
        if (inString) {
            string.append(c);
            inString = escaped || c != '"';
            escaped = !escaped && c == '\\';
            if (!inString && depth == 2) {
                endString();
            }
        } else if (c == '"') {
            inString = true;
            string.setLength(0);
            string.append(c);
        } else if (c == '{' || c == '[') {
            depth++;
            if (depth == 2) {
                calls.add(new Call());
                key = "";
            }
        } else if (c == '}' || c == ']') {
            depth--;
        } else if (c == ':' && depth == 2) {
            inValue = true;
            return;
        }
        if (argument && (depth > 2 || !Character.isWhitespace(c) || inString)) {
            last().arguments.append(c);
        }
    }

    private Call last() {
        return calls.get(calls.size() - 1);
    }

    private void endString() {
        String text = String.valueOf(ConversationJson.value(string.toString()));
        if (!inValue) {
            key = text;
        } else if (key.equals("name")) {
            last().name = text;
        }
    }
}
