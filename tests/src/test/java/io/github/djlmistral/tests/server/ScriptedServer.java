/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.server;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import java.io.Closeable;
import java.io.IOException;
import java.io.InputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.LinkedBlockingQueue;

/** Serves the chat page, and answers its requests as a test says. */
final class ScriptedServer implements Closeable {

    private static final String PAGE = "/io/github/djlmistral/examples/server/page/";

    private static final String POLICY =
            "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src"
                    + " 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

    /** What answers a request. */
    interface Answer {
        void to(HttpExchange exchange) throws IOException, InterruptedException;
    }

    private final HttpServer server;
    private final ExecutorService threads = Executors.newCachedThreadPool();
    private final BlockingQueue<Answer> answers = new LinkedBlockingQueue<>();
    private final List<JsonObject> requests = new CopyOnWriteArrayList<>();
    private final List<String> authorizations = new CopyOnWriteArrayList<>();
    private final boolean hasPolicy;

    ScriptedServer() throws IOException {
        this(true);
    }

    /**
     * @param hasPolicy whether the page is sent with the content security policy of the real server
     */
    ScriptedServer(boolean hasPolicy) throws IOException {
        this.hasPolicy = hasPolicy;
        server = HttpServer.create(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0), 0);
        server.setExecutor(threads);
        server.createContext("/", this::file);
        server.createContext(
                "/v1/models",
                exchange -> send(exchange, 200, "application/json", "{\"data\":[{\"id\":\"m\"}]}"));
        server.createContext("/v1/chat/completions", this::complete);
        server.start();
    }

    URI uri() {
        return URI.create("http://127.0.0.1:" + server.getAddress().getPort() + "/");
    }

    /** Returns the requests for an answer that came. */
    List<JsonObject> requests() {
        return requests;
    }

    /** Returns the header Authorization of each request for an answer, or an empty text. */
    List<String> authorizations() {
        return authorizations;
    }

    /** Answers the next request with a text. */
    void answer(String text) {
        LiveAnswer live = live();
        live.say(text);
        live.end("stop", 2);
    }

    /** Answers the next request with what the test says while it is being answered. */
    LiveAnswer live() {
        LiveAnswer live = new LiveAnswer();
        answers.add(live);
        return live;
    }

    /** Refuses the next request, as OpenAI's API does. */
    void refuse(int status, String message) {
        JsonObject error = new JsonObject();
        error.addProperty("message", message);
        JsonObject body = new JsonObject();
        body.add("error", error);
        answers.add(
                exchange -> {
                    exchange.getResponseHeaders().set("Retry-After", "7");
                    send(exchange, status, "application/json", body.toString());
                });
    }

    private void complete(HttpExchange exchange) throws IOException {
        try (exchange) {
            byte[] body = exchange.getRequestBody().readAllBytes();
            String authorization = exchange.getRequestHeaders().getFirst("Authorization");
            authorizations.add(authorization == null ? "" : authorization);
            requests.add(
                    JsonParser.parseString(new String(body, StandardCharsets.UTF_8))
                            .getAsJsonObject());
            answers.take().to(exchange);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private void file(HttpExchange exchange) throws IOException {
        String path = exchange.getRequestURI().getPath().substring(1);
        String name = path.isEmpty() ? "index.html" : path;
        try (InputStream in = ScriptedServer.class.getResourceAsStream(PAGE + name)) {
            if (in == null) {
                send(exchange, 404, "text/plain", "");
                return;
            }
            if (hasPolicy) {
                exchange.getResponseHeaders().set("Content-Security-Policy", POLICY);
            }
            String type = name.endsWith(".js") ? "javascript" : name.replaceFirst(".*\\.", "");
            String content = new String(in.readAllBytes(), StandardCharsets.UTF_8);
            send(exchange, 200, "text/" + type + "; charset=utf-8", content);
        }
    }

    private static void send(HttpExchange exchange, int status, String type, String content)
            throws IOException {
        try (exchange) {
            byte[] bytes = content.getBytes(StandardCharsets.UTF_8);
            exchange.getResponseHeaders().set("Content-Type", type);
            exchange.sendResponseHeaders(status, bytes.length == 0 ? -1 : bytes.length);
            exchange.getResponseBody().write(bytes);
        }
    }

    @Override
    public void close() {
        server.stop(0);
        threads.shutdownNow();
    }

    /** A streamed answer. */
    static final class LiveAnswer implements Answer {

        private static final String CUT = "";

        private final BlockingQueue<String> events = new LinkedBlockingQueue<>();
        private volatile boolean left;

        void say(String text) {
            JsonObject delta = new JsonObject();
            delta.addProperty("content", text);
            events.add("{\"choices\":[{\"index\":0,\"delta\":" + delta + "}]}");
        }

        void end(String finishReason, int tokens) {
            events.add(
                    "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"%s\"}]}"
                            .formatted(finishReason));
            events.add("{\"choices\":[],\"usage\":{\"completion_tokens\":" + tokens + "}}");
            events.add("[DONE]");
            cut();
        }

        /** Closes the connection. */
        void cut() {
            events.add(CUT);
        }

        /** Whether writing has failed, as the page has closed the connection. */
        boolean isLeft() {
            return left;
        }

        @Override
        public void to(HttpExchange exchange) throws InterruptedException {
            try {
                exchange.getResponseHeaders().set("Content-Type", "text/event-stream");
                exchange.sendResponseHeaders(200, 0);
                for (String event = events.take(); !event.equals(CUT); event = events.take()) {
                    String line = "data: " + event + "\n\n";
                    exchange.getResponseBody().write(line.getBytes(StandardCharsets.UTF_8));
                    exchange.getResponseBody().flush();
                }
            } catch (IOException e) {
                left = true;
            }
        }
    }
}
