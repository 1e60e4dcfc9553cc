/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import org.jspecify.annotations.Nullable;

/**
 * An event of a stream.
 *
 * @param name the type of the event; null for streams without types
 * @param data JSON on one line, or {@code [DONE]}
 */
public record ServerSentEvent(@Nullable String name, String data) {

    /** Returns the lines of the event in a {@code text/event-stream}, the empty one included. */
    public String text() {
        return (name == null ? "" : "event: " + name + "\n") + "data: " + data + "\n\n";
    }
}
