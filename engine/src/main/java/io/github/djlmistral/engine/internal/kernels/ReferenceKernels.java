/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Activation;
import io.github.djlmistral.engine.internal.HostArray;
import io.github.djlmistral.engine.kernels.DjlEngine;
import io.github.djlmistral.engine.kernels.QuantizedLinear;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ShortBuffer;
import java.util.Arrays;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Kernels of NDArray operations: the formulas, unfused. They run on every {@link DjlEngine}, with
 * the operations that all of them have, and tests compare other kernels to them.
 */
public final class ReferenceKernels extends UnfusedKernels {

    private final Dtype dtype;
    private final DataType type;

    /** Creates kernels that compute in float32. */
    public ReferenceKernels() {
        this(Dtype.FLOAT32);
    }

    /**
     * Creates kernels.
     *
     * @param dtype float32, or float16, which propagates no gradients
     */
    public ReferenceKernels(Dtype dtype) {
        this.dtype = dtype;
        type =
                switch (dtype) {
                    case FLOAT32 -> DataType.FLOAT32;
                    case FLOAT16 -> DataType.FLOAT16;
                    default ->
                            throw new IllegalArgumentException(
                                    "the reference kernels compute in float32 and float16, not in "
                                            + dtype);
                };
    }

    @Override
    public String name() {
        return "reference";
    }

    @Override
    public Dtype dtype() {
        return dtype;
    }

    @Override
    public ReferenceKernels training() {
        return this;
    }

    @Override
    public NDArray load(NDManager manager, Tensor tensor) {
        Shape shape = new Shape(tensor.shape());
        NDArray stored =
                switch (tensor.dtype()) {
                    case FLOAT32 -> HostArray.of(manager, tensor.data(), shape, DataType.FLOAT32);
                    case FLOAT16 -> HostArray.of(manager, tensor.data(), shape, DataType.FLOAT16);
                    case BFLOAT16 -> {
                        try (NDArray matrix = widened(manager, tensor)) {
                            yield matrix.reshape(shape);
                        }
                    }
                    default ->
                            throw new IllegalArgumentException(
                                    tensor + " is not a floating-point one");
                };
        if (stored.getDataType() == type) {
            return stored;
        }
        try (stored) {
            return stored.toType(type, true);
        }
    }

    /** Converts to the data type of activations. */
    private NDArray rounded(NDArray x) {
        return x.toType(type, false);
    }

    /** Widens bfloat16, which is the upper half of a float32. */
    private static NDArray widened(NDManager manager, Tensor tensor) {
        int elements = (int) tensor.elements();
        long[] shape = tensor.shape();
        int columns = shape.length == 0 ? 1 : (int) Math.max(1, shape[shape.length - 1]);
        ShortBuffer halves = tensor.data().asShortBuffer();
        ComputedRows rows =
                (row, to) -> {
                    for (int c = 0; c < columns; ++c) {
                        to[c] = Float.intBitsToFloat(halves.get(row * columns + c) << 16);
                    }
                };
        return rows.toArray(manager, elements / columns, columns);
    }

    /** Concatenates arrays and closes them. */
    static NDArray joined(NDList parts, int axis) {
        if (parts.size() == 1) {
            return parts.get(0);
        }
        try (parts) {
            return NDArrays.concat(parts, axis);
        }
    }

    @Override
    public NDArray zeros(NDManager manager, Shape shape) {
        return manager.zeros(shape, type);
    }

    @Override
    public NDArray toFloat32(NDArray x) {
        return x.toType(DataType.FLOAT32, false);
    }

    @Override
    public NDArray embedding(NDArray ids, NDArray weight) {
        NDManager manager = ids.getManager();
        if (DjlEngine.of(manager).supportsIndexing()) {
            return weight.get(manager, new NDIndex("{}", ids));
        }
        NDList parts = new NDList();
        for (long id : ids.toLongArray()) {
            parts.add(weight.get(manager, new NDIndex().addSliceDim(id, id + 1)));
        }
        return joined(parts, 0);
    }

