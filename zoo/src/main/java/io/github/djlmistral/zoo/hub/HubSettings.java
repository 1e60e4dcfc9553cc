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
 * Settings of a {@link Hub}: its URL, its cache and its connections.
 *
 * @param endpoint URL of the Hub, by default {@code https://huggingface.co}; {@code http} is
 *     allowed for the loopback interface only
 * @param cache directory of the cache, which contains the {@code models--owner--name} directories
 * @param token access token for private and gated repositories, or null; sent to the endpoint only,
 *     never to redirect targets
 * @param offline whether to use the cache only, without network access
 * @param links whether snapshots are symbolic links to the blobs, where the file system supports
 *     them; otherwise the files are moved into the snapshot
 * @param connections maximum number of concurrent requests, 1 to 64
 * @param backOff delay before the first retry of a failed request; it doubles with each retry
 * @param stall timeout of a connection that receives no data
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
     * Validates the settings.
     *
     * @throws IllegalArgumentException if the endpoint is not an {@code https} URL (or {@code http}
     *     to the loopback interface), the token is malformed, or a number is out of range
     */
    public HubSettings {
        String address = endpoint.toString();
        if (address.endsWith("/")) {
            endpoint = URI.create(address.replaceAll("/+$", ""));
        }
        if (endpoint.getHost() == null || endpoint.getQuery() != null) {
            throw new IllegalArgumentException(
                    "\""
                            + address
                            + "\" is not the URL of a Hub: expected one like "
                            + DEFAULT_ENDPOINT);
        }
        if (!Origin.isSafe(endpoint)) {
            throw new IllegalArgumentException(
                    "\""
                            + address
                            + "\" is not encrypted: use an https:// URL (http is allowed for localhost"
                            + " only)");
        }
        if (token != null && !token.matches("[!-~]+")) {
            throw new IllegalArgumentException(
                    "the access token contains invalid characters: set HF_TOKEN to the hf_... token"
                            + " that the Hub shows, and nothing else");
        }
        if (connections < 1 || connections > 64) {
            throw new IllegalArgumentException(
                    "connections is " + connections + ", must be from 1 to 64");
        }
        if (backOff.isNegative() || stall.isNegative() || stall.isZero()) {
            throw new IllegalArgumentException(
                    "backOff is " + backOff + " and stall is " + stall + ", must be positive");
        }
    }

    /**
     * Returns the default settings for a server and a cache: no token, online, with links, 8
     * connections, 1 s backoff and a stall timeout of 30 s. Ignores environment variables.
     *
     * @param endpoint URL of the Hub
     * @param cache directory of the cache, created if absent
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
     * @throws IOException if the token file exists but cannot be read
     * @throws IllegalArgumentException if the value of a variable is invalid
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
                    "HF_ENDPOINT is \"" + endpoint + "\", which is not a URL: " + e.getMessage(),
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

    /** Returns the value of a variable; an empty one counts as unset. */
    private static String variable(String name, String otherwise) {
        String value = Utils.getEnvOrSystemProperty(name);
        return value == null || value.isBlank() ? otherwise : value.strip();
    }

    private static boolean isOn(String name) {
        return Set.of("1", "ON", "YES", "TRUE")
                .contains(variable(name, "").toUpperCase(Locale.ROOT));
    }

    /** Expands {@code ~}, {@code $NAME} and <code>${NAME}</code>, as Python does. */
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

    /** Returns settings with another access token, or none if null. */
    public HubSettings withToken(@Nullable String other) {
        return new HubSettings(endpoint, cache, other, offline, links, connections, backOff, stall);
    }

    /** Returns settings with offline mode on or off. */
    public HubSettings withOffline(boolean other) {
        return new HubSettings(endpoint, cache, token, other, links, connections, backOff, stall);
    }

    /** Returns settings with another number of connections. */
    public HubSettings withConnections(int other) {
        return new HubSettings(endpoint, cache, token, offline, links, other, backOff, stall);
    }

    /** Returns settings with another delay before the first retry. */
    public HubSettings withBackOff(Duration other) {
        return new HubSettings(endpoint, cache, token, offline, links, connections, other, stall);
    }

    /** Returns settings with another timeout of stalled connections. */
    public HubSettings withStall(Duration other) {
        return new HubSettings(endpoint, cache, token, offline, links, connections, backOff, other);
    }

    /** Returns settings with or without symbolic links. */
    public HubSettings withLinks(boolean other) {
        return new HubSettings(endpoint, cache, token, offline, other, connections, backOff, stall);
    }

    /** Returns a description that does not reveal the token. */
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
