/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.server;

import java.io.PrintWriter;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.time.Duration;
import java.util.List;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;

/**
 * Options of a {@link ModelServer}.
 *
 * @param address where it listens; port 0 for any free one
 * @param apiKeys the keys of which clients must send one; empty if they need none, which is
 *     possible on loopback addresses only
 * @param corsOrigins origins of web pages that may use it, such as {@code https://example.org}, or
 *     {@code *} for all; its own pages always may
 * @param maxRequests maximum requests at a time, running and waiting; others get the status 429
 * @param maxBodyBytes maximum bytes of the body of a request; larger ones get the status 413
 * @param requestTimeout the time in which a request must have arrived
 * @param writeTimeout the time that a client may leave what is sent to it unread
 * @param tls certificate and key for HTTPS; null for HTTP
 * @param accessLog gets a line for each request, without contents; null for none
 */
public record ServerOptions(
        InetSocketAddress address,
        List<String> apiKeys,
        List<String> corsOrigins,
        int maxRequests,
        int maxBodyBytes,
        Duration requestTimeout,
        Duration writeTimeout,
        @Nullable SSLContext tls,
        @Nullable PrintWriter accessLog) {

    /**
     * Checks the options.
     *
     * @throws IllegalArgumentException if one is out of its range, or if the address is no loopback
     *     address and there are no keys
     */
    public ServerOptions {
        apiKeys = List.copyOf(apiKeys);
        corsOrigins = List.copyOf(corsOrigins);
        require("max-requests", maxRequests);
        require("max-body-bytes", maxBodyBytes);
        require("request-timeout", requestTimeout.toMillis());
        require("write-timeout", writeTimeout.toMillis());
        if (address.isUnresolved()) {
            throw new IllegalArgumentException("host " + address.getHostString() + " is unknown");
        }
        if (apiKeys.stream().anyMatch(String::isBlank)) {
            throw new IllegalArgumentException("an API key is empty");
        }
        InetAddress host = address.getAddress();
        if (apiKeys.isEmpty() && !host.isLoopbackAddress()) {
            throw new IllegalArgumentException(
                    "host "
                            + host.getHostAddress()
                            + " can be reached from other machines: give API keys, or listen on"
                            + " 127.0.0.1");
        }
    }

    private static void require(String name, long value) {
        if (value < 1) {
            throw new IllegalArgumentException(name + " is " + value + ", must be at least 1");
        }
    }
}