    /** Multiplies matrices: for more dimensions, candle would copy the weight. */
    @Override
    public NDArray linear(NDArray x, NDArray weight) {
        Shape shape = x.getShape();
        int last = shape.dimension() - 1;
        NDArray rows = x.reshape(-1, shape.get(last));
        try (NDArray transposed = weight.transpose()) {
            return rows.matMul(transposed)
                    .reshape(shape.slice(0, last).add(weight.getShape().get(0)));
        }
    }

    @Override
    public QuantizedLinear quantized(NDManager manager, QuantizedWeight weight) {
        ComputedRows rows = weight::dequantizeRow;
        return x -> {
            try (NDArray whole = rows.toArray(x.getManager(), weight.rows(), weight.columns())) {
                return linear(x, rounded(whole));
            }
        };
    }

    @Override
    public NDArray lora(NDArray y, NDArray x, NDArray a, NDArray b, float scale) {
        NDArray factor = scalar(y.getManager(), scale);
        NDArray product = linear(linear(toFloat32(x), a), b);
        return rounded(toFloat32(y).add(product.mul(factor)));
    }

    @Override
    public NDArray linearFloat32(NDArray x, NDArray weight) {
        return linear(toFloat32(x), weight);
    }

    @Override
    public NDArray embeddingFloat32(NDArray ids, NDArray weight) {
        return rounded(embedding(ids, weight));
    }

    @Override
    public NDArray embedding(NDArray ids, QuantizedWeight weight) {
        int[] wanted = Arrays.stream(ids.toLongArray()).mapToInt(Math::toIntExact).toArray();
        ComputedRows rows = (i, to) -> weight.dequantizeRow(wanted[i], to);
        return rounded(rows.toArray(ids.getManager(), wanted.length, weight.columns()));
    }

    @Override
    public NDArray rmsNorm(NDArray x, NDArray weight, float eps) {
        NDArray exact = toFloat32(x);
        NDArray mean = exact.square().mean(new int[] {x.getShape().dimension() - 1}, true);
        return rounded(exact.div(mean.add(eps).sqrt())).mul(weight);
    }

    @Override
    public NDArray swiGlu(NDArray gate, NDArray up) {
        return Activation.sigmoid(gate).mul(gate).mul(up);
    }

    @Override
    public NDList logProbabilities(NDArray logits, NDArray labels, boolean means) {
        NDArray all = toFloat32(logits).logSoftmax(1);
        NDList result = new NDList(all.gather(labels.expandDims(1), 1).squeeze(1));
        if (means) {
            result.add(all.mean(new int[] {1}));
        }
        return result;
    }

    @Override
    public NDArray logProbabilityGradients(
            NDArray logits, NDArray labels, NDArray gradients, @Nullable NDArray meanGradients) {
        int vocabulary = Math.toIntExact(logits.getShape().get(1));
        NDArray p = toFloat32(logits).softmax(1);
        NDArray chosen = labels.oneHot(vocabulary).sub(p);
        NDArray result = chosen.mul(gradients.expandDims(1));
        if (meanGradients != null) {
            NDArray share = p.neg().add(1f / vocabulary);
            result = result.add(share.mul(meanGradients.expandDims(1)));
        }
        return rounded(result);
    }

    @Override
    public NDList rotaryTables(NDArray positions, NDArray inverseFrequencies) {
        NDArray angles =
                positions.toType(DataType.FLOAT32, false).expandDims(2).mul(inverseFrequencies);
        NDArray both = angles.concat(angles, 2).expandDims(1);
        return new NDList(rounded(both.cos()), rounded(both.sin()));
    }

    @Override
    public NDList rotary(
            NDArray q, NDArray k, NDArray v, NDList tables, @Nullable CacheSlots cache) {
        long size = tables.get(0).getShape().get(3);
        NDArray key = rotate(heads(k, size), tables);
        NDArray value = heads(v, size);
        if (cache != null) {
            long[] slots = cache.slots().toLongArray();
            write(cache.keys(), key, slots);
            write(cache.values(), value, slots);
        }
        return new NDList(rotate(heads(q, size), tables), key, value);
    }

