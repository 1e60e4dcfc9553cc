/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import ai.djl.util.Utils;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Locale;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
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

    private static final String DEFAULT_ENDPOINT = "https://huggingface.co";
    private static final Pattern VARIABLE =
            Pattern.compile("\\$(?:([A-Za-z_]\\w*)|\\{([A-Za-z_]\\w*)})");

    /**
     * Checks the values.
     *
     * @throws IllegalArgumentException if the endpoint is no address of a server, or would be
     *     spoken to in the clear, or a number is out of range
     */
    public HubSettings {
        String address = endpoint.toString();
        if (address.endsWith("/")) {
            endpoint = URI.create(address.replaceAll("/+$", ""));
        }
        if (endpoint.getHost() == null || endpoint.getQuery() != null) {
            throw new IllegalArgumentException(
                    "\"" + address + "\" is no address of a Hub: give one as " + DEFAULT_ENDPOINT);
        }
        if (!Origin.isSafe(endpoint)) {
            throw new IllegalArgumentException(
                    "\""
                            + address
                            + "\" would be spoken to in the clear: give an https:// address (http is"
                            + " only for this machine itself)");
        }
        if (token != null && !token.matches("[!-~]+")) {
            throw new IllegalArgumentException(
                    "the access token has characters that none has: set HF_TOKEN to the hf_... that"
                            + " the Hub shows, and nothing else");
        }
        if (connections < 1 || connections > 64) {
            throw new IllegalArgumentException("connections is " + connections + ": give 1 to 64");
        }
        if (backOff.isNegative() || stall.isNegative() || stall.isZero()) {
            throw new IllegalArgumentException("backOff and stall are times: give positive ones");
        }
    }

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
     * {@code HF_HOME}; {@code HF_HUB_OFFLINE}; {@code HF_HUB_DISABLE_SYMLINKS}.
     *
     * @return the settings
     * @throws IOException if the token file is there but cannot be read
     * @throws IllegalArgumentException if a variable cannot be understood
     */
    public static HubSettings fromEnvironment() throws IOException {
        String endpoint = variable("HF_ENDPOINT", DEFAULT_ENDPOINT);
        Path home =
                path(variable("HF_HOME", variable("XDG_CACHE_HOME", "~/.cache") + "/huggingface"));
        String cache = variable("HF_HUB_CACHE", variable("HUGGINGFACE_HUB_CACHE", ""));
        URI uri;
        try {
            uri = URI.create(endpoint);
        } catch (IllegalArgumentException e) {
            throw new IllegalArgumentException(
                    "HF_ENDPOINT is \"" + endpoint + "\", which is no address: " + e.getMessage(),
                    e);
        }
        return of(uri, cache.isEmpty() ? home.resolve("hub") : path(cache))
                .withToken(token(home))
                .withOffline(isOn("HF_HUB_OFFLINE") || isOn("TRANSFORMERS_OFFLINE"))
                .withLinks(!isOn("HF_HUB_DISABLE_SYMLINKS"));
    }

    private static @Nullable String token(Path home) throws IOException {
        String token = variable("HF_TOKEN", variable("HUGGING_FACE_HUB_TOKEN", "")).strip();
        String file = variable("HF_TOKEN_PATH", "");
        Path path = file.isEmpty() ? home.resolve("token") : path(file);
        if (token.isEmpty() && Files.exists(path)) {
            token = Files.readString(path).strip();
        }
        return token.isEmpty() ? null : token;
    }

    /** Empty is as good as not set. */
    private static String variable(String name, String otherwise) {
        String value = Utils.getEnvOrSystemProperty(name);
        return value == null || value.isBlank() ? otherwise : value.strip();
    }

    private static boolean isOn(String name) {
        return Set.of("1", "ON", "YES", "TRUE")
                .contains(variable(name, "").toUpperCase(Locale.ROOT));
    }

    /** With {@code ~}, {@code $NAME} and <code>${NAME}</code> put in, which no shell has done. */
    private static Path path(String text) {
        String home = System.getProperty("user.home");
        String absolute =
                text.equals("~") || text.startsWith("~/") ? home + text.substring(1) : text;
        return Path.of(
                        VARIABLE.matcher(absolute)
                                .replaceAll(
                                        found ->
                                                Matcher.quoteReplacement(
                                                        variable(
                                                                found.group(1) == null
                                                                        ? found.group(2)
                                                                        : found.group(1),
                                                                found.group()))))
                .toAbsolutePath()
                .normalize();
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

    /** Without the token. */
    @Override
    public String toString() {
        return "HubSettings[endpoint="
                + endpoint
                + ", cache="
                + cache
                + ", token="
                + (token == null ? "none" : "set")
                + ", offline="
                + offline
                + ", links="
                + links
                + ", connections="
                + connections
                + ", backOff="
                + backOff
                + ", stall="
                + stall
                + "]";
    }
}
