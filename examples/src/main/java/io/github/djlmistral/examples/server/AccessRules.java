/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.server;

import com.sun.net.httpserver.Headers;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Who may ask. Any program of the machine reaches the loopback address, and so does a web browser
 * on behalf of any page that it shows. Such a page is refused: it has another origin, or, if it had
 * its own host name resolve to the loopback address (DNS rebinding), another host.
 */
final class AccessRules {

    /** This machine under the names that no other one can have. */
    private static final Pattern LOCAL =
            Pattern.compile("(localhost|127(\\.\\d{1,3}){3}|\\[::1])(:\\d{1,5})?");

    private static final String ANY = "*";
    private static final String DAY = "86400";

    private final ApiKeys keys;
    private final List<String> origins;
    private final boolean checksHost;

    AccessRules(ServerOptions options) {
        keys = new ApiKeys(options.apiKeys());
        origins = options.corsOrigins();
        checksHost = keys.isEmpty() && options.address().getAddress().isLoopbackAddress();
    }

    /** Checks that the request has one of the API keys, if there are any. */
    void checkKey(Call call) {
        if (!keys.accept(call.requestHeaders().getFirst("Authorization"))) {
            call.responseHeaders().set("WWW-Authenticate", "Bearer");
            throw Refusal.unauthorized();
        }
    }

    /** Checks host and origin, and lets pages of permitted origins read the answer. */
    void checkOrigin(Call call) {
        Headers headers = call.requestHeaders();
        List<String> hosts = headers.getOrDefault("Host", List.of());
        String host = hosts.size() == 1 ? hosts.get(0).toLowerCase(Locale.ROOT) : "";
        if (checksHost && !LOCAL.matcher(host).matches()) {
            throw Refusal.of(
                    403,
                    "the header Host does not name this machine: use localhost or 127.0.0.1, or"
                            + " start the server with API keys");
        }
        String origin = headers.getFirst("Origin");
        if (origin == null || isOwn(origin, host)) {
            return;
        }
        if (!origins.contains(ANY) && !origins.contains(origin)) {
            throw Refusal.of(
                    403,
                    "web pages of this origin may not use the server; its option --cors-origin"
                            + " permits them");
        }
        call.responseHeaders().set("Access-Control-Allow-Origin", origin);
        call.responseHeaders().set("Vary", "Origin");
    }

    private static boolean isOwn(String origin, String host) {
        int authority = origin.indexOf("://");
        return authority > 0 && origin.substring(authority + "://".length()).equalsIgnoreCase(host);
    }

    /** Returns whether a browser asks what a page of a permitted origin may send. */
    static boolean isPreflight(Call call) {
        return call.method().equals("OPTIONS")
                && call.responseHeaders().containsKey("Access-Control-Allow-Origin")
                && call.requestHeaders().containsKey("Access-Control-Request-Method");
    }

    /** Answers that question. */
    static void allow(Call call, String methods) {
        Headers headers = call.responseHeaders();
        headers.set("Access-Control-Allow-Methods", methods);
        @Nullable String wanted = call.requestHeaders().getFirst("Access-Control-Request-Headers");
        if (wanted != null) {
            headers.set("Access-Control-Allow-Headers", wanted);
        }
        headers.set("Access-Control-Max-Age", DAY);
    }
}
