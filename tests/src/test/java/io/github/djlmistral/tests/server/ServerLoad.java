/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.server;

import com.google.gson.JsonParser;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Writer;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.SplittableRandom;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.LongAdder;

/**
 * Lets many clients ask a server at a time, half of them for streams: {@code ServerLoad [CLIENTS
 * [MINUTES]]}, by default 64 and 5. Every answer is checked; exits with 1 if one was wrong.
 */
final class ServerLoad {

    private static final List<String> NOUNS =
            List.of("lighthouse", "fox", "ship", "tower", "river", "king", "hammer", "apple");
    private static final int INTERVAL_SECONDS = 10;

    private final Served served;
    private final long deadline;
    private final List<String> expected = new ArrayList<>();
    private final List<Double> firstToken = Collections.synchronizedList(new ArrayList<>());
    private final List<Double> wholeAnswer = Collections.synchronizedList(new ArrayList<>());
    private final LongAdder errors = new LongAdder();

    private ServerLoad(Served served, double minutes) {
        this.served = served;
        NOUNS.forEach(noun -> expected.add(whole(noun)));
        deadline = System.nanoTime() + (long) (minutes * 60e9);
    }

    private static String body(String noun, boolean stream) {
        return "{\"messages\":[{\"role\":\"user\",\"content\":\"What is a "
                + noun
                + "?\"}],\"stream\":"
                + stream
                + "}";
    }

    private String whole(String noun) {
        HttpResponse<String> response =
                served.send(served.post("/v1/chat/completions", body(noun, false)));
        if (response.statusCode() != 200) {
            throw new IllegalStateException(response.statusCode() + " " + response.body());
        }
        return text(response.body(), "message");
    }

    private static String text(String json, String field) {
        var content =
                JsonParser.parseString(json)
                        .getAsJsonObject()
                        .getAsJsonArray("choices")
                        .get(0)
                        .getAsJsonObject()
                        .getAsJsonObject(field)
                        .get("content");
        return content == null ? "" : content.getAsString();
    }

    private String stream(String noun) throws IOException, InterruptedException {
        long start = System.nanoTime();
        HttpResponse<InputStream> response =
                served.client.send(
                        served.post("/v1/chat/completions", body(noun, true)).build(),
                        BodyHandlers.ofInputStream());
        StringBuilder text = new StringBuilder();
        try (BufferedReader lines =
                new BufferedReader(
                        new InputStreamReader(response.body(), StandardCharsets.UTF_8))) {
            for (String line = lines.readLine(); line != null; line = lines.readLine()) {
                if (line.startsWith("data: {")) {
                    text.append(text(line.substring("data: ".length()), "delta"));
                    if (text.length() > 0 && start != 0) {
                        firstToken.add((System.nanoTime() - start) / 1e6);
                        start = 0;
                    }
                }
            }
        }
        return text.toString();
    }

    private void ask(SplittableRandom random) {
        while (System.nanoTime() < deadline) {
            int noun = random.nextInt(NOUNS.size());
            long start = System.nanoTime();
            try {
                String answer =
                        random.nextBoolean() ? stream(NOUNS.get(noun)) : whole(NOUNS.get(noun));
                if (!answer.equals(expected.get(noun))) {
                    throw new IllegalStateException("wrong answer: " + answer);
                }
                wholeAnswer.add((System.nanoTime() - start) / 1e6);
            } catch (Exception e) {
                errors.increment();
                System.out.println("error: " + e);
            }
        }
    }

    private void run(int clients) throws InterruptedException, IOException {
        CountDownLatch left = new CountDownLatch(clients);
        SplittableRandom random = new SplittableRandom(1);
        for (int i = 0; i < clients; ++i) {
            SplittableRandom own = random.split();
            new Thread(
                            () -> {
                                ask(own);
                                left.countDown();
                            })
                    .start();
        }
        int seconds = 0;
        while (!left.await(INTERVAL_SECONDS, TimeUnit.SECONDS)) {
            seconds += INTERVAL_SECONDS;
            Runtime runtime = Runtime.getRuntime();
            System.out.printf(
                    Locale.ROOT,
                    "%4d s  %6d answers  %d errors  %s  heap %d MiB  %d threads%n",
                    seconds,
                    wholeAnswer.size(),
                    errors.sum(),
                    resident(),
                    (runtime.totalMemory() - runtime.freeMemory()) >> 20,
                    Thread.activeCount());
        }
    }

    private static String resident() throws IOException {
        Path status = Path.of("/proc/self/status");
        return !Files.exists(status)
                ? ""
                : Files.readAllLines(status).stream()
                        .filter(line -> line.startsWith("VmRSS"))
                        .findFirst()
                        .orElse("");
    }

    private static String percentiles(List<Double> millis) {
        double[] sorted = millis.stream().mapToDouble(value -> value).sorted().toArray();
        return sorted.length == 0
                ? "none"
                : String.format(
                        Locale.ROOT,
                        "p50 %.0f ms, p95 %.0f ms, most %.0f ms of %d",
                        sorted[sorted.length / 2],
                        sorted[(int) (sorted.length * 0.95)],
                        sorted[sorted.length - 1],
                        sorted.length);
    }

    /** Runs it. */
    public static void main(String[] arguments) throws Exception {
        int clients = arguments.length > 0 ? Integer.parseInt(arguments[0]) : 64;
        double minutes = arguments.length > 1 ? Double.parseDouble(arguments[1]) : 5;
        long wrong;
        Served fresh = new Served();
        fresh.accessLog = Writer.nullWriter(); // kept in memory, it would grow
        try (Served served = fresh.start()) {
            ServerLoad load = new ServerLoad(served, minutes);
            load.run(clients);
            System.out.println("time to first token: " + percentiles(load.firstToken));
            System.out.println("whole answer: " + percentiles(load.wholeAnswer));
            System.out.println(load.errors + " errors");
            System.out.println("sequences in a pass: " + served.metric("n_busy_slots_per_decode"));
            wrong = load.errors.sum();
        }
        System.exit(wrong == 0 ? 0 : 1);
    }
}
