/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.hub;

import static io.github.djlmistral.tests.hub.HubFixture.COMMIT;
import static io.github.djlmistral.tests.hub.HubFixture.hub;
import static io.github.djlmistral.tests.hub.HubFixture.random;
import static io.github.djlmistral.tests.hub.HubFixture.settings;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import io.github.djlmistral.tests.hub.HubServer.Reply;
import io.github.djlmistral.tests.hub.HubServer.Repository;
import io.github.djlmistral.zoo.hub.Hub;
import io.github.djlmistral.zoo.hub.HubException;
import io.github.djlmistral.zoo.hub.HubModel;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.atomic.AtomicReference;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Interrupted downloads are resumed, and only verified files become part of a model. */
class ResumeTest {

    private static final int MB = 1_000_000;
    private static final HubModel MODEL = HubModel.parse("owner/one/model.gguf");

    private final HubServer server = new HubServer();

    @TempDir private Path cache;

    @AfterEach
    void close() throws IOException {
        server.close();
    }

    private byte[] publish(int size) {
        byte[] content = random(size);
        server.repositories.put("owner/one", new Repository(COMMIT).with("model.gguf", content));
        return content;
    }

    private static Reply cut(Reply reply, long after) {
        reply.cut = after;
        return reply;
    }

    @Test
    void resumesAfterTwentyCutsWithoutRefetching() throws IOException {
        byte[] content = publish(200 * MB);
        Random random = new Random(1);
        AtomicInteger cuts = new AtomicInteger();
        server.files =
                reply -> {
                    synchronized (random) {
                        return cuts.incrementAndGet() <= 20
                                ? cut(reply, random.nextInt(9 * MB))
                                : reply;
                    }
                };

        Path file = hub(server, cache).download(MODEL, null);

        assertThat(Files.mismatch(file, write(content))).isEqualTo(-1);
        assertThat(cuts).hasValueGreaterThan(20);
        assertThat(server.served.get()).isBetween(200L * MB, 202L * MB);
    }

    private Path write(byte[] content) throws IOException {
        return Files.write(cache.resolve("expected"), content);
    }

    /** Within the headers of a response (negative) and its body, first and last byte included. */
    @Test
    void aConnectionMayBeCutAtAnyByte() throws IOException {
        byte[] content = publish(1200);
        HubModel small = HubModel.parse("owner/two/small.gguf");
        server.repositories.put(
                "owner/two", new Repository(COMMIT).with("small.gguf", Arrays.copyOf(content, 99)));
        Hub hub = hub(server, cache);
        for (long after = -120; after <= 99; after++) {
            long where = after;
            AtomicInteger answers = new AtomicInteger();
            server.files = reply -> answers.getAndIncrement() == 0 ? cut(reply, where) : reply;
            Path file = hub.download(small, null);
            assertThat(file).as("cut at %d", after).hasBinaryContent(Arrays.copyOf(content, 99));
            hub.removeAll("owner/two");
        }
    }

    @Test
    void retriesContinueAsLongAsBytesArrive() throws IOException {
        byte[] content = publish(1200);
        AtomicInteger answers = new AtomicInteger();
        server.files =
                reply -> {
                    answers.incrementAndGet();
                    return cut(reply, 100);
                };
        assertThat(hub(server, cache).download(MODEL, null)).hasBinaryContent(content);
        assertThat(answers).hasValue(12);
        assertThat(server.served).hasValue(1200);
    }

    @Test
    void listingsAreRetried() throws IOException {
        byte[] content = publish(5000);
        AtomicInteger asked = new AtomicInteger();
        server.instead =
                request ->
                        request.path().startsWith("/api/") && asked.incrementAndGet() < 4
                                ? cut(server.usual(request), 7L * asked.get())
                                : null;
        assertThat(hub(server, cache).download(MODEL, null)).hasBinaryContent(content);
        assertThat(asked).hasValue(4);
    }

