/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.server;

import java.io.IOException;
import java.nio.charset.StandardCharsets;

/** An answer of server-sent events. */
final class EventStream implements AutoCloseable {

    static final String TYPE = "text/event-stream";

    private final LiveAnswer answer;

    EventStream(LiveAnswer answer) {
        this.answer = answer;
    }

    /**
     * Sends an event at once.
     *
     * @param event its lines, the empty one included
     */
    void send(String event) throws IOException {
        answer.write(event.getBytes(StandardCharsets.UTF_8));
    }

    /** Ends the heartbeat, not the answer. */
    @Override
    public void close() {
        answer.close();
    }
}