    /**
     * Writes tokens to consecutive slots of a cache. Where slices cannot be written, the array
     * takes over the memory of another one, which is concatenated: that copies the cache of the
     * layer.
     */
    private static void write(NDArray cache, NDArray tokens, long[] slots) {
        long begin = slots[0];
        long end = begin + slots.length;
        if (DjlEngine.of(cache.getManager()).supportsIndexing()) {
            cache.set(tokens(begin, end), tokens);
            return;
        }
        NDManager scope = tokens.getManager();
        NDList parts = new NDList();
        addTokens(parts, scope, cache, 0, begin);
        addTokens(parts, scope, tokens, 0, slots.length);
        addTokens(parts, scope, cache, end, cache.getShape().get(2));
        cache.intern(joined(parts, 2));
    }

    private static void addTokens(
            NDList parts, NDManager scope, NDArray array, long from, long to) {
        if (from < to) {
            parts.add(array.get(scope, tokens(from, to)));
        }
    }

    private static NDIndex tokens(long from, long to) {
        return new NDIndex().addAllDim(2).addSliceDim(from, to).addAllDim();
    }

    /** Reshapes (B, T, n·D) to (B, n, T, D). */
    private static NDArray heads(NDArray x, long size) {
        Shape shape = x.getShape();
        return contiguous(x.reshape(shape.get(0), shape.get(1), -1, size).transpose(0, 2, 1, 3));
    }

    /** Candle multiplies only batches of matrices at equal distances. */
    private static NDArray contiguous(NDArray x) {
        return x.reshape(x.getShape());
    }

    /** {@code x·cos + [-second half, first half]·sin}. */
    private static NDArray rotate(NDArray x, NDList tables) {
        NDList halves = x.split(2, 3);
        NDArray turned = halves.get(1).neg().concat(halves.get(0), 3);
        return x.mul(tables.get(0)).add(turned.mul(tables.get(1)));
    }

    @Override
    public NDArray attend(NDArray q, NDArray k, NDArray v, @Nullable NDArray mask, int window) {
        int queries = (int) q.getShape().get(2);
        int keys = (int) k.getShape().get(2);
        NDArray rule =
                mask != null
                        ? mask
                        : AttentionMask.additive(
                                q.getManager(),
                                1,
                                keys - queries,
                                queries,
                                IntStream.range(0, keys).toArray(),
                                window,
                                null);
        Shape shape = q.getShape();
        NDArray weights = grouped(attentionWeights(q, k, rule), v);
        NDArray out = weights.matMul(v).reshape(shape);
        return out.transpose(0, 2, 1, 3).reshape(shape.get(0), queries, -1);
    }

    @Override
    public NDArray attentionWeights(NDArray q, NDArray k, NDArray mask) {
        Shape shape = q.getShape();
        NDArray scores =
                toFloat32(grouped(q, k).matMul(k.transpose(0, 1, 3, 2)))
                        .reshape(shape.get(0), shape.get(1), shape.get(2), -1);
        NDArray scale = scalar(q.getManager(), (float) Math.sqrt((double) shape.get(3)));
        return rounded(scores.div(scale).add(mask).softmax(3));
    }

    /**
     * Creates a factor that autograd keeps for the backward pass. Unlike a Number, which DJL turns
     * into an array of a Java buffer, it is in memory of the engine.
     */
    private static NDArray scalar(NDManager manager, float value) {
        try (NDArray shared = HostArray.of(manager, new float[] {value}, new Shape())) {
            return shared.duplicate();
        }
    }

    /**
     * Joins the query heads of each key/value head, H/G neighbors: (B, H, T, ..) to (B, G, T·H/G,
     * ..). This spares repeating keys and values.
     */
    private static NDArray grouped(NDArray x, NDArray keys) {
        Shape shape = x.getShape();
        return x.reshape(shape.get(0), keys.getShape().get(1), -1, shape.get(3));
    }
}