    @Test
    void killedProcessResumes() throws Exception {
        int size = 40 * MB;
        byte[] content = publish(size);
        long stop = size * 6L / 10;
        CountDownLatch killed = new CountDownLatch(1);
        AtomicLong admitted = new AtomicLong();
        server.files =
                reply -> {
                    reply.pause =
                            () -> {
                                if (admitted.addAndGet(reply.stride) > stop) {
                                    await(killed);
                                }
                            };
                    return reply;
                };
        Process process =
                HubProgram.process(server.endpoint().toString(), cache.toString(), MODEL.toString())
                        .redirectError(ProcessBuilder.Redirect.DISCARD)
                        .start();
        try (BufferedReader lines = process.inputReader()) {
            String line = lines.readLine();
            // it has had nearly all that the server lets out
            while (line != null && Long.parseLong(line) < stop - MB) {
                line = lines.readLine();
            }
            assertThat(line).as("the process ended by itself").isNotNull();
        } finally {
            process.destroyForcibly().waitFor();
        }
        server.files = reply -> reply;
        killed.countDown();
        Hub hub = hub(server, cache);
        assertThat(hub.find(MODEL)).isEmpty();
        assertThat(hub.list().get(0).unfinishedBytes()).isPositive();

        HubFixture.Told told = new HubFixture.Told();
        Path file = hub.download(MODEL, told);

        assertThat(Files.mismatch(file, write(content))).isEqualTo(-1);
        assertThat(told.done.get(0)).isBetween(stop - 3 * MB, stop + MB);
        assertThat(server.served.get()).isBetween((long) size, size + 4L * MB);
        assertThat(hub.list().get(0).unfinishedBytes()).isZero();
    }

    @Test
    void twoProcessesFetchOnce() throws Exception {
        byte[] content = publish(3 * MB);
        CountDownLatch begun = new CountDownLatch(1);
        CountDownLatch onward = new CountDownLatch(1);
        server.files =
                reply -> {
                    begun.countDown();
                    await(onward);
                    return reply;
                };
        Process process =
                HubProgram.process(server.endpoint().toString(), cache.toString(), MODEL.toString())
                        .redirectErrorStream(true)
                        .start();
        begun.await();
        CountDownLatch asked = new CountDownLatch(1);
        server.instead =
                request -> {
                    asked.countDown();
                    return null;
                };
        AtomicReference<Object> result = new AtomicReference<>();
        Thread second =
                new Thread(
                        () -> {
                            try {
                                result.set(hub(server, cache).download(MODEL, null));
                            } catch (IOException e) {
                                result.set(e);
                            }
                        });
        second.start();
        asked.await();
        onward.countDown();
        second.join();
        process.getInputStream().readAllBytes();

        assertThat(process.waitFor()).isZero();
        assertThat(result.get()).isInstanceOf(Path.class);
        assertThat((Path) result.get()).hasBinaryContent(content);
        assertThat(server.served).hasValue(content.length);
    }

    @Test
    void endlessAnswerIsBounded() throws IOException {
        byte[] content = publish(5000);
        server.files = reply -> new Reply(200, Arrays.copyOf(reply.body, 50 * MB));
        assertThat(hub(server, cache).download(MODEL, null)).hasBinaryContent(content);
        assertThat(server.served.get()).isLessThan(20L * MB);
    }

    private static void await(CountDownLatch latch) {
        await(latch, Duration.ofDays(1));
    }

