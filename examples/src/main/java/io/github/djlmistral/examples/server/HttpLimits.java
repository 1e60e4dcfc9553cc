/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.server;

import java.util.Map;

/**
 * Limits of {@code jdk.httpserver}, which has them in system properties and reads them once, when a
 * JVM creates its first server. It closes a connection that exceeds one. Properties that the user
 * has set stay.
 */
final class HttpLimits {

    private static final Map<String, String> LIMITS =
            Map.of(
                    "jdk.httpserver.maxConnections", "1024",
                    "sun.net.httpserver.maxIdleConnections", "512",
                    // seconds; for new connections that send nothing, too
                    "sun.net.httpserver.idleInterval", "60",
                    "sun.net.httpserver.maxReqHeaders", "100",
                    // bytes; of the first line, too
                    "sun.net.httpserver.maxReqHeaderSize", "32768",
                    // tokens are sent as they come
                    "sun.net.httpserver.nodelay", "true");

    private HttpLimits() {}

    /** Sets them, where the first server is yet to be created. */
    static void set() {
        LIMITS.forEach((name, value) -> System.getProperties().putIfAbsent(name, value));
    }
}
