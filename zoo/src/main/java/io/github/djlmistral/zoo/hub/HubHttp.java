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
 * Requests to the Hub and to the servers that it sends us on to. Redirects are followed here and
 * not by Java's client, which would take the token along to wherever they point.
 *
 * <p>HTTP/1.1, because there each request at once has a connection of its own; all streams of
 * HTTP/2 share one, and are together as fast as one.
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

    /** Whether an address is of the Hub itself, not of a server that it sent us on to. */
    boolean isEndpoint(URI address) {
        return Origin.of(address).equals(endpoint);
    }

    /**
     * Sends a GET and follows where it is sent on to.
     *
     * @param address where to begin
     * @param range the value of the header {@code Range}, or null for the whole
     * @param handler what becomes of the last answer's body
     * @param received how many bytes of that have come: while it grows, the connection lives
     * @return the last answer, whatever its status
     * @throws HubException if a redirect leads where we do not go, or the handler says so
     * @throws ConnectionException if a connection fails or falls silent
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
                "it sends us on more than " + MOST_REDIRECTS + " times",
                "Check HF_ENDPOINT and the proxy");
    }

    private HttpRequest request(URI address, @Nullable String range) {
        HttpRequest.Builder request =
                HttpRequest.newBuilder(address)
                        .header("User-Agent", "djl-mistral")
                        // pieces of a compressed body would be pieces of something else
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
                    "it sends us on to something that is no address",
                    "Check HF_ENDPOINT and the proxy",
                    e);
        }
        boolean downgrade =
                "https".equalsIgnoreCase(current.getScheme())
                        && !"https".equalsIgnoreCase(next.getScheme());
        if (next.getHost() == null || downgrade || !Origin.isSafe(next)) {
            throw new HubException(
                    current.getHost(),
                    "it sends us on to "
                            + next.getScheme()
                            + "://"
                            + next.getHost()
                            + ", where what is read could be altered on the way",
                    "Check that HF_ENDPOINT names a server that you trust");
        }
        return next;
    }

    /** Java's client has no limit on how long a body may be silent. */
    private HttpResponse<byte[]> send(
            HttpRequest request, BodyHandler<byte[]> handler, LongSupplier received)
            throws IOException {
        CompletableFuture<HttpResponse<byte[]>> answer = client.sendAsync(request, handler);
        long seen = received.getAsLong();
        while (true) {
            try {
                return answer.get(settings.stall().toNanos(), TimeUnit.NANOSECONDS);
            } catch (TimeoutException e) {
                long now = received.getAsLong();
                if (now == seen) {
                    answer.cancel(true);
                    throw new ConnectionException(
                            request.uri().getHost(),
                            new HttpTimeoutException(
                                    "no byte came for "
                                            + settings.stall().toMillis() / 1000.0
                                            + " s"));
                }
                seen = now;
            } catch (InterruptedException e) {
                answer.cancel(true);
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

    /** What an interrupted thread throws; the mark on it stays. */
    static InterruptedIOException interrupted() {
        Thread.currentThread().interrupt();
        return new InterruptedIOException("the download was interrupted; what was fetched is kept");
    }
}
