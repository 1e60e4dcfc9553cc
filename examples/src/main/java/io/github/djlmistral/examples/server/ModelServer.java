/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.server;

import com.sun.net.httpserver.HttpExchange;
import com.sun.net.httpserver.HttpServer;
import com.sun.net.httpserver.HttpsConfigurator;
import com.sun.net.httpserver.HttpsServer;
import io.github.djlmistral.zoo.openai.OpenAi;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import java.io.IOException;
import java.net.InetSocketAddress;
import java.net.URI;
import java.time.Duration;
import java.util.HashSet;
import java.util.Set;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * An HTTP server for one model. The answers of concurrent requests are computed together. Its
 * paths:
 *
 * <ul>
 *   <li>{@code POST /v1/chat/completions}, {@code /v1/completions}, {@code /v1/responses}, {@code
 *       /v1/embeddings}, {@code GET /v1/models}: OpenAI's API, see {@link OpenAi}
 *   <li>{@code POST /tokenize}, {@code /detokenize}, {@code /apply-template}: as llama-server's
 *   <li>{@code GET /health}: status 200 while it takes requests
 *   <li>{@code GET /metrics}: counters in Prometheus' text format
 *   <li>{@code GET /}: a page to chat with the model
 * </ul>
 */
public final class ModelServer implements AutoCloseable {

    /** How long answers may take to end when they are cancelled. */
    private static final Duration CANCELLED = Duration.ofSeconds(5);

    /** Threads beside those of the admitted requests, for others to be refused at once. */
    private static final int SPARE_THREADS = 64;

    /** Limits the time for the headers of a request, which are read before {@link #handle}. */
    private static final ThreadLocal<Watchdog.Limit> ARRIVAL = new ThreadLocal<>();

    private final ServerOptions options;
    private final Router router;
    private final AccessLog log;
    private final Metrics metrics;
    private final HttpServer server;
    private final ExecutorService threads;
    private final Watchdog watchdog = new Watchdog();
    private final LiveAnswer.Heartbeat heartbeat = new LiveAnswer.Heartbeat();

    private final ReentrantLock lock = new ReentrantLock();
    private final Condition idle = lock.newCondition();
    private final Set<Call> running = new HashSet<>();

    private ModelServer(
            MistralTokenizer tokenizer,
            @Nullable MistralPipeline pipeline,
            OpenAi api,
            ServerOptions options)
            throws IOException {
        this.options = options;
        log = new AccessLog(options.accessLog());
        router = new Router(options);
        metrics = new Metrics(pipeline, router);
        threads = Threads.forRequests(options.maxRequests() + SPARE_THREADS);
        router.open("/health", call -> call.sendJson(200, "{\"status\":\"ok\"}"));
        router.get("/metrics", metrics);
        new TextEndpoints(tokenizer, pipeline).addTo(router);
        new OpenAiEndpoints(api).addTo(router);
        router.files(ChatPage::find);
        server = create(options);
        server.setExecutor(this::execute);
        server.createContext("/", this::handle);
    }

    /**
     * Starts a server.
     *
     * @param pipeline the model, which must stay open until the server is closed
     * @param api OpenAI's API over this model
     * @param options where to listen, for whom, and limits
     * @return the server, to be closed
     * @throws IOException if it cannot listen there, for example as the port is in use
     */
    public static ModelServer start(MistralPipeline pipeline, OpenAi api, ServerOptions options)
            throws IOException {
        return new ModelServer(pipeline.tokenizer(), pipeline, api, options).start();
    }

    /**
     * Starts a server for a model that embeds texts and generates none.
     *
     * @param tokenizer the model's, which must stay open until the server is closed
     * @param api OpenAI's API over this model
     * @param options where to listen, for whom, and limits
     * @return the server, to be closed
     * @throws IOException if it cannot listen there
     */
    public static ModelServer start(MistralTokenizer tokenizer, OpenAi api, ServerOptions options)
            throws IOException {
        return new ModelServer(tokenizer, null, api, options).start();
    }

    private ModelServer start() {
        server.start();
        return this;
    }

    private static HttpServer create(ServerOptions options) throws IOException {
        HttpLimits.set();
        if (options.tls() == null) {
            return HttpServer.create(options.address(), 0);
        }
        HttpsServer https = HttpsServer.create(options.address(), 0);
        https.setHttpsConfigurator(new HttpsConfigurator(options.tls()));
        return https;
    }

    /** Returns the address, with the port that was free if it was given as 0. */
    public URI uri() {
        InetSocketAddress bound = server.getAddress();
        String host = bound.getAddress().getHostAddress().replaceFirst("%.*", "");
        return URI.create(
                (options.tls() == null ? "http://" : "https://")
                        + (host.contains(":") ? "[" + host + "]" : host)
                        + ":"
                        + bound.getPort());
    }

    private void execute(Runnable exchange) {
        threads.execute(
                () -> {
                    try (Watchdog.Limit limit = watchdog.limit(options.requestTimeout())) {
                        ARRIVAL.set(limit);
                        exchange.run();
                    } finally {
                        ARRIVAL.remove();
                        boolean unused = Thread.interrupted(); // the thread serves others
                    }
                });
    }

    private void handle(HttpExchange exchange) throws IOException {
        Call call = new Call(exchange, options, watchdog, heartbeat, ARRIVAL.get());
        lock.lock();
        try {
            running.add(call);
        } finally {
            lock.unlock();
        }
        try {
            router.answer(call);
            call.end();
        } finally {
            lock.lock();
            try {
                running.remove(call);
                idle.signalAll();
            } finally {
                lock.unlock();
            }
            metrics.count(call);
            log.write(call);
        }
    }

    /** As {@link #close(Duration)} with no time for answers under way. */
    @Override
    public void close() {
        close(Duration.ZERO);
    }

    /**
     * Stops: refuses new requests, lets answers under way end, and closes all connections. A second
     * call has no effect.
     *
     * @param patience after which the answers are cancelled
     */
    public void close(Duration patience) {
        router.stop();
        if (!awaitIdle(patience)) {
            lock.lock();
            try {
                running.forEach(Call::cancel);
            } finally {
                lock.unlock();
            }
            boolean unused = awaitIdle(CANCELLED);
        }
        server.stop(0);
        threads.shutdown();
        awaitThreads();
        heartbeat.close();
        watchdog.close();
    }

    /** Waits for requests that were accepted before the stop, which the watchdog still limits. */
    private void awaitThreads() {
        try {
            boolean unused = threads.awaitTermination(CANCELLED.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    private boolean awaitIdle(Duration time) {
        long left = time.toNanos();
        lock.lock();
        try {
            while (!running.isEmpty() && left > 0) {
                left = idle.awaitNanos(left);
            }
            return running.isEmpty();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            return running.isEmpty();
        } finally {
            lock.unlock();
        }
    }
}
