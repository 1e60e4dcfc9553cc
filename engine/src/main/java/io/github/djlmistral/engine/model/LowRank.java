/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.nn.Parameter;
import ai.djl.training.ParameterStore;
import io.github.djlmistral.engine.internal.HostArray;
import io.github.djlmistral.engine.kernels.Kernels;
import java.nio.ByteBuffer;
import java.nio.FloatBuffer;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * What an adapter adds to the output of a linear layer: {@code scale · (dropout(x) · Aᵀ) · Bᵀ}.
 *
 * @param module the name of the layer
 * @param a A, float32 (r, in)
 * @param b B, float32 (out, r)
 * @param scale the factor of the product
 * @param dropout the probability that an element of x is dropped in training
 */
record LowRank(String module, Parameter a, Parameter b, float scale, double dropout) {

    /** Elements of a mask that a thread draws at once. */
    private static final int SHARE = 1 << 14;

    /** 2^64 divided by the golden ratio, the increment of SplitMix64 (Steele et al. 2014). */
    private static final long GOLDEN = 0x9e3779b97f4a7c15L;

    NDArray add(
            ParameterStore values,
            boolean training,
            Kernels kernels,
            @Nullable Long dropoutSeed,
            NDArray x,
            NDArray y) {
        Device device = x.getDevice();
        NDArray input = dropoutSeed == null || dropout == 0 ? x : dropped(x, dropoutSeed);
        return kernels.lora(
                y,
                input,
                ForwardPass.value(values, a, device, training),
                ForwardPass.value(values, b, device, training),
                scale);
    }

    /**
     * Multiplies by a mask of 0 and 1 / (1 - dropout), a function of seed, module and position: a
     * layer that is computed again for its gradients draws the same one.
     */
    private NDArray dropped(NDArray x, long seed) {
        int count = Math.toIntExact(x.size());
        ByteBuffer bytes = x.getManager().allocateDirect(Math.multiplyExact(count, Float.BYTES));
        FloatBuffer mask = bytes.asFloatBuffer();
        long key = mixed(seed + GOLDEN * module.hashCode());
        float kept = (float) (1 / (1 - dropout));
        IntStream.range(0, (count + SHARE - 1) / SHARE)
                .parallel()
                .forEach(
                        share -> {
                            int end = Math.min(count, (share + 1) * SHARE);
                            for (int i = share * SHARE; i < end; ++i) {
                                // 53 bits, as Random.nextDouble
                                double drawn = (mixed(key + GOLDEN * i) >>> 11) * 0x1p-53;
                                mask.put(i, drawn < dropout ? 0 : kept);
                            }
                        });
        // a copy in memory of the engine, which autograd keeps for the backward pass
        try (NDArray drawn = HostArray.of(x.getManager(), bytes, x.getShape(), DataType.FLOAT32);
                NDArray copy = drawn.duplicate()) {
            return x.mul(copy);
        }
    }

    /** The output function of SplitMix64. */
    private static long mixed(long state) {
        long z = (state ^ state >>> 30) * 0xbf58476d1ce4e5b9L;
        z = (z ^ z >>> 27) * 0x94d049bb133111ebL;
        return z ^ z >>> 31;
    }
}
