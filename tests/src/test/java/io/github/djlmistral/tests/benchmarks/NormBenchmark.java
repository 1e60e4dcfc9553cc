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

/** The root-mean-square norm of Mistral 7B's hidden states, of which a pass has 65. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 1)
@Measurement(iterations = 5, time = 1)
@Fork(1)
public class NormBenchmark {

    private static final int HIDDEN = 4096;

    /** Rows of the input. */
    @Param({"1", "512"})
    public int tokens;

    /** Kernel set. */
    @Param("auto")
    public String kernels;

    /** Data type of the activations. */
    @Param({"bfloat16", "float32"})
    public String dtype;

    private KernelState state;
    private NDArray x;
    private NDArray weight;

    /** Creates the hidden states. */
    @Setup
    public void setUp() {
        state = new KernelState(kernels, dtype);
        x = state.activations(tokens, HIDDEN);
        weight = state.weights(HIDDEN);
    }

    /** One normalization. */
    @Benchmark
    public long rmsNorm() {
        return state.run(x, input -> state.kernels.rmsNorm(input, weight, 1e-5f));
    }

    /** Frees everything. */
    @TearDown
    public void tearDown() {
        state.close();
    }
}
