/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpResponse;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.stream.Collectors;

/** Client of the Hub's REST API: file lists and download URLs. */
final class HubApi {

    /** Limit for the list of files: room for 160,000 files of 200 bytes each. */
    private static final int LONGEST_LIST = 32 << 20;

    private final HubHttp http;

    HubApi(HubHttp http) {
        this.http = http;
    }

    /**
     * Requests the list of files of a repository at a revision.
     *
     * @param tries the maximum number of attempts
     * @throws HubException if the list cannot be obtained
     * @throws IOException if the thread is interrupted
     */
    Listing listing(HubModel model, int tries) throws IOException {
        URI address =
                address(
                        "/api/models/"
                                + model.repository()
                                + "/revision/"
                                + encoded(model.revision())
                                + "?blobs=true");
        RetryPolicy retries = new RetryPolicy(http.settings().backOff(), tries);
        while (true) {
            RequestFailure failure;
            try {
                HttpResponse<byte[]> response =
                        http.get(
                                address,
                                null,
                                head ->
                                        new BoundedBodySubscriber(
                                                head.statusCode() == 200
                                                        ? LONGEST_LIST
                                                        : BoundedBodySubscriber.ERROR),
                                () -> 0);
                if (response.statusCode() == 200) {
                    return parsed(model, response);
                }
                failure =
                        RequestFailure.ofStatus(model.toString(), model, http.settings(), response);
            } catch (ConnectionException e) {
                failure = RequestFailure.ofConnection(model.toString(), e);
            }
            retries.waitAfter(failure);
        }
    }

    private static Listing parsed(HubModel model, HttpResponse<byte[]> response)
            throws HubException {
        try {
            return Listing.ofApi(utf8(response.body()));
        } catch (CharacterCodingException | IllegalArgumentException e) {
            throw new HubException(
                    model.toString(),
                    "the response of " + response.uri().getHost() + " is not a list of files",
                    "Check that HF_ENDPOINT is the address of a Hub, and that no proxy or login page"
                            + " answers instead",
                    e);
        }
    }

    private static String utf8(byte[] body) throws CharacterCodingException {
        return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(body)).toString();
    }

    /** Returns the download URL of a file. */
    URI file(HubModel model, String commit, String path) {
        String encoded =
                Arrays.stream(path.split("/", -1))
                        .map(HubApi::encoded)
                        .collect(Collectors.joining("/"));
        return address("/" + model.repository() + "/resolve/" + commit + "/" + encoded);
    }

    private URI address(String path) {
        return URI.create(http.settings().endpoint() + path);
    }

    /** Percent-encodes a path segment, slashes included: {@code refs/pr/1} is one segment. */
    private static String encoded(String text) {
        return URLEncoder.encode(text, StandardCharsets.UTF_8).replace("+", "%20");
    }
}
