/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import java.net.URI;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * The server that an address is of. What is secret goes to the server it was meant for, not to whom
 * that one points to; nothing travels in the clear beyond this machine.
 *
 * @param scheme {@code https} or {@code http}
 * @param host in lower case
 * @param port the default one too
 */
record Origin(String scheme, String host, int port) {

    /** The origin of an address, which must have a host. */
    static Origin of(URI address) {
        String scheme = lower(address.getScheme());
        int port = address.getPort();
        return new Origin(
                scheme,
                lower(address.getHost()),
                port >= 0 ? port : scheme.equals("https") ? 443 : 80);
    }

    /** Whether it is https, or http to this machine itself. */
    static boolean isSafe(URI address) {
        Origin origin = of(address);
        return origin.scheme.equals("https")
                || (origin.scheme.equals("http") && origin.isLoopback());
    }

    /** By its name: an address that a name server could change does not count. */
    boolean isLoopback() {
        return host.equals("localhost")
                || host.equals("[::1]")
                || host.matches("127\\.\\d{1,3}\\.\\d{1,3}\\.\\d{1,3}");
    }

    private static String lower(@Nullable String text) {
        return text == null ? "" : text.toLowerCase(Locale.ROOT);
    }
}
