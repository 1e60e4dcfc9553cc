/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import java.io.IOException;
import java.net.Authenticator;
import java.net.InetSocketAddress;
import java.net.PasswordAuthentication;
import java.net.Proxy;
import java.net.ProxySelector;
import java.net.SocketAddress;
import java.net.URI;
import java.net.URLDecoder;
import java.net.http.HttpClient;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Locale;
import java.util.Objects;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * Proxy of the environment variables {@code https_proxy}, {@code http_proxy}, {@code all_proxy} and
 * {@code no_proxy}, in lower or upper case, which Java ignores. A proxy of Java's system properties
 * ({@code https.proxyHost}) or of the application's {@link ProxySelector} takes precedence.
 */
final class EnvironmentProxy extends ProxySelector {

    private static final Logger LOGGER = LoggerFactory.getLogger(EnvironmentProxy.class);

    private final List<String> exceptions;

    private EnvironmentProxy(List<String> exceptions) {
        this.exceptions = exceptions;
    }

    /** Sets the proxy of a client, with the credentials in the variable if there are any. */
    static void configure(HttpClient.Builder client) {
        List<String> exceptions =
                Stream.of(variable("no_proxy").split("[,\\s]+", -1))
                        .map(name -> name.toLowerCase(Locale.ROOT))
                        .filter(name -> !name.isEmpty())
                        .toList();
        client.proxy(new EnvironmentProxy(exceptions));
        URI proxy = proxy("https");
        String user = proxy == null ? null : proxy.getRawUserInfo();
        if (user != null) {
            int colon = user.indexOf(':');
            PasswordAuthentication login =
                    new PasswordAuthentication(
                            decoded(colon < 0 ? user : user.substring(0, colon)),
                            (colon < 0 ? "" : decoded(user.substring(colon + 1))).toCharArray());
            client.authenticator(new Login(Objects.requireNonNull(proxy), login));
        }
    }

    /** Sends the credentials to this proxy only, not to another proxy or a server. */
    private static final class Login extends Authenticator {

        private final URI proxy;
        private final PasswordAuthentication login;

        Login(URI proxy, PasswordAuthentication login) {
            this.proxy = proxy;
            this.login = login;
        }

        @Override
        protected @Nullable PasswordAuthentication getPasswordAuthentication() {
            boolean isAsking =
                    getRequestorType() == RequestorType.PROXY
                            && proxy.getHost().equalsIgnoreCase(getRequestingHost())
                            && port(proxy) == getRequestingPort();
            return isAsking ? login : null;
        }
    }

    private static int port(URI proxy) {
        return proxy.getPort() >= 0 ? proxy.getPort() : 80;
    }

    @Override
    public List<Proxy> select(URI address) {
        ProxySelector javas = ProxySelector.getDefault();
        List<Proxy> named = javas == null ? List.of() : javas.select(address);
        if (named.stream().anyMatch(proxy -> proxy.type() != Proxy.Type.DIRECT)) {
            return named;
        }
        URI proxy = isException(address) ? null : proxy(address.getScheme());
        if (proxy == null) {
            return List.of(Proxy.NO_PROXY);
        }
        return List.of(
                new Proxy(
                        Proxy.Type.HTTP,
                        InetSocketAddress.createUnresolved(proxy.getHost(), port(proxy))));
    }

    /** As in curl, a domain includes its subdomains, and {@code *} is every host. */
    private boolean isException(URI address) {
        String host = address.getHost().toLowerCase(Locale.ROOT);
        return Origin.of(address).isLoopback()
                || exceptions.stream()
                        .map(name -> name.startsWith(".") ? name.substring(1) : name)
                        .anyMatch(
                                name ->
                                        name.equals("*")
                                                || host.equals(name)
                                                || host.endsWith("." + name));
    }

    private static @Nullable URI proxy(@Nullable String scheme) {
        String text = variable((scheme == null ? "" : scheme.toLowerCase(Locale.ROOT)) + "_proxy");
        if (text.isEmpty()) {
            text = variable("all_proxy");
        }
        if (text.isEmpty()) {
            return null;
        }
        try {
            URI proxy = URI.create(text.contains("://") ? text : "http://" + text);
            if (proxy.getHost() != null && "http".equalsIgnoreCase(proxy.getScheme())) {
                return proxy;
            }
        } catch (IllegalArgumentException e) {
            LOGGER.debug("Not a URI", e);
        }
        LOGGER.warn(
                "Ignoring the proxy of the environment variables: it is not of the form"
                        + " http://host:port");
        return null;
    }

    private static String variable(String name) {
        String value = System.getenv(name);
        if (value == null) {
            value = System.getenv(name.toUpperCase(Locale.ROOT));
        }
        return value == null ? "" : value.strip();
    }

    private static String decoded(String text) {
        return URLDecoder.decode(text.replace("+", "%2B"), StandardCharsets.UTF_8);
    }

    /** Only logs: the request itself fails with an exception. */
    @Override
    public void connectFailed(URI address, SocketAddress proxy, IOException cause) {
        LOGGER.debug("proxy {}", proxy, cause);
    }
}
