/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.hub;

import java.net.URI;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;

/**
 * Environment variables of the Hub, set until this is closed. A JVM cannot set its environment;
 * system properties of the same names are read as well.
 */
public final class HubEnvironment implements AutoCloseable {

    private final Map<String, String> before = new HashMap<>();

    /** Endpoint of the Hub, and a home without token and with an empty cache. */
    public HubEnvironment(URI endpoint, Path home) {
        set("HF_ENDPOINT", endpoint.toString());
        set("HF_HOME", home.toString());
        set("HF_HUB_OFFLINE", "0");
    }

    /** Sets a further variable until this is closed. */
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
