/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.server;

import com.sun.net.httpserver.Headers;
import com.sun.net.httpserver.HttpExchange;
import io.github.djlmistral.zoo.openai.ApiException;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicReference;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/** A request and its answer, for the thread of the request. */
final class Call {

    static final String JSON = "application/json";

    private static final byte[] SPACE = {' '};
    private static final Duration JSON_INTERVAL = Duration.ofMillis(200);
    private static final byte[] COMMENT = ":\n\n".getBytes(StandardCharsets.UTF_8);
    private static final Duration EVENT_INTERVAL = Duration.ofSeconds(1);

    /** Bytes that are written under one time limit. */
    private static final int PIECE = 1 << 16;

    /**
     * Bytes of a refused body that are read, so that a client that sends first and reads later gets
     * the answer: a connection that is closed with unread bytes is reset.
     */
    private static final int LINGER = 16 << 20;

    private final HttpExchange exchange;
    private final ServerOptions options;
    private final Watchdog watchdog;
    private final LiveAnswer.Heartbeat heartbeat;
    private final Watchdog.Limit arrival;
    private final long started = System.nanoTime();
    private int status;
    private boolean empty;
    private long sent;
    private String tokens = "-";
    private final AtomicReference<@Nullable Runnable> cancel = new AtomicReference<>();

    /**
     * Takes a request over.
     *
     * @param arrival limits the time in which the request must have arrived
     */
    Call(
            HttpExchange exchange,
            ServerOptions options,
            Watchdog watchdog,
            LiveAnswer.Heartbeat heartbeat,
            Watchdog.Limit arrival) {
        this.exchange = exchange;
        this.options = options;
        this.watchdog = watchdog;
        this.heartbeat = heartbeat;
        this.arrival = arrival;
    }

    String method() {
        return exchange.getRequestMethod();
    }

    /** Returns the path without the query, as it was sent. */
    String path() {
        return exchange.getRequestURI().getRawPath();
    }

    Headers requestHeaders() {
        return exchange.getRequestHeaders();
    }

    Headers responseHeaders() {
        return exchange.getResponseHeaders();
    }

    /** Returns the status of the answer, 0 if there is none yet. */
    int status() {
        return status;
    }

    /** Returns the number of bytes of the answer so far, without its headers. */
    long sent() {
        return sent;
    }

    Duration elapsed() {
        return Duration.ofNanos(System.nanoTime() - started);
    }

    /** Returns the numbers of tokens, for the access log. */
    String tokens() {
        return tokens;
    }

    void tokens(long prompt, long generated) {
        tokens = prompt + "+" + generated;
    }

    /**
     * Sets what ends the computation of the answer at its next token.
     *
     * @param action called from any thread
     */
    void onCancel(Runnable action) {
        if (!cancel.compareAndSet(null, action)) {
            action.run(); // cancelled before
        }
    }

    /** Ends the computation of the answer. From any thread. */
    void cancel() {
        Runnable action = cancel.getAndSet(() -> {});
        if (action != null) {
            action.run();
        }
    }

    /**
     * Reads the body.
     *
     * @return the text
     * @throws ApiException if it is too large or not UTF-8
     * @throws IOException if it does not arrive in time
     */
    String body() throws IOException {
        int limit = options.maxBodyBytes();
        String length = requestHeaders().getFirst("Content-Length"); // a number, as it got here
        if (length != null && Long.parseLong(length) > limit) {
            throw Refusal.tooLarge(limit);
        }
        byte[] bytes = exchange.getRequestBody().readNBytes(limit + 1);
        if (bytes.length > limit) {
            throw Refusal.tooLarge(limit);
        }
        arrival.close();
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            throw Refusal.of(400, "the body is not UTF-8");
        }
    }

    /** Answers. */
    void send(int code, String type, byte[] body) throws IOException {
        responseHeaders().set("Content-Type", type);
        if (method().equals("HEAD")) {
            responseHeaders().set("Content-Length", Integer.toString(body.length));
            begin(code, -1);
        } else {
            begin(code, body.length == 0 ? -1 : body.length);
            write(body);
        }
    }

    void sendJson(int code, String json) throws IOException {
        send(code, JSON, json.getBytes(StandardCharsets.UTF_8));
    }

    /** Answers with JSON that takes time to compute; see {@link LiveAnswer}. */
    void sendJson(Supplier<String> work) throws IOException {
        byte[] body;
        LiveAnswer answer = new LiveAnswer(this, heartbeat, JSON, SPACE, JSON_INTERVAL);
        try {
            body = work.get().getBytes(StandardCharsets.UTF_8);
        } finally {
            answer.close();
        }
        if (status == 0) {
            send(200, JSON, body);
        } else {
            write(body);
        }
    }

    /** Begins an answer of events; status and headers are sent with the first one. */
    EventStream events() {
        responseHeaders().set("Cache-Control", "no-cache");
        return new EventStream(
                new LiveAnswer(this, heartbeat, EventStream.TYPE, COMMENT, EVENT_INTERVAL));
    }

    boolean isEventStream() {
        return EventStream.TYPE.equals(responseHeaders().getFirst("Content-Type"));
    }

    /**
     * Sends status and headers.
     *
     * @param length of the body, -1 for none, 0 if it is not known
     */
    void begin(int code, long length) throws IOException {
        status = code;
        empty = length < 0;
        limited(() -> exchange.sendResponseHeaders(code, length));
    }

    /** Sends a part of the body at once; one thread at a time. */
    void write(byte[] bytes) throws IOException {
        OutputStream out = exchange.getResponseBody();
        for (int from = 0; from < bytes.length; from += PIECE) {
            int offset = from;
            int length = Math.min(PIECE, bytes.length - from);
            limited(
                    () -> {
                        out.write(bytes, offset, length);
                        out.flush();
                    });
            sent += length;
        }
    }

    /** Ends the answer. The connection can be used for another request if the body was read. */
    void end() throws IOException {
        if (!empty) { // without a body, the answer ended with its headers
            limited(
                    () -> {
                        discardBody();
                        exchange.close();
                    });
        }
        arrival.close();
    }

    private interface Transfer {
        void run() throws IOException;
    }

    private void limited(Transfer transfer) throws IOException {
        Watchdog.Limit limit = watchdog.limit(options.writeTimeout());
        try {
            transfer.run();
        } finally {
            limit.close();
        }
    }

    private void discardBody() throws IOException {
        InputStream in = exchange.getRequestBody();
        byte[] buffer = new byte[PIECE];
        int count = 0;
        int length = in.read(buffer);
        while (length > 0 && count < LINGER) {
            count += length;
            length = in.read(buffer);
        }
    }
}
