/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.chat;

import io.github.djlmistral.zoo.chat.ToolCall;
import io.github.djlmistral.zoo.translator.TextPieces;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/** Where messages come from and answers go to. */
public interface ChatConsole extends AutoCloseable {

    /**
     * What the user entered.
     *
     * @param text the text, without white space around it
     * @param quoted whether it is a message also if it begins with a slash
     */
    record Entry(String text, boolean quoted) {}

    /**
     * Waits for the user.
     *
     * @param prompt what is asked for, shown where somebody types
     * @return what was entered, null at the end of the input
     * @throws IOException if the input cannot be read
     */
    @Nullable Entry read(String prompt) throws IOException;

    /**
     * Asks a question.
     *
     * @param question the question
     * @return whether the answer is yes; false where there is nobody to ask
     */
    boolean confirm(String question);

    /**
     * Generates a text and prints it as it comes, then the calls of tools; Ctrl-C ends it.
     *
     * @param text the text
     * @return the text without the calls
     */
    String show(TextPieces text);

    /** Returns a call as it is printed. */
    static String line(ToolCall call) {
        return call.name() + "(" + call.arguments() + ")";
    }

    /** Leaves the terminal as it was. */
    @Override
    void close() throws IOException;
}
