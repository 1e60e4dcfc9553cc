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
import org.jspecify.annotations.Nullable;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/**
 * A failed request, classified as transient or permanent.
 *
 * @param error the exception to throw if the request is not retried
 * @param isTransient whether a retry of the same request may succeed
 * @param pause the delay that the server asks for, zero if it asks for none
 */
record RequestFailure(HubException error, boolean isTransient, Duration pause) {

    private static final Set<Integer> TRANSIENT = Set.of(408, 425, 429, 500, 502, 503, 504);
    private static final Logger LOGGER = LoggerFactory.getLogger(RequestFailure.class);

    /** As the Hub has it: {@code "api";r=0;t=243}, nothing remaining for 243 s. */
    private static final Pattern RATE_LIMIT = Pattern.compile(";\\s*r=0\\s*;\\s*t=(\\d{1,9})");

    private static final String KEPT = "Try again later: what was fetched is kept";

    private static RequestFailure permanent(HubException error) {
        return new RequestFailure(error, false, Duration.ZERO);
    }

    /**
     * Classifies a response by its status and the Hub's {@code X-Error-Code}.
     *
     * @param what the model or file that was asked for
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
                                                + " token has not been let in",
                                        "Accept its terms at "
                                                + page
                                                + " with that account, wait if they must be granted,"
                                                + " and see at "
                                                + tokens
                                                + " that the token may read gated repositories")
                                : new HubException(
                                        what,
                                        "the repository is gated: its terms have to be accepted first",
                                        "Accept them at "
                                                + page
                                                + ", make an access token at "
                                                + tokens
                                                + ", and set HF_TOKEN to it"));
            }
            case "RevisionNotFound" -> {
                return absent(
                        what,
                        "the repository has no revision \"" + model.revision() + "\"",
                        "Name a branch, a tag or a commit that " + page + "/tree/main shows");
            }
            case "EntryNotFound" -> {
                return absent(
                        what,
                        "the repository has no such file at this revision",
                        "Look at " + page + "/tree/main for what it has");
            }
            default -> {
                // by status
            }
        }
        String said = said(response);
        if (status == 401 && said.contains("Invalid credentials")) {
            return permanent(
                    new HubException(
                            what,
                            "the access token is not valid",
                            "Set HF_TOKEN to one from "
                                    + tokens
                                    + ", or for a public model leave it unset and delete the file"
                                    + " \"token\" in HF_HOME"));
        }
        if (code.equals("RepoNotFound") || status == 401) {
            return permanent(
                    new HubException(
                            what,
                            "there is no such repository, or it is private",
                            hasToken
                                    ? "Check the spelling, and that the account of the access token"
                                            + " may read it"
                                    : "Check the spelling; for a private one set HF_TOKEN to an"
                                            + " access token from "
                                            + tokens));
        }
        if (status == 403) {
            return permanent(
                    new HubException(
                            what,
                            "access is forbidden" + quoted(said),
                            hasToken
                                    ? "See at " + tokens + " what the access token may read"
                                    : "Set HF_TOKEN to an access token that may read it"));
        }
        if (status == 407) {
            return permanent(
                    new HubException(
                            what,
                            "the proxy wants a name and a password",
                            "Put them into the variable, https_proxy=http://name:password@host:port,"
                                    + " and start Java with"
                                    + " -Djdk.http.auth.tunneling.disabledSchemes="));
        }
        if (status == 429) {
            return transientFailure(
                    headers,
                    new HubException(
                            what,
                            "the server has had too many requests from here"
                                    + quoted(said)
                                    + (pause(headers).isZero()
                                            ? ""
                                            : ", and asks to wait "
                                                    + pause(headers).toSeconds()
                                                    + " s"),
                            hasToken
                                    ? KEPT
                                    : KEPT + "; with an access token in HF_TOKEN more are let in"));
        }
        if (TRANSIENT.contains(status)) {
            return transientFailure(
                    headers,
                    new HubException(
                            what,
                            response.uri().getHost() + " answers " + status + quoted(said),
                            KEPT));
        }
        return permanent(
                new HubException(
                        what,
                        response.uri().getHost() + " answers " + status + quoted(said),
                        "Check that HF_ENDPOINT, which is "
                                + settings.endpoint()
                                + ", names a Hub and that no proxy is in between"));
    }

    private static RequestFailure transientFailure(HttpHeaders headers, HubException error) {
        return new RequestFailure(error, true, pause(headers));
    }

    /** Of a server that the Hub sent us on to, which knows nothing of repositories. */
    static RequestFailure ofStorage(String what, HttpResponse<byte[]> response) {
        // an address there is signed for an hour or so: asking the Hub anew may help
        return transientFailure(
                response.headers(),
                new HubException(
                        what,
                        response.uri().getHost()
                                + ", where the Hub keeps the file, answers "
                                + response.statusCode(),
                        KEPT));
    }

    /** Classifies a connection that failed. */
    static RequestFailure ofConnection(String what, ConnectionException broken) {
        Throwable cause = broken.getCause() == null ? broken : broken.getCause();
        boolean distrusted = cause instanceof SSLHandshakeException;
        return new RequestFailure(
                new HubException(
                        what,
                        "no answer from "
                                + broken.host()
                                + ", or half of one ("
                                + reason(cause)
                                + ")",
                        distrusted
                                ? "If a proxy here signs for other servers, give Java its certificate"
                                        + " with -Djavax.net.ssl.trustStore"
                                : "Check the network, and https_proxy if there is a proxy; what was"
                                        + " fetched is kept",
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
                return "its name is not known here";
            }
            if (at instanceof HttpTimeoutException && at.getMessage() != null) {
                return at.getMessage();
            }
        }
        String message = cause.getMessage();
        return message == null || message.isBlank()
                ? cause instanceof ConnectException
                        ? "it cannot be connected to"
                        : cause.getClass().getSimpleName()
                : message;
    }

    /** {@code Retry-After}, in seconds or as a date; else when the limit that is used up ends. */
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
            LOGGER.debug("Retry-After is {}", text, e);
        }
        Matcher limit = RATE_LIMIT.matcher(headers.firstValue("RateLimit").orElse(""));
        return limit.find() ? Duration.ofSeconds(Long.parseLong(limit.group(1))) : Duration.ZERO;
    }

    /** What the Hub says itself, on one line; pages of HTML say nothing. */
    private static String said(HttpResponse<byte[]> response) {
        return response.headers()
                .firstValue("X-Error-Message")
                .orElse("")
                .replaceAll("\\p{Cntrl}+", " ")
                .strip();
    }

    private static String quoted(@Nullable String said) {
        if (said == null || said.isEmpty()) {
            return "";
        }
        return " (\"" + (said.length() > 200 ? said.substring(0, 200) + "..." : said) + "\")";
    }
}
