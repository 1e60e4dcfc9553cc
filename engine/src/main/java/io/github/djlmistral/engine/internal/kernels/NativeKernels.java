/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.internal.cpu.Activations;
import io.github.djlmistral.engine.internal.cpu.Address;
import io.github.djlmistral.engine.internal.cpu.InstructionSet;
import io.github.djlmistral.engine.internal.cpu.Matrix;
import io.github.djlmistral.engine.internal.cpu.NativeLibrary;
import io.github.djlmistral.engine.internal.cpu.ThreadTeam;
import io.github.djlmistral.engine.kernels.Attention;
import io.github.djlmistral.engine.kernels.AttentionInput;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.kernels.KeyValues;
import io.github.djlmistral.engine.kernels.QuantizedLinear;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.FloatBuffer;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * Kernels in C for the CPU. Activations are float32, whatever the type of the weights. The result
 * of a token depends on nothing but its sequence: batch, chunks of the prompt, number of threads
 * and instruction set do not change a bit.
 *
 * <p>Weights and caches are arrays of PyTorch, so that {@link TorchKernels} can train with the same
 * weights. Activations are {@link Activations} if they come from an embedding.
 */
public final class NativeKernels implements Kernels {

    /** Elements that a thread takes at once. */
    private static final int SHARE = 1 << 14;

    private final TorchKernels torch;
    private final InstructionSet set;
    private final Dtype cacheDtype;
    private final ThreadTeam team;
    private final Activations activations = new Activations();

    /**
     * Creates kernels that use the threads of the process.
     *
     * @param torch the kernels for training, on the CPU, which determine the type of the weights
     * @param set an available instruction set
     */
    public NativeKernels(TorchKernels torch, InstructionSet set) {
        this(torch, set, torch.dtype());
    }

    /**
     * As above, with the type of KV caches.
     *
     * @param cacheDtype {@link Dtype#INT8}, or that of the weights
     */
    public NativeKernels(TorchKernels torch, InstructionSet set, Dtype cacheDtype) {
        this(torch, set, cacheDtype, ThreadTeam.SHARED);
    }

    NativeKernels(TorchKernels torch, InstructionSet set, Dtype cacheDtype, ThreadTeam team) {
        this.torch = torch;
        this.set = set;
        this.cacheDtype = cacheDtype;
        this.team = team;
    }

    /** Returns kernels with threads of their own. */
    public NativeKernels withThreads(int threads) {
        return new NativeKernels(torch, set, cacheDtype, new ThreadTeam(threads));
    }

    @Override
    public String name() {
        return "native";
    }

    /** Returns such as {@code native on 2 threads, AVX2}. */
    @Override
    public String toString() {
        int threads = team.size();
        return "native on " + threads + (threads == 1 ? " thread, " : " threads, ") + set;
    }

    @Override
    public Dtype dtype() {
        return torch.dtype();
    }

    @Override
    public Dtype cacheDtype() {
        return cacheDtype;
    }

    @Override
    public Dtype activations() {
        return Dtype.FLOAT32;
    }

    @Override
    public Kernels training() {
        return torch.training();
    }

    @Override
    public NDArray load(NDManager manager, Tensor tensor) {
        return torch.load(manager, tensor);
    }

    /** Returns the index of the instruction set. */
    int set() {
        return set.index();
    }

    /** Returns the threads. */
    ThreadTeam team() {
        return team;
    }

    @Override
    public KeyValues newKeyValues(NDManager manager, int layers, int heads, int size, int window) {
        int all = Math.multiplyExact(layers, heads);
        return newKeyValues(manager, cacheDtype, all, size, window);
    }

    /** As above, with keys and values of a type, and the number of heads of all layers. */
    KeyValues newKeyValues(NDManager manager, Dtype dtype, int heads, int size, int window) {
        DataType type =
                switch (dtype) {
                    case FLOAT32 -> DataType.FLOAT32;
                    case INT8 -> DataType.INT8;
                    default -> DataType.FLOAT16; // of the size of bfloat16; only kernels read it
                };
        return new PagedKeyValues(manager, type, heads, size, window);
    }

    @Override
    public NDArray toFloat32(NDArray x) {
        return Activations.toTorch(x);
    }

    @Override
    public NDArray embedding(NDArray ids, NDArray weight) {
        return embedding(ids, weight, dtype());
    }

    @Override
    public NDArray embeddingFloat32(NDArray ids, NDArray weight) {
        return embedding(ids, weight, Dtype.FLOAT32);
    }

