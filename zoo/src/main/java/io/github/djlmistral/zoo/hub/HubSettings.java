/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import java.io.IOException;
import java.net.URI;
import java.nio.file.Path;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Where the Hub is, where its files are kept, and how it is spoken to.
 *
 * @param endpoint the Hub's address, {@code https://huggingface.co}; plain {@code http} only for
 *     this very machine
 * @param cache the directory with the {@code models--owner--name} directories
 * @param token an access token for repositories that are private or gated, or null; it is only ever
 *     sent to the endpoint itself
 * @param offline whether to do with what is in the cache
 * @param links whether snapshots may be links to the blobs, if the file system has such; else they
 *     are the files themselves
 * @param connections how many requests run at once, 1 to 64
 * @param backOff the pause before the second try of a request that failed; it doubles with each
 * @param stall after how long without a single byte a connection counts as broken
 */
public record HubSettings(
        URI endpoint,
        Path cache,
        @Nullable String token,
        boolean offline,
        boolean links,
        int connections,
        Duration backOff,
        Duration stall) {

    /**
     * Settings for a server and a cache, without a token, the rest as it is without environment
     * variables.
     *
     * @param endpoint the Hub's address
     * @param cache the directory of the cache, which need not exist
     * @return the settings
     */
    public static HubSettings of(URI endpoint, Path cache) {
        return new HubSettings(
                endpoint,
                cache,
                null,
                false,
                true,
                8,
                Duration.ofSeconds(1),
                Duration.ofSeconds(30));
    }

    /**
     * Reads the environment variables of {@code huggingface_hub}, or system properties of the same
     * names where these are not set: {@code HF_ENDPOINT}; {@code HF_HUB_CACHE}, or {@code hub} in
     * {@code HF_HOME}; {@code HF_TOKEN}, or the file {@code HF_TOKEN_PATH}, or {@code token} in
     * {@code HF_HOME}; {@code HF_HUB_OFFLINE}; {@code HF_HUB_DISABLE_SYMLINKS}; {@code
     * HF_HUB_DOWNLOAD_TIMEOUT} in seconds.
     *
     * @return the settings
     * @throws IOException if the token file is there but cannot be read
     * @throws IllegalArgumentException if a variable cannot be understood
     */
    public static HubSettings fromEnvironment() throws IOException {
        throw new UnsupportedOperationException();
    }

    /** The same with another token; null for none. */
    public HubSettings withToken(@Nullable String other) {
        return new HubSettings(endpoint, cache, other, offline, links, connections, backOff, stall);
    }

    /** The same with or without the network. */
    public HubSettings withOffline(boolean other) {
        return new HubSettings(endpoint, cache, token, other, links, connections, backOff, stall);
    }

    /** The same with another number of connections. */
    public HubSettings withConnections(int other) {
        return new HubSettings(endpoint, cache, token, offline, links, other, backOff, stall);
    }

    /** The same with another first pause between tries. */
    public HubSettings withBackOff(Duration other) {
        return new HubSettings(endpoint, cache, token, offline, links, connections, other, stall);
    }

    /** The same with another time until a silent connection counts as broken. */
    public HubSettings withStall(Duration other) {
        return new HubSettings(endpoint, cache, token, offline, links, connections, backOff, other);
    }

    /** The same with or without links. */
    public HubSettings withLinks(boolean other) {
        return new HubSettings(endpoint, cache, token, offline, other, connections, backOff, stall);
    }
}
