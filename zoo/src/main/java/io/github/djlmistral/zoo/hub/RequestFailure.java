/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import java.net.ConnectException;
import java.net.UnknownHostException;
import java.net.http.HttpHeaders;
import java.net.http.HttpResponse;
import java.net.http.HttpTimeoutException;
import java.nio.channels.UnresolvedAddressException;
import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLHandshakeException;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A failed request, classified as transient or permanent.
 *
 * @param error the exception to throw if the request is not retried
 * @param isTransient whether a retry of the same request may succeed
 * @param pause the delay requested by the server, zero if there is none
 */
record RequestFailure(HubException error, boolean isTransient, Duration pause) {

    private static final Set<Integer> TRANSIENT = Set.of(408, 425, 429, 500, 502, 503, 504);
    private static final Logger LOGGER = LoggerFactory.getLogger(RequestFailure.class);

    /** The Hub's header {@code "api";r=0;t=243}: no requests remaining for 243 s. */
    private static final Pattern RATE_LIMIT = Pattern.compile(";\\s*r=0\\s*;\\s*t=(\\d{1,9})");

    private static final String RETRY_LATER = "Try again later; the download will be resumed";

    private static RequestFailure permanent(HubException error) {
        return new RequestFailure(error, false, Duration.ZERO);
    }

    /**
     * Classifies a response by its status and the Hub's {@code X-Error-Code}.
     *
     * @param what the requested model or file
     */
    static RequestFailure ofStatus(
            String what, HubModel model, HubSettings settings, HttpResponse<byte[]> response) {
        int status = response.statusCode();
        HttpHeaders headers = response.headers();
        String code = headers.firstValue("X-Error-Code").orElse("");
        String page = settings.endpoint() + "/" + model.repository();
        String tokens = settings.endpoint() + "/settings/tokens";
        boolean hasToken = settings.token() != null;
        switch (code) {
            case "GatedRepo" -> {
                return permanent(
                        hasToken
                                ? new HubException(
                                        what,
                                        "the repository is gated, and the account of the access"
                                                + " token has no access to it",
                                        "Accept its terms at "
                                                + page
                                                + " with that account, wait for approval if required,"
                                                + " and check at "
                                                + tokens
                                                + " that the token may read gated repositories")
                                : new HubException(
                                        what,
                                        "the repository is gated",
                                        "Accept its terms at "
                                                + page
                                                + ", create an access token at "
                                                + tokens
                                                + ", and set HF_TOKEN to it"));
            }
            case "RevisionNotFound" -> {
                return absent(
                        what,
                        "the repository has no revision \"" + model.revision() + "\"",
                        "Choose one of the branches, tags and commits at " + page + "/tree/main");
            }
            case "EntryNotFound" -> {
                return absent(
                        what,
                        "the repository has no such file at this revision",
                        "Choose one of the files at " + page + "/tree/main");
            }
            default -> {
                // by status
            }
        }
        String message = message(response);
        if (status == 401 && message.contains("Invalid credentials")) {
            return permanent(
                    new HubException(
                            what,
                            "the access token is not valid",
                            "Set HF_TOKEN to a token from "
                                    + tokens
                                    + "; for a public model unset it and delete the file \"token\""
                                    + " in HF_HOME"));
        }
        if (code.equals("RepoNotFound") || status == 401) {
            return permanent(
                    new HubException(
                            what,
                            "there is no such repository, or it is private",
                            hasToken
                                    ? "Check the spelling, and that the access token may read the"
                                            + " repository"
                                    : "Check the spelling; for a private repository set HF_TOKEN to"
                                            + " an access token from "
                                            + tokens));
        }
        if (status == 403) {
            return permanent(
                    new HubException(
                            what,
                            "access is forbidden" + quoted(message),
                            hasToken
                                    ? "Check the permissions of the access token at " + tokens
                                    : "Set HF_TOKEN to an access token that may read the repository"));
        }
        if (status == 407) {
            return permanent(
                    new HubException(
                            what,
                            "the proxy requires a user name and a password",
                            "Set https_proxy=http://name:password@host:port and start Java with"
                                    + " -Djdk.http.auth.tunneling.disabledSchemes="));
        }
        if (status == 429) {
            return transientFailure(
                    headers,
                    new HubException(
                            what,
                            "too many requests"
                                    + quoted(message)
                                    + (pause(headers).isZero()
                                            ? ""
                                            : "; retry after " + pause(headers).toSeconds() + " s"),
                            hasToken
                                    ? RETRY_LATER
                                    : RETRY_LATER
                                            + ". An access token in HF_TOKEN raises the rate limit"));
        }
        if (TRANSIENT.contains(status)) {
            return transientFailure(
                    headers,
                    new HubException(
                            what,
                            response.uri().getHost()
                                    + " responded with status "
                                    + status
                                    + quoted(message),
                            RETRY_LATER));
        }
        return permanent(
                new HubException(
                        what,
                        response.uri().getHost()
                                + " responded with status "
                                + status
                                + quoted(message),
                        "Check that HF_ENDPOINT, "
                                + settings.endpoint()
                                + ", is the address of a Hub, and that no proxy interferes"));
    }