    private NDArray embedding(NDArray ids, NDArray weight, Dtype dtype) {
        long[] rows = ids.toLongArray();
        Shape shape = weight.getShape();
        long columns = shape.get(1);
        if (Arrays.stream(rows).anyMatch(id -> id < 0 || id >= shape.get(0))) {
            throw new IllegalArgumentException("token ids must be from 0 to " + (shape.get(0) - 1));
        }
        long from = Address.of(weight, shape.size());
        NDArray out = activations.create(ids.getManager(), new Shape(rows.length, columns));
        long to = Address.ofFloats(out, rows.length * columns);
        int type = NativeLibrary.type(dtype);
        for (int i = 0; i < rows.length; ++i) {
            NativeLibrary.widen(
                    set(),
                    from + rows[i] * columns * dtype.bytes(),
                    type,
                    columns,
                    to + i * columns * Float.BYTES);
        }
        return out;
    }

    @Override
    public NDArray embedding(NDArray ids, QuantizedWeight weight) {
        long[] rows = ids.toLongArray();
        int columns = weight.columns();
        NDArray out = activations.create(ids.getManager(), new Shape(rows.length, columns));
        FloatBuffer to = Activations.elements(out);
        team.forEach(
                rows.length,
                1,
                (first, last) -> {
                    float[] row = new float[columns];
                    for (int i = first; i < last; ++i) {
                        weight.dequantizeRow(Math.toIntExact(rows[i]), row);
                        to.put(i * columns, row);
                    }
                });
        return out;
    }

    @Override
    public NDArray linear(NDArray x, NDArray weight) {
        return linear(x, weight, dtype());
    }

    @Override
    public NDArray linearFloat32(NDArray x, NDArray weight) {
        return linear(x, weight, Dtype.FLOAT32);
    }

    private NDArray linear(NDArray x, NDArray weight, Dtype dtype) {
        Shape shape = weight.getShape();
        int rows = Math.toIntExact(shape.get(0));
        int columns = Math.toIntExact(shape.get(1));
        long address = Address.of(weight, shape.size());
        return NativeLinear.multiply(team, Matrix.dense(set, address, dtype, rows, columns), x);
    }

    /** Scales the product with A, which is the smallest. */
    @Override
    public NDArray lora(NDArray y, NDArray x, NDArray a, NDArray b, float scale) {
        try (NDArray low = linearFloat32(x, a)) {
            FloatBuffer elements = Activations.elements(low);
            for (int i = 0; i < elements.limit(); ++i) {
                elements.put(i, elements.get(i) * scale);
            }
            try (NDArray product = linearFloat32(low, b)) {
                return add(y, product);
            }
        }
    }

    @Override
    public QuantizedLinear quantized(NDManager manager, QuantizedWeight weight) {
        return new NativeLinear(
                team, Matrix.of(set, weight), () -> torch.training().quantized(manager, weight));
    }

    @Override
    public NDArray add(NDArray x, NDArray y) {
        return elementwise(x, y, NativeLibrary::add);
    }

    @Override
    public NDArray rmsNorm(NDArray x, NDArray weight, float eps) {
        NDArray out = like(x);
        int columns = Math.toIntExact(weight.size());
        int tokens = Math.toIntExact(x.size() / columns);
        long from = Address.ofFloats(x, (long) tokens * columns);
        long to = Address.ofFloats(out, x.size());
        long factors = Address.of(weight, columns);
        int type = NativeLibrary.type(dtype());
        team.forEach(
                tokens,
                Math.max(1, SHARE / columns),
                (first, last) -> {
                    long at = (long) Float.BYTES * columns * first;
                    NativeLibrary.rmsNorm(
                            set(), from + at, factors, type, eps, last - first, columns, to + at);
                });
        return out;
    }

    @Override
    public NDArray swiGlu(NDArray gate, NDArray up) {
        return elementwise(gate, up, NativeLibrary::swiGlu);
    }

    /** A function of the library on pairs of elements. */
    @FunctionalInterface
    private interface Pairs {
        void apply(int set, long x, long y, long count, long out);
    }

    private NDArray elementwise(NDArray x, NDArray y, Pairs function) {
        NDArray out = like(x);
        int count = Math.toIntExact(x.size());
        long left = Address.ofFloats(x, count);
        long right = Address.ofFloats(y, count);
        long to = Address.ofFloats(out, count);
        team.forEach(
                count,
                SHARE,
                (first, last) -> {
                    long at = (long) Float.BYTES * first;
                    function.apply(set(), left + at, right + at, last - first, to + at);
                });
        return out;
    }

    private static NDArray like(NDArray x) {
        return Activations.like(x, x.getShape());
    }

    @Override
    public NDList logProbabilities(NDArray logits, NDArray labels, boolean means) {
        return training().logProbabilities(toFloat32(logits), labels, means);
    }

    @Override
    public NDArray logProbabilityGradients(
            NDArray logits, NDArray labels, NDArray gradients, @Nullable NDArray meanGradients) {
        return training()
                .logProbabilityGradients(toFloat32(logits), labels, gradients, meanGradients);
    }

    @Override
    public Attention attention(NDManager scope, AttentionInput input) {
        return new NativeAttention(this, scope, input);
    }
}
