/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.server;

import ai.djl.ndarray.NDList;
import ai.djl.repository.zoo.ZooModel;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.examples.server.ModelServer;
import io.github.djlmistral.examples.server.ServerOptions;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.openai.OpenAi;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import io.github.djlmistral.zoo.translator.TextEmbedder;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.io.Writer;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.Socket;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.net.ssl.SSLContext;

/** A server, over the embedded model by default, with options for tests, and what asks it. */
final class Served implements AutoCloseable {

    static final String NAME = "tiny";
    static final String QUESTION =
            "{\"messages\":[{\"role\":\"user\",\"content\":\"What is a lighthouse?\"}]";
    static final String CHAT = QUESTION + "}";

    /** Takes long: sixteen sequences of two thousand tokens. */
    static final String LONG =
            QUESTION + ",\"n\":16,\"temperature\":1,\"max_tokens\":2000,\"min_new_tokens\":2000";

    private static final ZooModel<NDList, NDList> MODEL = load();

    ZooModel<NDList, NDList> model = MODEL;
    List<String> keys = List.of();
    List<String> origins = List.of();
    int maxRequests = 64;
    int maxBodyBytes = 8 << 20;
    Duration requestTimeout = Duration.ofSeconds(30);
    Duration writeTimeout = Duration.ofSeconds(30);
    SSLContext tls;

    final StringWriter log = new StringWriter();
    Writer accessLog = log;
    final HttpClient client = HttpClient.newHttpClient();
    MistralPipeline pipeline;
    ModelServer server;

    private static ZooModel<NDList, NDList> load() {
        try {
            return Mistral.criteria(NDList.class, NDList.class).build().loadModel();
        } catch (Exception e) {
            throw new IllegalStateException(e);
        }
    }

    ServerOptions options() {
        return new ServerOptions(
                new InetSocketAddress(InetAddress.getLoopbackAddress(), 0),
                keys,
                origins,
                maxRequests,
                maxBodyBytes,
                requestTimeout,
                writeTimeout,
                tls,
                new PrintWriter(accessLog));
    }

    Served start() throws IOException {
        pipeline = MistralPipeline.open(model);
        OpenAi api = new OpenAi(NAME, pipeline, pipeline.defaults(), TextEmbedder.open(model));
        server = ModelServer.start(pipeline, api, options());
        return this;
    }

    /** Starts a server of a model that generates no text. */
    Served startEmbeddings() throws IOException {
        TextEmbedder embedder = TextEmbedder.open(model);
        OpenAi api = new OpenAi(NAME, null, GenerationConfig.builder(), embedder);
        server = ModelServer.start(embedder.tokenizer(), api, options());
        return this;
    }

    URI uri(String path) {
        return server.uri().resolve(path);
    }

    HttpRequest.Builder request(String path) {
        return HttpRequest.newBuilder(uri(path)).timeout(Duration.ofMinutes(1));
    }

    HttpRequest.Builder post(String path, String body) {
        return request(path).POST(HttpRequest.BodyPublishers.ofString(body));
    }

    HttpResponse<String> send(HttpRequest.Builder request) {
        try {
            return client.send(request.build(), BodyHandlers.ofString());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        } catch (InterruptedException e) {
            throw new IllegalStateException(e);
        }
    }

    static JsonObject json(HttpResponse<String> response) {
        return JsonParser.parseString(response.body()).getAsJsonObject();
    }

    static JsonObject error(HttpResponse<String> response) {
        return json(response).getAsJsonObject("error");
    }

    Socket connect() throws IOException {
        return new Socket(server.uri().getHost(), server.uri().getPort());
    }

    static void write(Socket socket, String text) throws IOException {
        socket.getOutputStream().write(text.getBytes(StandardCharsets.ISO_8859_1));
        socket.getOutputStream().flush();
    }

    /** Reads until the server closes the connection, in whatever way. */
    static String read(Socket socket) {
        ByteArrayOutputStream bytes = new ByteArrayOutputStream();
        try {
            socket.getInputStream().transferTo(bytes);
        } catch (IOException e) {
            // reset
        }
        return bytes.toString(StandardCharsets.UTF_8);
    }

    /** Returns the lines of a request. */
    static String post(String path, String headers, String body) {
        return "POST "
                + path
                + " HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n"
                + headers
                + "Content-Length: "
                + body.length()
                + "\r\n\r\n"
                + body;
    }

    /** Returns a number of {@code /metrics}. */
    double metric(String name) {
        Matcher matcher =
                Pattern.compile("(?m)^mistral:" + Pattern.quote(name) + " (.*)$")
                        .matcher(send(request("/metrics")).body());
        if (!matcher.find()) {
            throw new IllegalArgumentException(name);
        }
        return Double.parseDouble(matcher.group(1));
    }

    /** Waits until a number of {@code /metrics} is this one; the time limit is the test's. */
    void await(String name, double value) {
        while (metric(name) != value) {
            Thread.onSpinWait();
        }
    }

    /** Waits until more tokens have been generated. */
    void awaitTokens(double before) {
        while (metric("tokens_predicted_total") == before) {
            Thread.onSpinWait();
        }
    }

    @Override
    public void close() {
        server.close();
        if (pipeline != null) {
            pipeline.close();
        }
    }
}