    private static RequestFailure transientFailure(HttpHeaders headers, HubException error) {
        return new RequestFailure(error, true, pause(headers));
    }

    /** Classifies the response of a storage server that the Hub redirected to. */
    static RequestFailure ofStorage(String what, HttpResponse<byte[]> response) {
        // its URL is signed and expires after about an hour; the Hub then gives a new one
        return transientFailure(
                response.headers(),
                new HubException(
                        what,
                        "the storage server "
                                + response.uri().getHost()
                                + " responded with status "
                                + response.statusCode(),
                        RETRY_LATER));
    }

    /** Classifies a connection that failed. */
    static RequestFailure ofConnection(String what, ConnectionException broken) {
        Throwable cause = broken.getCause() == null ? broken : broken.getCause();
        boolean distrusted = cause instanceof SSLHandshakeException;
        return new RequestFailure(
                new HubException(
                        what,
                        "the connection to " + broken.host() + " failed (" + reason(cause) + ")",
                        distrusted
                                ? "If a proxy intercepts TLS connections, let Java trust its"
                                        + " certificate with -Djavax.net.ssl.trustStore"
                                : "Check the network, and https_proxy if there is a proxy; the"
                                        + " download will be resumed",
                        cause),
                !distrusted,
                Duration.ZERO);
    }

    private static RequestFailure absent(String what, String problem, String remedy) {
        return permanent(HubException.absent(what, problem, remedy));
    }

    private static String reason(Throwable cause) {
        for (Throwable at = cause; at != null; at = at.getCause()) {
            if (at instanceof UnresolvedAddressException || at instanceof UnknownHostException) {
                return "unknown host";
            }
            if (at instanceof HttpTimeoutException && at.getMessage() != null) {
                return at.getMessage();
            }
        }
        String message = cause.getMessage();
        return message == null || message.isBlank()
                ? cause instanceof ConnectException
                        ? "cannot connect"
                        : cause.getClass().getSimpleName()
                : message;
    }

    /** Returns the delay of {@code Retry-After}, in seconds or as a date, or of the rate limit. */
    private static Duration pause(HttpHeaders headers) {
        String text = headers.firstValue("Retry-After").orElse("").strip();
        try {
            if (text.matches("\\d{1,9}")) {
                return Duration.ofSeconds(Long.parseLong(text));
            }
            if (!text.isEmpty()) {
                ZonedDateTime until =
                        ZonedDateTime.parse(text, DateTimeFormatter.RFC_1123_DATE_TIME);
                Duration pause = Duration.between(ZonedDateTime.now(ZoneOffset.UTC), until);
                return pause.isNegative() ? Duration.ZERO : pause;
            }
        } catch (DateTimeParseException e) {
            LOGGER.debug("Ignoring Retry-After: {}", text, e);
        }
        Matcher limit = RATE_LIMIT.matcher(headers.firstValue("RateLimit").orElse(""));
        return limit.find() ? Duration.ofSeconds(Long.parseLong(limit.group(1))) : Duration.ZERO;
    }

    /** Returns the Hub's error message on one line; HTML pages are ignored. */
    private static String message(HttpResponse<byte[]> response) {
        return response.headers()
                .firstValue("X-Error-Message")
                .orElse("")
                .replaceAll("\\p{Cntrl}+", " ")
                .strip();
    }

    private static String quoted(String text) {
        if (text.isEmpty()) {
            return "";
        }
        return " (\"" + (text.length() > 200 ? text.substring(0, 200) + "..." : text) + "\")";
    }
}
