/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.LongBuffer;
import java.util.stream.IntStream;

/**
 * Measures read bandwidth, the limit of decode, which reads all weights for each token. Each thread
 * sums its part of a buffer larger than the caches.
 */
final class MemoryBandwidth {

    private static final int MEBIBYTES = 512;
    private static final int ROUNDS = 6;

    private final LongBuffer[] parts;

    /** Keeps the sums from being optimized away. */
    private volatile long sum;

    private MemoryBandwidth(int threads) {
        parts = new LongBuffer[threads];
        // written, else it is one shared page of zeros
        for (int i = 0; i < threads; ++i) {
            int bytes = (MEBIBYTES << 20) / threads / 64 * 64;
            ByteBuffer part = ByteBuffer.allocateDirect(bytes).order(ByteOrder.nativeOrder());
            parts[i] = part.asLongBuffer();
            for (int at = 0; at < bytes; at += 4096) {
                part.put(at, (byte) 1);
            }
        }
    }

    /**
     * Measures for less than a second.
     *
     * @param threads number of threads
     * @return the best of several rounds, in GB/s (10^9)
     */
    static double gigabytesPerSecond(int threads) {
        MemoryBandwidth read = new MemoryBandwidth(threads);
        double best = 0;
        for (int round = 0; round < ROUNDS; ++round) {
            best = Math.max(best, read.round());
        }
        return best;
    }

    private double round() {
        Thread[] threads =
                IntStream.range(0, parts.length)
                        .mapToObj(i -> new Thread(() -> sum = sum(parts[i])))
                        .toArray(Thread[]::new);
        long started = System.nanoTime();
        for (Thread thread : threads) {
            thread.start();
        }
        try {
            for (Thread thread : threads) {
                thread.join();
            }
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            throw new IllegalStateException("interrupted while measuring memory bandwidth", e);
        }
        return 8.0 * parts.length * parts[0].capacity() / (System.nanoTime() - started);
    }

    /** Eight independent sums, since one would wait for each addition. */
    private static long sum(LongBuffer from) {
        long a = 0;
        long b = 0;
        long c = 0;
        long d = 0;
        long e = 0;
        long f = 0;
        long g = 0;
        long h = 0;
        for (int i = 0, end = from.capacity(); i < end; i += 8) {
            a += from.get(i);
            b += from.get(i + 1);
            c += from.get(i + 2);
            d += from.get(i + 3);
            e += from.get(i + 4);
            f += from.get(i + 5);
            g += from.get(i + 6);
            h += from.get(i + 7);
        }
        return a + b + c + d + e + f + g + h;
    }
}
