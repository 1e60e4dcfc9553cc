/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.training;

import io.github.djlmistral.zoo.chat.Message;
import java.util.List;

/** The prompt that two answers begin with, found as {@code extract_prompt} of trl does. */
final class CommonPrompt {

    private CommonPrompt() {}

    /**
     * Compares two texts. A space before the first difference is left to the answers, and each
     * answer keeps at least its last character.
     *
     * @return the length of the prompt in UTF-16 code units
     */
    static int length(String chosen, String rejected) {
        int shorter = Math.min(chosen.length(), rejected.length());
        int length = 0;
        while (length < shorter) {
            int c = chosen.codePointAt(length);
            if (c != rejected.codePointAt(length)) {
                boolean space = length > 0 && chosen.charAt(length - 1) == ' ';
                return space ? length - 1 : length;
            }
            int next = length + Character.charCount(c);
            if (next >= shorter) {
                break;
            }
            length = next;
        }
        return length;
    }

    /**
     * Compares two conversations, of which each keeps at least its last message.
     *
     * @return the number of messages of the prompt
     * @throws IllegalArgumentException if the first messages differ
     */
    static int length(List<Message> chosen, List<Message> rejected) {
        int most = Math.min(chosen.size(), rejected.size()) - 1;
        int length = 0;
        while (length < most && chosen.get(length).equals(rejected.get(length))) {
            length++;
        }
        if (length == 0) {
            throw new IllegalArgumentException(
                    "\"chosen\" and \"rejected\" have no common messages to take as prompt: give"
                            + " \"prompt\"");
        }
        return length;
    }
}
