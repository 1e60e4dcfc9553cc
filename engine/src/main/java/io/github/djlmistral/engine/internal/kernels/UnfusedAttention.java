/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDArrays;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.index.NDIndex;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.internal.HostArray;
import io.github.djlmistral.engine.internal.kernels.UnfusedKernels.CacheSlots;
import io.github.djlmistral.engine.kernels.Attention;
import io.github.djlmistral.engine.kernels.AttentionInput;
import io.github.djlmistral.engine.kernels.KeyValues;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Objects;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * Attention of {@link UnfusedKernels}, for one sequence after the other. Sequences of equally many
 * tokens that have no cache are computed together.
 */
final class UnfusedAttention implements Attention {

    private final UnfusedKernels kernels;
    private final NDManager scope;
    private final AttentionInput input;
    private final List<Part> parts = new ArrayList<>();

    UnfusedAttention(UnfusedKernels kernels, NDManager scope, AttentionInput input) {
        this.kernels = kernels;
        this.scope = scope;
        this.input = input;
        int sequences = input.sequences();
        int longest = input.longest();
        if (input.caches().isEmpty() && input.positions().length == sequences * longest) {
            parts.add(new Part(0, sequences, longest, null));
            return;
        }
        for (int b = 0; b < sequences; ++b) {
            KeyValues cache = input.caches().isEmpty() ? null : input.caches().get(b);
            parts.add(new Part(input.begins()[b], 1, input.tokens(b), cache));
        }
    }

    @Override
    public NDList forward(int layer, NDArray q, NDArray k, NDArray v) {
        if (parts.size() == 1) {
            return parts.get(0).forward(layer, q, k, v);
        }
        NDList contexts = new NDList();
        NDList weights = new NDList();
        // The gradient of one split into n parts is a concatenation; those of n slices would be n
        // arrays of zeros as large as the whole.
        NDList queries = split(q);
        NDList keys = split(k);
        NDList values = split(v);
        for (int i = 0; i < parts.size(); ++i) {
            NDList result = parts.get(i).forward(layer, queries.get(i), keys.get(i), values.get(i));
            contexts.add(result.get(0));
            weights.addAll(result.subNDList(1));
        }
        NDList result = new NDList(NDArrays.concat(contexts, 0));
        if (!weights.isEmpty()) {
            result.add(NDArrays.concat(weights, 0));
        }
        return result;
    }

    /** Splits rows of tokens into those of the parts. */
    private NDList split(NDArray x) {
        return x.split(parts.stream().skip(1).mapToLong(part -> part.first).toArray());
    }

    /** B sequences of T new tokens each, which follow each other; one if there is a cache. */
    private final class Part {

        final int first;
        final int batch;
        final int tokens;
        final NDList tables;
        final @Nullable NDArray mask;
        final @Nullable ContiguousKeyValues cache;
        final int past;

        /** The first position that a token of the pass attends to. */
        final int oldest;

        final @Nullable NDArray slots;

        Part(int first, int batch, int tokens, @Nullable KeyValues given) {
            this.first = first;
            this.batch = batch;
            this.tokens = tokens;
            if (given != null && !(given instanceof ContiguousKeyValues)) {
                throw new IllegalArgumentException(
                        "a pass that requires gradients cannot use a KV cache: leave it out");
            }
            cache = (ContiguousKeyValues) given;
            int end = first + batch * tokens;
            long[] positions = Arrays.copyOfRange(input.positions(), first, end);
            float[] frequencies = input.inverseFrequencies();
            tables =
                    kernels.rotaryTables(
                            HostArray.of(scope, positions, new Shape(batch, tokens)),
                            HostArray.of(scope, frequencies, new Shape(frequencies.length)));
            mask = input.mask() == null ? null : of(input.mask()).reshape(batch, 1, tokens, -1);
            past = cache == null ? 0 : cache.length();
            oldest = input.window() == 0 ? 0 : Math.max(0, past - input.window() + 1);
            slots =
                    cache == null
                            ? null
                            : HostArray.of(
                                    scope,
                                    LongStream.range(past, (long) past + tokens)
                                            .map(position -> position - cache.dropped())
                                            .toArray());
        }

        /** Returns the rows of its tokens. */
        NDArray of(NDArray x) {
            int end = first + batch * tokens;
            return x.getShape().get(0) == end - first
                    ? x
                    : x.get(new NDIndex().addSliceDim(first, end));
        }

        NDList forward(int layer, NDArray q, NDArray k, NDArray v) {
            CacheSlots written =
                    cache == null || slots == null
                            ? null
                            : new CacheSlots(cache.keys(layer), cache.values(layer), slots);
            NDList rotated =
                    kernels.rotary(sequences(q), sequences(k), sequences(v), tables, written);
            NDArray query = rotated.get(0);
            NDArray key = written == null ? rotated.get(1) : attended(written.keys());
            NDArray value = written == null ? rotated.get(2) : attended(written.values());
            NDArray context = kernels.attend(query, key, value, mask, input.window());
            NDList result = new NDList(context.reshape((long) batch * tokens, -1));
            if (input.weights()) {
                NDArray rule = Objects.requireNonNull(mask, "weights without a mask");
                result.add(kernels.attentionWeights(query, key, rule));
            }
            return result;
        }

        /** Reshapes (B · T, n) to (B, T, n). */
        private NDArray sequences(NDArray x) {
            return x.reshape(batch, tokens, -1);
        }

        /** Returns a view of the slots that the tokens of the pass attend to. */
        private NDArray attended(NDArray array) {
            int dropped = Objects.requireNonNull(cache).dropped();
            NDIndex range =
                    new NDIndex()
                            .addAllDim(2)
                            .addSliceDim(oldest - dropped, past + tokens - dropped);
            return array.get(scope, range.addAllDim());
        }
    }
}
