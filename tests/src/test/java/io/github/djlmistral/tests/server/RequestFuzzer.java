/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.server;

import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.net.Socket;
import java.net.SocketTimeoutException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;
import java.util.SplittableRandom;
import java.util.TreeMap;

/**
 * Sends damaged requests to a server and looks at what it answers. As a program: {@code
 * RequestFuzzer [REQUESTS [SEED]]}, 10,000 by default.
 */
final class RequestFuzzer {

    private static final int HANGS_AFTER_MS = 30_000;

    private static final List<String> REQUESTS =
            List.of(
                    Served.post("/v1/chat/completions", "", Served.QUESTION + ",\"max_tokens\":2}"),
                    Served.post(
                            "/v1/chat/completions",
                            "Accept: text/event-stream\r\n",
                            Served.QUESTION
                                    + ",\"max_tokens\":2,\"stream\":true,\"stream_options\":{\"include_usage\":true},"
                                    + "\"stop\":[\"x\"],\"logit_bias\":{\"7\":-1.5},\"seed\":3}"),
                    Served.post(
                            "/v1/chat/completions",
                            "",
                            Served.QUESTION
                                    + ",\"max_tokens\":3,\"response_format\":{\"type\":\"json_schema\","
                                    + "\"json_schema\":{\"name\":\"a\",\"strict\":true,\"schema\":{\"type\":\"object\","
                                    + "\"properties\":{\"b\":{\"type\":\"integer\"}},\"required\":[\"b\"],"
                                    + "\"additionalProperties\":false}}},\"logprobs\":true,\"top_logprobs\":2}"),
                    Served.post(
                            "/v1/completions",
                            "",
                            "{\"prompt\":[\"A fox\",\"A sea\"],\"max_tokens\":2,\"echo\":true,\"logprobs\":1}"),
                    Served.post(
                            "/v1/responses", "", "{\"input\":\"A fox?\",\"max_output_tokens\":16}"),
                    Served.post("/v1/embeddings", "", "{\"input\":[\"fox\",\"sea\"]}"),
                    Served.post(
                            "/tokenize",
                            "",
                            "{\"content\":\"a fox\",\"with_pieces\":true,\"add_special\":true}"),
                    Served.post("/detokenize", "", "{\"tokens\":[1,5,70]}"),
                    Served.post("/apply-template", "", Served.CHAT),
                    "GET /v1/models/tiny HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                    "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n",
                    "HEAD / HTTP/1.1\r\nHost: 127.0.0.1:80\r\nConnection: close\r\n\r\n",
                    Served.post("/tokenize", "", "8\r\n{\"conten\r\n7\r\nt\":\"x\"}\r\n0\r\n\r\n")
                            .replaceFirst("Content-Length: \\d+", "Transfer-Encoding: chunked"));

    private static final List<String> TOKENS =
            List.of(
                    "null",
                    "true",
                    "-1",
                    "0",
                    "1e999",
                    "9223372036854775808",
                    "\"\"",
                    "[]",
                    "{}",
                    "[[[[[[[[",
                    "\\ud800",
                    "\\u0000",
                    "\u00ff",
                    "\r\n",
                    "\r\n\r\n",
                    "\0",
                    ":",
                    ",",
                    "Content-Length: 5\r\n",
                    "Transfer-Encoding: chunked\r\n",
                    "Expect: 100-continue\r\n",
                    "%",
                    "%2e%2e/",
                    "//",
                    "?",
                    "HTTP/1.0",
                    "ffffffff\r\n");

    private final Served served;
    private final Map<String, Integer> outcomes = new TreeMap<>();

    RequestFuzzer(Served served) {
        this.served = served;
    }

    /** Returns the number of answers of each kind. */
    Map<String, Integer> outcomes() {
        return outcomes;
    }

    /**
     * Sends a damaged request.
     *
     * @param seed the same request for the same number
     * @return what is wrong with the answer; empty if nothing is
     */
    String run(long seed) throws IOException {
        SplittableRandom random = new SplittableRandom(seed * 1_000_003);
        byte[] request = damaged(random);
        try (Socket socket = served.connect()) {
            socket.setSoTimeout(HANGS_AFTER_MS);
            ByteArrayOutputStream answer = new ByteArrayOutputStream();
            try {
                socket.getOutputStream().write(request);
                if (random.nextInt(16) == 0) {
                    return count("left");
                }
                socket.shutdownOutput();
                socket.getInputStream().transferTo(answer);
            } catch (SocketTimeoutException e) {
                return "no answer and no close after " + HANGS_AFTER_MS + " ms";
            } catch (IOException e) {
                count("reset");
            }
            return fault(answer.toString(StandardCharsets.UTF_8));
        }
    }

    private String count(String outcome) {
        outcomes.merge(outcome, 1, Integer::sum);
        return "";
    }

    private String fault(String answer) {
        if (answer.isEmpty()) {
            return count("closed");
        }
        if (!answer.matches("(?s)HTTP/1\\.1 [1-5]\\d\\d .*")) {
            return "not HTTP: " + answer;
        }
        count(answer.substring("HTTP/1.1 ".length(), "HTTP/1.1 ".length() + 3));
        return answer.contains("HTTP/1.1 500 ")
                        || answer.contains("\tat ")
                        || answer.contains("io.github.")
                        || answer.contains("server_error")
                ? answer
                : "";
    }

    private static byte[] damaged(SplittableRandom random) {
        StringBuilder text = new StringBuilder(REQUESTS.get(random.nextInt(REQUESTS.size())));
        int changes = random.nextInt(4);
        for (int i = 0; i < changes && !text.isEmpty(); ++i) {
            int at = random.nextInt(text.length());
            int to = Math.min(text.length(), at + 1 + random.nextInt(12));
            switch (random.nextInt(7)) {
                case 0 -> text.setCharAt(at, (char) random.nextInt(256));
                case 1 -> text.delete(at, to);
                case 2 -> text.insert(at, text.substring(at, to));
                case 3 -> text.setLength(at);
                case 4 -> text.insert(at, TOKENS.get(random.nextInt(TOKENS.size())));
                case 5 -> text.replace(at, to, TOKENS.get(random.nextInt(TOKENS.size())));
                default -> text.insert(at, "x".repeat(random.nextInt(100_000)));
            }
        }
        String request = text.toString();
        // mostly of the right length, so that the damage is not all found by HTTP
        int body = request.indexOf("\r\n\r\n") + 4;
        if (body > 4 && random.nextInt(4) > 0) {
            request =
                    request.replaceFirst(
                            "Content-Length: \\d+", "Content-Length: " + (request.length() - body));
        }
        return request.getBytes(StandardCharsets.ISO_8859_1);
    }

    /** The long run. */
    public static void main(String[] arguments) throws IOException {
        int count = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 10_000;
        long seed = arguments.length > 1 ? Long.parseLong(arguments[1]) : 1;
        int faults = 0;
        long start = System.nanoTime();
        try (Served served = RequestFuzzerTest.server()) {
            RequestFuzzer fuzzer = new RequestFuzzer(served);
            for (int i = 0; i < count; ++i) {
                String fault = fuzzer.run(seed * 1_000_000 + i);
                if (!fault.isEmpty()) {
                    ++faults;
                    System.out.println("request " + i + ": " + fault);
                }
            }
            served.await("requests_processing", 0);
            System.out.println(fuzzer.outcomes());
        }
        System.out.println(
                count
                        + " requests, "
                        + faults
                        + " faults, "
                        + (System.nanoTime() - start) / 1_000_000
                        + " ms");
        System.exit(faults == 0 ? 0 : 1);
    }
}
