/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.benchmarks;

import ai.djl.ndarray.NDArray;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * Attention of one layer of Mistral 7B: 32 query heads, 8 key/value heads of 128. A single query
 * reads 4 KiB of bfloat16 keys and values for each key: 16.8 MB at 4096 keys. Four caches take
 * turns.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(1)
public class AttentionBenchmark {

    private static final int HEADS = 32;
    private static final int KEY_HEADS = 8;
    private static final int HEAD_SIZE = 128;

    /** Number of queries and of keys; the queries are the last of the keys. */
    @Param({"1x512", "1x4096", "512x512", "512x4096"})
    public String size;

    /** Sliding window, in keys; 0 for none. */
    @Param({"0", "1024"})
    public int window;

    /** Kernel set. */
    @Param("auto")
    public String kernels;

    /** Data type of queries, keys and values. */
    @Param("bfloat16")
    public String dtype;

    private KernelState state;
    private NDArray q;
    private final NDArray[] k = new NDArray[4];
    private final NDArray[] v = new NDArray[4];
    private int next;

    /** Creates queries, keys and values. */
    @Setup
    public void setUp() {
        state = new KernelState(kernels, dtype);
        String[] sizes = size.split("x", -1);
        int queries = Integer.parseInt(sizes[0]);
        int keys = Integer.parseInt(sizes[1]);
        q = state.random(1, HEADS, queries, HEAD_SIZE);
        for (int i = 0; i < k.length; ++i) {
            k[i] = state.random(1, KEY_HEADS, keys, HEAD_SIZE);
            v[i] = state.random(1, KEY_HEADS, keys, HEAD_SIZE);
        }
    }

    /** One layer. */
    @Benchmark
    public long attention() {
        next = (next + 1) % k.length;
        return state.run(
                q, input -> state.kernels.attention(input, k[next], v[next], null, window));
    }

    /** Frees everything. */
    @TearDown
    public void tearDown() {
        state.close();
    }
}
