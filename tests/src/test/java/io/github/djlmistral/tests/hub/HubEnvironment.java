/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.hub;

import java.net.URI;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * What the environment says of the Hub, while it is open. A JVM cannot set its environment; system
 * properties of the same names do as well.
 */
public final class HubEnvironment implements AutoCloseable {

    private final Map<String, String> before = new HashMap<>();

    /** A Hub to be asked, and a home without a token and with an empty cache. */
    public HubEnvironment(URI endpoint, Path home) {
        set("HF_ENDPOINT", endpoint.toString());
        set("HF_HOME", home.toString());
        set("HF_HUB_OFFLINE", "0");
    }

    /** Sets another one, until this is closed. */
    public HubEnvironment set(String name, String value) {
        String old = System.setProperty(name, value);
        before.putIfAbsent(name, old == null ? "" : old);
        return this;
    }

    @Override
    public void close() {
        before.forEach(
                (name, value) -> {
                    if (value.isEmpty()) {
                        System.clearProperty(name);
                    } else {
                        System.setProperty(name, value);
                    }
                });
    }
}