    private static void await(CountDownLatch latch, Duration longest) {
        try {
            latch.await(longest.toMillis(), TimeUnit.MILLISECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    @Test
    void interruptedDownloadKeepsItsPart() throws Exception {
        byte[] content = publish(3 * MB);
        CountDownLatch isThere = new CountDownLatch(1);
        CountDownLatch over = new CountDownLatch(1);
        AtomicLong admitted = new AtomicLong();
        server.files =
                reply -> {
                    reply.pause =
                            () -> {
                                if (admitted.addAndGet(reply.stride) > 2 * MB) {
                                    isThere.countDown();
                                    await(over);
                                }
                            };
                    return reply;
                };
        AtomicReference<Throwable> thrown = new AtomicReference<>();
        Thread thread =
                new Thread(
                        () -> {
                            try {
                                hub(server, cache).download(MODEL, null);
                            } catch (IOException e) {
                                thrown.set(e);
                            }
                        });
        thread.start();
        isThere.await();
        thread.interrupt();
        thread.join();
        over.countDown();
        assertThat(thrown.get()).isInstanceOf(InterruptedIOException.class);

        server.files = reply -> reply;
        assertThat(hub(server, cache).download(MODEL, null)).hasBinaryContent(content);
        assertThat(server.served.get()).isLessThan(6L * MB);
    }

    @Test
    void stalledConnectionTimesOut() throws IOException {
        byte[] content = publish(50_000);
        CountDownLatch over = new CountDownLatch(1);
        AtomicInteger answers = new AtomicInteger();
        server.files =
                reply -> {
                    if (answers.getAndIncrement() == 0) {
                        AtomicInteger strides = new AtomicInteger();
                        reply.pause =
                                () -> {
                                    if (strides.incrementAndGet() == 2) {
                                        await(over);
                                    }
                                };
                    }
                    return reply;
                };
        Hub hub = new Hub(settings(server, cache).withStall(Duration.ofMillis(500)));
        assertThat(hub.download(MODEL, null)).hasBinaryContent(content);
        over.countDown();
        assertThat(answers).hasValueGreaterThan(1);
    }

    @Test
    void slowConnectionDoesNotTimeOut() throws IOException {
        byte[] content = publish(1000);
        Duration stall = Duration.ofSeconds(1);
        AtomicInteger answers = new AtomicInteger();
        AtomicLong last = new AtomicLong();
        AtomicLong longest = new AtomicLong();
        server.files =
                reply -> {
                    answers.incrementAndGet();
                    reply.stride = 40;
                    reply.pause =
                            () -> {
                                await(new CountDownLatch(1), stall.dividedBy(20));
                                long now = System.nanoTime();
                                long before = last.getAndSet(now);
                                if (before != 0) {
                                    longest.accumulateAndGet(now - before, Math::max);
                                }
                            };
                    return reply;
                };
        // less than the whole answer takes, much more than one pause
        Hub hub = new Hub(settings(server, cache).withStall(stall));
        assertThat(hub.download(MODEL, null)).hasBinaryContent(content);
        // a machine that stood still itself says nothing about the client
        assumeTrue(longest.get() < stall.toNanos() / 2);
        assertThat(answers).hasValue(1);
    }

    @Test
    void retryAfterIsHonored() throws IOException {
        byte[] content = publish(2000);
        AtomicLong first = new AtomicLong();
        AtomicLong second = new AtomicLong();
        server.files =
                reply -> {
                    if (first.compareAndSet(0, System.nanoTime())) {
                        return HubServer.error(429, "", "Too many").header("Retry-After", "1");
                    }
                    second.compareAndSet(0, System.nanoTime());
                    return reply;
                };
        assertThat(hub(server, cache).download(MODEL, null)).hasBinaryContent(content);
        assertThat(second.get() - first.get()).isGreaterThan(990_000_000);
    }

    @Test
    void longRetryAfterIsReported() {
        publish(2000);
        server.instead =
                request -> HubServer.error(429, "", "Too many").header("Retry-After", "7200");
        assertThatThrownBy(() -> hub(server, cache).download(MODEL, null))
                .isInstanceOf(HubException.class)
                .hasMessageContaining("too many requests")
                .hasMessageContaining("retry after 7200 s")
                .hasMessageContaining("HF_TOKEN");
    }

    @Test
    void expiredUrlIsRenewed() throws IOException {
        byte[] content = publish(40 * MB); // several pieces
        AtomicInteger answers = new AtomicInteger();
        server.files =
                reply -> answers.incrementAndGet() == 2 ? new Reply(403, new byte[0]) : reply;
        Hub hub = new Hub(settings(server, cache).withConnections(1));
        assertThat(Files.mismatch(hub.download(MODEL, null), write(content))).isEqualTo(-1);
        assertThat(server.requests.stream().filter(one -> one.path().contains("/resolve/")))
                .as("at first, and after the 403")
                .hasSize(2);
    }

    @Test
    void aServerWithoutRangesServesOneStream() throws IOException {
        byte[] content = publish(40 * MB);
        AtomicInteger cuts = new AtomicInteger();
        server.files =
                reply -> {
                    Reply whole = new Reply(200, reply.body);
                    return cuts.incrementAndGet() == 1 ? cut(whole, 30L * MB) : whole;
                };
        assertThat(Files.mismatch(hub(server, cache).download(MODEL, null), write(content)))
                .isEqualTo(-1);
        assertThat(server.served.get()).isLessThan(90L * MB);
    }

    @Test
    void corruptBytesAreDiscarded() {
        publish(5000);
        server.files = reply -> altered(reply, 4000);
        Hub hub = hub(server, cache);

        assertThatThrownBy(() -> hub.download(MODEL, null))
                .isInstanceOf(HubException.class)
                .hasMessageContaining("owner/one/model.gguf")
                .hasMessageContaining("SHA-256")
                .hasMessageContaining("HF_ENDPOINT");
        assertThat(cache.resolve("models--owner--one/blobs")).isEmptyDirectory();
        assertThat(cache.resolve("models--owner--one/snapshots")).doesNotExist();
    }

    @Test
    void ofSmallFilesToo() {
        server.repositories.put(
                "owner/one", new Repository(COMMIT).with("model.gguf", random(500)));
        server.files = reply -> altered(reply, 3);
        assertThatThrownBy(() -> hub(server, cache).download(MODEL, null))
                .isInstanceOf(HubException.class)
                .hasMessageContaining("SHA-1 ");
    }

    private static Reply altered(Reply reply, int at) {
        byte[] other = reply.body.clone();
        other[at] ^= 1;
        Reply altered = new Reply(reply.status, other);
        altered.headers.putAll(reply.headers);
        altered.from = reply.from;
        altered.to = reply.to;
        return altered;
    }

    @Test
    void damagedPartFileIsDownloadedAgain() throws IOException {
        byte[] content = publish(5000);
        Path blobs = Files.createDirectories(cache.resolve("models--owner--one/blobs"));
        String etag = HubServer.hash(content);
        Files.write(blobs.resolve(etag + ".part"), new byte[5000]);
        Files.writeString(
                blobs.resolve(etag + ".part.journal"), "parts of 5000\n0 1000\n3000 4000\n45");

        assertThat(hub(server, cache).download(MODEL, null)).hasBinaryContent(content);
        assertThat(server.served).as("the 3000 that lacked, and all").hasValue(3000 + 5000);
    }

    @Test
    void partFileOfAnotherLengthIsIgnored() throws IOException {
        byte[] content = publish(5000);
        Path blobs = Files.createDirectories(cache.resolve("models--owner--one/blobs"));
        String etag = HubServer.hash(content);
        Files.write(blobs.resolve(etag + ".part"), Arrays.copyOf(content, 900));
        Files.writeString(blobs.resolve(etag + ".part.journal"), "parts of 5000\n0 1000\n");

        assertThat(hub(server, cache).download(MODEL, null)).hasBinaryContent(content);
        assertThat(server.served).hasValue(5000);
    }

    @Test
    void unreachableServerIsReported() throws IOException {
        publish(2000);
        URI endpoint = server.endpoint();
        server.close();
        assertThatThrownBy(() -> hub(server, cache).download(MODEL, null))
                .isInstanceOf(HubException.class)
                .hasMessageContaining("the connection to " + endpoint.getHost() + " failed")
                .hasMessageContaining("https_proxy");
    }
}
