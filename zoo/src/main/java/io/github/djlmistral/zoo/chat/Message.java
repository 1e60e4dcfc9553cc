/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

import java.util.Objects;

/**
 * One message of a conversation. Which roles there may be, and in which order, is up to the {@link
 * ChatTemplate}.
 *
 * @param role who speaks: usually {@code system}, {@code user} or {@code assistant}
 * @param content what is said
 */
public record Message(String role, String content) {

    /** Checks that both parts are there. */
    public Message {
        Objects.requireNonNull(role, "role");
        Objects.requireNonNull(content, "content");
    }

    /**
     * Returns a message that tells the model how to behave.
     *
     * @param content what is said
     * @return the message
     */
    public static Message system(String content) {
        return new Message("system", content);
    }

    /**
     * Returns a message of the user.
     *
     * @param content what is said
     * @return the message
     */
    public static Message user(String content) {
        return new Message("user", content);
    }

    /**
     * Returns a message of the model.
     *
     * @param content what is said
     * @return the message
     */
    public static Message assistant(String content) {
        return new Message("assistant", content);
    }
}
