/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandler;
import java.net.http.HttpTimeoutException;
import java.time.Duration;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * HTTP client for the Hub and the servers that it redirects to. It follows redirects itself,
 * because Java's client would send the access token to every redirect target.
 *
 * <p>Uses HTTP/1.1, with a connection for each concurrent request. With HTTP/2 all requests share a
 * connection and its bandwidth.
 */
final class HubHttp {

    private static final int MOST_REDIRECTS = 10;
    private static final Set<Integer> REDIRECTS = Set.of(301, 302, 303, 307, 308);
    private static final Duration CONNECT = Duration.ofSeconds(20);

    private final HubSettings settings;
    private final Origin endpoint;
    private final HttpClient client;

    HubHttp(HubSettings settings) {
        this.settings = settings;
        endpoint = Origin.of(settings.endpoint());
        HttpClient.Builder builder =
                HttpClient.newBuilder()
                        .version(HttpClient.Version.HTTP_1_1)
                        .followRedirects(HttpClient.Redirect.NEVER)
                        .connectTimeout(CONNECT);
        EnvironmentProxy.configure(builder);
        client = builder.build();
    }

    HubSettings settings() {
        return settings;
    }

    /** Returns whether an address belongs to the Hub itself, not to a redirect target. */
    boolean isEndpoint(URI address) {
        return Origin.of(address).equals(endpoint);
    }

    /**
     * Sends a GET request and follows redirects.
     *
     * @param address the first address
     * @param range the {@code Range} header, or null for the whole resource
     * @param handler handles the body of the final response
     * @param received number of body bytes received so far; the request times out when it stalls
     * @return the final response, of any status
     * @throws HubException if a redirect is not followed, or the handler throws it
     * @throws ConnectionException if a connection fails or times out
     * @throws IOException if the thread is interrupted
     */
    HttpResponse<byte[]> get(
            URI address, @Nullable String range, BodyHandler<byte[]> handler, LongSupplier received)
            throws IOException {
        URI current = address;
        for (int i = 0; i <= MOST_REDIRECTS; i++) {
            HttpResponse<byte[]> response = send(request(current, range), handler, received);
            Optional<String> location = response.headers().firstValue("Location");
            if (!REDIRECTS.contains(response.statusCode()) || location.isEmpty()) {
                return response;
            }
            current = next(current, location.get());
        }
        throw new HubException(
                address.getHost(),
                "too many redirects, more than " + MOST_REDIRECTS,
                "Check HF_ENDPOINT and the proxy");
    }

    private HttpRequest request(URI address, @Nullable String range) {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(address)
                        .header("User-Agent", "djl-mistral")
                        // byte ranges of a compressed body would not be those of the file
                        .header("Accept-Encoding", "identity");
        if (range != null) {
            request.header("Range", range);
        }
        if (settings.token() != null && isEndpoint(address)) {
            request.header("Authorization", "Bearer " + settings.token());
        }
        return request.build();
    }

    private static URI next(URI current, String location) throws HubException {
        URI next;
        try {
            next = current.resolve(location);
        } catch (IllegalArgumentException e) {
            throw new HubException(
                    current.getHost(),
                    "the redirect is not a valid URL",
                    "Check HF_ENDPOINT and the proxy",
                    e);
        }
        boolean downgrade =
                "https".equalsIgnoreCase(current.getScheme())
                        && !"https".equalsIgnoreCase(next.getScheme());
        if (next.getHost() == null || downgrade || !Origin.isSafe(next)) {
            throw new HubException(
                    current.getHost(),
                    "insecure redirect to " + next.getScheme() + "://" + next.getHost(),
                    "Check that HF_ENDPOINT is the address of a server that you trust");
        }
        return next;
    }

    /** Adds a timeout between the bytes of a body, which Java's client does not have. */
    private HttpResponse<byte[]> send(
            HttpRequest request, BodyHandler<byte[]> handler, LongSupplier received)
            throws IOException {
        CompletableFuture<HttpResponse<byte[]>> response = client.sendAsync(request, handler);
        long seen = received.getAsLong();
        while (true) {
            try {
                return response.get(settings.stall().toNanos(), TimeUnit.NANOSECONDS);
            } catch (TimeoutException e) {
                long now = received.getAsLong();
                if (now == seen) {
                    response.cancel(true);
                    throw new ConnectionException(
                            request.uri().getHost(),
                            new HttpTimeoutException(
                                    "no data received for "
                                            + settings.stall().toMillis() / 1000.0
                                            + " s"));
                }
                seen = now;
            } catch (InterruptedException e) {
                response.cancel(true);
                throw interrupted();
            } catch (ExecutionException e) {
                if (e.getCause() instanceof HubException own) {
                    throw own;
                }
                throw new ConnectionException(
                        request.uri().getHost(), e.getCause() == null ? e : e.getCause());
            }
        }
    }

    /** Returns the exception of an interrupted thread, whose interrupt status stays set. */
    static InterruptedIOException interrupted() {
        Thread.currentThread().interrupt();
        return new InterruptedIOException("the download was interrupted; the next one resumes it");
    }
}
