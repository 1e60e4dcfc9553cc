/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.kernels;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.internal.quantization.Dequantizer;
import io.github.djlmistral.engine.quantization.Int4;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;
import java.nio.ByteBuffer;
import java.util.Queue;
import java.util.concurrent.ConcurrentLinkedQueue;

/**
 * Multiplies by quantized weights on a CPU, dequantizing blocks of rows into reused buffers.
 *
 * <p>With float16 kernels the blocks are float32, since products of many rows are computed in
 * float32 anyway.
 */
final class DequantizedBlocks {

    /**
     * Maximum size of a block in weights, 32 MiB of bfloat16; a block has at least one tile of
     * rows.
     *
     * <p>With one thread the size does not matter (2^19 to 2^26 tried). With more, PyTorch's
     * threads spin for some milliseconds after each product and keep a core from those that
     * dequantize the next block: 14336 x 4096 for 16 rows on two cores takes 70 ms in blocks of
     * 2^22, 58 ms in blocks of 2^24, of which the product is 9 ms. Where they do not spin
     * (OMP_WAIT_POLICY=PASSIVE), dequantizing is twice as fast.
     */
    private static final int BLOCK = 1 << 24;

    private final TorchKernels kernels;
    private final NDManager manager;
    private final Dequantizer dequantizer;
    private final Dtype dtype;

    /** Blocks not in use; there are as many blocks as there were concurrent calls. */
    private final Queue<Block> free = new ConcurrentLinkedQueue<>();

    /** A buffer as an array and as bytes. */
    private record Block(NDArray array, ByteBuffer bytes) {}

    /** Uses a block. */
    @FunctionalInterface
    private interface Use {

        /** Uses rows first to last - 1, which are at the beginning of a flat array. */
        void accept(NDArray block, int first, int last);
    }

    /**
     * Allocates no block until it is needed.
     *
     * @param kernels the kernels that run the scripts, without gradients
     * @param manager the manager of the blocks, on the CPU
     * @param dequantizer the dequantizer
     */
    DequantizedBlocks(TorchKernels kernels, NDManager manager, Dequantizer dequantizer) {
        this.kernels = kernels;
        this.manager = manager;
        this.dequantizer = dequantizer;
        dtype = kernels.dtype() == Dtype.FLOAT16 ? Dtype.FLOAT32 : kernels.dtype();
    }

    /** Returns x · weightᵀ, (..., rows), for x (..., columns). */
    NDArray linear(NDArray x, QuantizedWeight weight) {
        boolean same = dtype == kernels.dtype();
        NDArray wide = same ? x : kernels.toFloat32(x);
        NDArray out = kernels.call("linear_output", x, at(weight.rows())).get(0);
        forEach(
                weight,
                (block, first, last) ->
                        kernels.call("linear_into", wide, block, out, at(first), at(last)).close());
        if (!same) {
            wide.close();
        }
        return out;
    }

    /**
     * Returns the dequantized weight (rows, columns), in memory of PyTorch, which autograd may
     * keep.
     */
    NDArray whole(NDManager owner, QuantizedWeight weight) {
        NDArray whole = typed(owner.create(new Shape(weight.rows(), weight.columns()), carrier()));
        forEach(
                weight,
                (block, first, last) ->
                        kernels.normal("copy_rows", whole, block, at(first), at(last)).close());
        return whole;
    }

    private DataType carrier() {
        return dtype == Dtype.BFLOAT16 ? DataType.FLOAT16 : DataType.FLOAT32;
    }

    /** Views 16-bit data as bfloat16; the same memory. */
    private NDArray typed(NDArray bits) {
        if (dtype != Dtype.BFLOAT16) {
            return bits;
        }
        try (bits) {
            return kernels.normal("as_bfloat16", bits);
        }
    }

    private NDArray at(int row) {
        return kernels.constant((long) row);
    }

    private void forEach(QuantizedWeight weight, Use use) {
        int columns = weight.columns();
        int height = Math.max(1, BLOCK / columns / Int4.TILE) * Int4.TILE;
        Block block = take(Math.multiplyExact(Math.min(height, weight.rows()), columns));
        try {
            for (int first = 0; first < weight.rows(); first += height) {
                int last = Math.min(weight.rows(), first + height);
                dequantizer.dequantize(weight, first, last, dtype, block.bytes);
                use.accept(block.array, first, last);
            }
        } finally {
            free.add(block);
        }
    }

    private Block take(int numbers) {
        Block block = free.poll();
        if (block != null && block.bytes.capacity() >= (long) numbers * dtype.bytes()) {
            return block;
        }
        if (block != null) {
            block.array.close();
        }
        NDArray bits = manager.create(new Shape(numbers), carrier());
        ByteBuffer bytes = bits.toByteBuffer(true);
        return new Block(TorchKernels.outliving(typed(bits)), bytes);
    }
}
