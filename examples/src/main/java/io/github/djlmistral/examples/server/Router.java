/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.server;

import io.github.djlmistral.zoo.openai.ApiException;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.TreeSet;
import java.util.concurrent.CancellationException;
import java.util.concurrent.Semaphore;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Finds the endpoint of a request, and turns exceptions into answers. */
final class Router {

    private static final Logger LOG = LoggerFactory.getLogger(Router.class);

    private record Route(boolean open, String method, Endpoint endpoint) {

        /** Returns the methods that the path takes. */
        String allowed() {
            return method.equals("GET") ? "GET, HEAD" : method;
        }
    }

    private final Map<String, Route> routes = new LinkedHashMap<>();
    private final AccessRules rules;
    private final int maxRequests;
    private final Semaphore free;
    private Function<String, @Nullable Endpoint> files = path -> null;
    private volatile boolean stopping;

    Router(ServerOptions options) {
        rules = new AccessRules(options);
        maxRequests = options.maxRequests();
        free = new Semaphore(maxRequests);
    }

    /** Adds something to read that needs no API key. */
    void open(String path, Endpoint endpoint) {
        routes.put(path, new Route(true, "GET", endpoint));
    }

    /** Adds files to read without an API key: returns their endpoints by path, null for others. */
    void files(Function<String, @Nullable Endpoint> finder) {
        files = finder;
    }

    /** Adds something to read. A path that ends in a slash stands for all that begin with it. */
    void get(String path, Endpoint endpoint) {
        routes.put(path, new Route(false, "GET", endpoint));
    }

    /** Adds work, of which a limited amount is done at a time. */
    void post(String path, Endpoint endpoint) {
        routes.put(path, new Route(false, "POST", call -> admit(call, endpoint)));
    }

    /** Refuses requests from now on. */
    void stop() {
        stopping = true;
    }

    /** Returns the number of requests with a body that are being answered. */
    int admitted() {
        return maxRequests - free.availablePermits();
    }

    /**
     * Answers a request.
     *
     * @throws IOException if the connection has to be closed without a complete answer
     */
    void answer(Call call) throws IOException {
        try {
            dispatch(call);
        } catch (CancellationException e) {
            if (!stopping) {
                throw new IOException("the client has gone", e);
            }
            fail(call, Refusal.stopping());
        } catch (RuntimeException e) {
            ApiException known = ApiException.of(e);
            if (known.status() == 500) {
                LOG.error("{} {} failed", call.method(), call.path(), e);
            }
            fail(call, known);
        } catch (Error e) { // of memory, for example: the server goes on with other requests
            LOG.error("{} {} failed", call.method(), call.path(), e);
            fail(call, Refusal.internal(e));
        }
    }

    private void dispatch(Call call) throws IOException {
        rules.checkOrigin(call);
        Route route = route(call.path());
        if (route != null && AccessRules.isPreflight(call)) {
            AccessRules.allow(call, route.allowed());
            call.begin(204, -1);
            return;
        }
        if (route == null || !route.open) {
            rules.checkKey(call);
        }
        if (route == null) {
            throw Refusal.of(
                    404,
                    "there is no " + call.path() + "; there are " + new TreeSet<>(routes.keySet()));
        }
        boolean head = call.method().equals("HEAD") && route.method.equals("GET");
        if (!head && !call.method().equals(route.method)) {
            call.responseHeaders().set("Allow", route.allowed());
            throw Refusal.of(405, call.path() + " takes " + route.allowed());
        }
        if (stopping) {
            throw Refusal.stopping();
        }
        route.endpoint.answer(call);
    }

    private @Nullable Route route(String path) {
        Route route = routes.get(path);
        int slash = path.lastIndexOf('/');
        while (route == null && slash > 0) {
            route = routes.get(path.substring(0, slash + 1));
            slash = path.lastIndexOf('/', slash - 1);
        }
        if (route != null) {
            return route;
        }
        Endpoint file = files.apply(path);
        return file == null ? null : new Route(true, "GET", file);
    }

    private void admit(Call call, Endpoint endpoint) throws IOException {
        if (!free.tryAcquire()) {
            throw Refusal.busy(maxRequests);
        }
        try {
            endpoint.answer(call);
        } finally {
            free.release();
        }
    }

    private static void fail(Call call, ApiException error) throws IOException {
        if (call.status() == 0) {
            switch (error.status()) {
                case 429, 503 -> call.responseHeaders().set("Retry-After", "1");
                case 413 -> call.responseHeaders().set("Connection", "close");
                default -> {}
            }
            call.sendJson(error.status(), error.toJson());
        } else if (call.isEventStream()) {
            call.write(("data: " + error.toJson() + "\n\n").getBytes(StandardCharsets.UTF_8));
        } else {
            throw new IOException("the answer has begun, and cannot be completed", error);
        }
    }
}
