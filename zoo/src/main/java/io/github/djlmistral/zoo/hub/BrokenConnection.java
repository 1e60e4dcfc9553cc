/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import java.io.IOException;

/**
 * A connection could not be made, or broke; with the name of the server, which may be another's.
 */
final class BrokenConnection extends IOException {

    private static final long serialVersionUID = 1;

    private final String host;

    BrokenConnection(String host, Throwable cause) {
        super(cause);
        this.host = host;
    }

    String host() {
        return host;
    }
}
