/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import java.net.URI;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Origin of a URL: scheme, host and port. Credentials are sent to the origin they are meant for
 * only, and nothing is sent unencrypted over a network.
 *
 * @param scheme {@code https} or {@code http}
 * @param host host name in lower case
 * @param port port, explicit or the default of the scheme
 */
record Origin(String scheme, String host, int port) {

    /** Returns the origin of a URL, which must have a host. */
    static Origin of(URI address) {
        String scheme = lower(address.getScheme());
        int port = address.getPort();
        return new Origin(
                scheme,
                lower(address.getHost()),
                port >= 0 ? port : scheme.equals("https") ? 443 : 80);
    }

    /** Returns whether a URL is https, or http to the loopback interface. */
    static boolean isSafe(URI address) {
        Origin origin = of(address);
        return origin.scheme.equals("https")
                || (origin.scheme.equals("http") && origin.isLoopback());
    }

    /** Returns whether the host is a literal loopback name, without asking a name server. */
    boolean isLoopback() {
        return host.equals("localhost")
                || host.equals("[::1]")
                || host.matches("127\\.\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}");
    }

    private static String lower(@Nullable String text) {
        return text == null ? "" : text.toLowerCase(Locale.ROOT);
    }
}
