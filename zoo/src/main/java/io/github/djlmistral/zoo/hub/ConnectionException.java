/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import java.io.IOException;

/**
 * A connection could not be established or was lost. Holds the host, which need not be the Hub's.
 */
final class ConnectionException extends IOException {

    private static final long serialVersionUID = 1;

    private final String host;

    ConnectionException(String host, Throwable cause) {
        super(cause);
        this.host = host;
    }

    String host() {
        return host;
    }
}
