/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.benchmarks;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.kernels.AttentionInput;
import io.github.djlmistral.engine.kernels.KeyValues;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.LongStream;
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

    /** Data type of the cache. */
    @Param("bfloat16")
    public String dtype;

    private KernelState state;
    private NDArray q;
    private NDArray k;
    private NDArray v;
    private final AttentionInput[] inputs = new AttentionInput[4];
    private int next;

    /** Creates queries, keys, values and caches. */
    @Setup
    public void setUp() {
        state = new KernelState(kernels, dtype);
        String[] sizes = size.split("x", -1);
        int queries = Integer.parseInt(sizes[0]);
        int past = Integer.parseInt(sizes[1]) - queries;
        q = state.activations(queries, HEADS * HEAD_SIZE);
        k = state.activations(queries, KEY_HEADS * HEAD_SIZE);
        v = state.activations(queries, KEY_HEADS * HEAD_SIZE);
        float[] frequencies = new float[HEAD_SIZE / 2];
        for (int i = 0; i < frequencies.length; ++i) {
            frequencies[i] = (float) Math.pow(10000, -2.0 * i / HEAD_SIZE);
        }
        long[] positions = LongStream.range(past, (long) past + queries).toArray();
        int[] begins = {0, queries};
        for (int i = 0; i < inputs.length; ++i) {
            KeyValues cache = state.kernels.newKeyValues(state.manager, 1, KEY_HEADS, HEAD_SIZE, 0);
            if (past > 0) {
                cache.reserve(past);
                cache.advance(past);
            }
            cache.reserve(queries);
            inputs[i] =
                    new AttentionInput(
                            begins, List.of(cache), positions, frequencies, window, null, false);
        }
    }

    /** Rotary embedding, cache write and attention of one layer. */
    @Benchmark
    public long attention() {
        next = (next + 1) % inputs.length;
        try (NDManager step = state.manager.newSubManager()) {
            // kernels may overwrite queries and keys
            NDArray query = q.duplicate();
            NDArray key = k.duplicate();
            query.attach(step);
            key.attach(step);
            return state.kernels
                    .attention(step, inputs[next])
                    .forward(0, query, key, v)
                    .get(0)
                    .size();
        }
    }

    /** Frees everything. */
    @TearDown
    public void tearDown() {
        state.close();
    }
}
