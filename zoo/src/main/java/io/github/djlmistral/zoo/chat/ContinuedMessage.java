/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

import io.github.djlmistral.zoo.chat.jinja.RenderedText;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The last message of a conversation that the model continues. As transformers does it, a mark is
 * appended to the message, and the prompt is cut where the mark appears.
 */
final class ContinuedMessage {

    private static final String MARK = "CONTINUE_FINAL_MESSAGE_TAG ";

    private final List<Message> messages;
    private final String text;

    /**
     * Appends the mark.
     *
     * @param source the template
     * @throws IllegalArgumentException if there is nothing to continue
     */
    ContinuedMessage(Conversation conversation, String field, String source) {
        if (conversation.addGenerationPrompt()) {
            throw new IllegalArgumentException(
                    "a generation prompt starts a new message, so the last message cannot be"
                            + " continued: use one or the other");
        }
        messages = new ArrayList<>(conversation.messages());
        Map<String, @Nullable Object> last =
                new LinkedHashMap<>(messages.get(messages.size() - 1).fields());
        Object value = last.get(field);
        if (value == null) {
            throw new IllegalArgumentException(
                    "the last message has no \"" + field + "\" to continue");
        }
        if (!source.contains(field)) {
            throw new IllegalArgumentException(
                    "the chat template does not use \"" + field + "\", it cannot be continued");
        }
        if (value instanceof String string) {
            text = string;
            last.put(field, string + MARK);
        } else if (value instanceof List<?> parts) {
            List<@Nullable Object> marked = new ArrayList<>(parts);
            text = markLastText(marked);
            last.put(field, marked);
        } else {
            throw new IllegalArgumentException(
                    "the \""
                            + field
                            + "\" of the last message is not text, it cannot be continued");
        }
        messages.set(messages.size() - 1, new Message(last));
    }

    private static String markLastText(List<@Nullable Object> parts) {
        for (int i = parts.size() - 1; i >= 0; i--) {
            if (parts.get(i) instanceof Map<?, ?> part && part.get("text") instanceof String s) {
                Map<Object, @Nullable Object> marked = new LinkedHashMap<>(part);
                marked.put("text", s + MARK);
                parts.set(i, marked);
                return s;
            }
        }
        throw new IllegalArgumentException("the last message has no text to continue");
    }

    List<Message> messages() {
        return messages;
    }

    /**
     * Cuts a rendered conversation at the mark; white space before the mark is removed if the
     * template has stripped the space after it.
     */
    RenderedText cut(RenderedText rendered) {
        String all = rendered.text();
        int at = all.lastIndexOf(MARK.strip());
        if (at < 0 || !all.contains(strip(text))) {
            throw new IllegalArgumentException(
                    "the last message cannot be continued: the chat template does not write it"
                            + " unchanged");
        }
        int end = at;
        if (!all.startsWith(MARK, at)) {
            while (end > 0 && isSpace(all.charAt(end - 1))) {
                end--;
            }
        }
        return rendered.first(end);
    }

    private static String strip(String text) {
        int start = 0;
        int end = text.length();
        while (start < end && isSpace(text.charAt(start))) {
            start++;
        }
        while (start < end && isSpace(text.charAt(end - 1))) {
            end--;
        }
        return text.substring(start, end);
    }

    /** What Python strips. */
    private static boolean isSpace(char c) {
        return Character.isWhitespace(c) || Character.isSpaceChar(c) || c == '\u0085';
    }
}
