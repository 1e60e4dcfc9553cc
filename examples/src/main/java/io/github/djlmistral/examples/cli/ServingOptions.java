/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import io.github.djlmistral.examples.server.ServerOptions;
import java.io.IOException;
import java.io.PrintWriter;
import java.net.InetSocketAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options of the HTTP server. Secrets come from files or the environment, never as arguments. */
final class ServingOptions {

    private static final String KEYS = "MISTRAL_API_KEYS";
    private static final String PASSWORD = "MISTRAL_TLS_PASSWORD";

    @Option(
            names = "--host",
            paramLabel = "ADDRESS",
            description =
                    "Address to listen on. Other machines reach 0.0.0.0, which needs API keys."
                            + " Default: ${DEFAULT-VALUE}.")
    private String host = "127.0.0.1";

    @Option(
            names = "--port",
            paramLabel = "N",
            description = "Port; 0 for any free one. Default: ${DEFAULT-VALUE}.")
    private int port = 8080;

    @Option(
            names = "--alias",
            paramLabel = "NAME",
            description = "Name of the model for clients. Default: the end of --model.")
    @Nullable String alias;

    @Option(
            names = "--api-key-file",
            paramLabel = "FILE",
            description = {
                "Keys of which clients must send one, one on a line. They may also be in the"
                        + " environment variable "
                        + KEYS
                        + ", separated by commas."
            })
    private @Nullable Path apiKeyFile;

    @Option(
            names = "--cors-origin",
            paramLabel = "ORIGIN",
            description =
                    "Web pages that may use the server, such as https://example.org, or * for all;"
                            + " may be repeated. Default: only its own page.")
    private List<String> corsOrigins = new ArrayList<>();

    @Option(
            names = "--tls-keystore",
            paramLabel = "FILE",
            description =
                    "Serve HTTPS with the key and certificate of this key store (PKCS12 or JKS).")
    private @Nullable Path tlsKeystore;

    @Option(
            names = "--tls-password-file",
            paramLabel = "FILE",
            description = "Its password. Default: the environment variable " + PASSWORD + ".")
    private @Nullable Path tlsPasswordFile;

    @Option(
            names = "--max-requests",
            paramLabel = "N",
            description =
                    "Maximum requests at a time, running and waiting; others get the status 429."
                            + " Default: ${DEFAULT-VALUE}.")
    private int maxRequests = 128;

    @Option(
            names = "--max-body-bytes",
            paramLabel = "N",
            description = "Maximum bytes of a request. Default: ${DEFAULT-VALUE}.")
    private int maxBodyBytes = 8 << 20;

    @Option(
            names = "--request-timeout",
            paramLabel = "SECONDS",
            description = "Time for a request to arrive. Default: ${DEFAULT-VALUE}.")
    private int requestTimeout = 30;

    @Option(
            names = "--write-timeout",
            paramLabel = "SECONDS",
            description =
                    "Time that a client may leave what is sent to it unread. Default:"
                            + " ${DEFAULT-VALUE}.")
    private int writeTimeout = 30;

    @Option(
            names = "--shutdown-timeout",
            paramLabel = "SECONDS",
            description =
                    "Time for answers under way to end when the server stops. Default:"
                            + " ${DEFAULT-VALUE}.")
    int shutdownTimeout = 30;

    @Option(
            names = "--access-log",
            paramLabel = "FILE",
            description =
                    "Append a line for each request: time, method, path, status, bytes,"
                            + " milliseconds, tokens. Default: standard error.")
    private @Nullable Path accessLog;

    private @Nullable PrintWriter logFile;

    /**
     * Returns the options of the server.
     *
     * @param terminal reports invalid options; gets the access log
     * @throws IOException if a file cannot be read, or the key store not be opened
     */
    ServerOptions options(Terminal terminal) throws IOException {
        if (port < 0 || port > 0xffff) {
            throw terminal.usage("--port is " + port + ", must be 0 to 65535");
        }
        List<String> keys = keys(terminal);
        SSLContext tls = tlsKeystore == null ? null : tls(tlsKeystore, terminal);
        if (accessLog != null) {
            logFile =
                    new PrintWriter(
                            Files.newBufferedWriter(
                                    accessLog,
                                    StandardCharsets.UTF_8,
                                    StandardOpenOption.CREATE,
                                    StandardOpenOption.APPEND));
        }
        try {
            return new ServerOptions(
                    new InetSocketAddress(host, port),
                    keys,
                    corsOrigins,
                    maxRequests,
                    maxBodyBytes,
                    Duration.ofSeconds(requestTimeout),
                    Duration.ofSeconds(writeTimeout),
                    tls,
                    logFile == null ? terminal.err() : logFile);
        } catch (IllegalArgumentException e) {
            throw terminal.usage(String.valueOf(e.getMessage()));
        }
    }

    /** Closes the file of the access log. */
    void close() {
        if (logFile != null) {
            logFile.close();
        }
    }

    private List<String> keys(Terminal terminal) throws IOException {
        List<String> keys = new ArrayList<>();
        String variable = System.getenv(KEYS);
        if (variable != null) {
            keys.addAll(List.of(variable.split(",")));
        }
        if (apiKeyFile != null) {
            keys.addAll(Files.readAllLines(apiKeyFile));
        }
        keys.replaceAll(String::strip);
        keys.removeIf(String::isEmpty);
        if (keys.isEmpty() && (variable != null || apiKeyFile != null)) {
            throw terminal.usage(
                    (apiKeyFile != null ? apiKeyFile.toString() : KEYS) + " has no API key");
        }
        return keys;
    }

    private SSLContext tls(Path file, Terminal terminal) throws IOException {
        String password =
                tlsPasswordFile != null
                        ? Files.readString(tlsPasswordFile).strip()
                        : System.getenv(PASSWORD);
        if (password == null) {
            throw terminal.usage(
                    "--tls-keystore needs --tls-password-file, or the environment variable "
                            + PASSWORD);
        }
        try {
            KeyStore store = KeyStore.getInstance(file.toFile(), password.toCharArray());
            KeyManagerFactory keys =
                    KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
            keys.init(store, password.toCharArray());
            SSLContext context = SSLContext.getInstance("TLS");
            context.init(keys.getKeyManagers(), null, null);
            return context;
        } catch (GeneralSecurityException e) {
            throw new IOException("cannot use the key store " + file + ": " + e.getMessage(), e);
        }
    }
}
