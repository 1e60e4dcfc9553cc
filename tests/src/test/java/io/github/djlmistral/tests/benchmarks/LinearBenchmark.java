/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.benchmarks;

import ai.djl.ndarray.NDArray;
import io.github.djlmistral.engine.kernels.QuantizedLinear;
import io.github.djlmistral.tests.quantization.Matrices;
import java.util.concurrent.TimeUnit;
import java.util.function.UnaryOperator;
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
 * Products with the largest matrix of a layer of Mistral 7B, 14336 x 4096: 58.7 million
 * multiplications a token; 33 MB to read with {@code int4-g32}, 31.2 with {@code int4-g64}, 30.3
 * with {@code int4-g128}, 117 with {@code plain} bfloat16. Eight matrices take turns, so that none
 * is still in a cache of the processor.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(1)
public class LinearBenchmark {

    private static final int ROWS = 14336;
    private static final int COLUMNS = 4096;

    /** Storage format of the weight; {@code plain} is the kernels' own data type. */
    @Param({"int4-g32", "int4-g64", "int4-g128", "int4-g64-offsets", "nf4-g64", "plain"})
    public String weight;

    /** Rows of the input: 1 as in decode, 512 as in prefill. */
    @Param({"1", "8", "512"})
    public int tokens;

    /** Kernel set. */
    @Param("auto")
    public String kernels;

    /** Data type of plain weights. */
    @Param("bfloat16")
    public String dtype;

    private KernelState state;
    private NDArray x;
    private UnaryOperator<NDArray>[] matrices;
    private int next;

    /** Creates the weights. */
    @Setup
    @SuppressWarnings({"unchecked", "rawtypes"})
    public void setUp() {
        state = new KernelState(kernels, dtype);
        x = state.activations(tokens, COLUMNS);
        matrices = new UnaryOperator[8];
        for (int i = 0; i < matrices.length; ++i) {
            matrices[i] = matrix(i);
        }
    }

    private UnaryOperator<NDArray> matrix(int seed) {
        if (weight.equals("plain")) {
            NDArray plain = state.weights(ROWS, COLUMNS);
            return input -> state.kernels.linear(input, plain);
        }
        QuantizedLinear linear =
                state.kernels.quantized(state.manager, Matrices.of(weight, ROWS, COLUMNS, seed));
        return linear::forward;
    }

    /** One matrix product. */
    @Benchmark
    public long product() {
        next = (next + 1) % matrices.length;
        return state.run(x, matrices[next]);
    }

    /** Frees everything. */
    @TearDown
    public void tearDown() {
        state.close();
    }
}
