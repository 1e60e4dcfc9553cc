/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.weights;

import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.util.Locale;

/**
 * Row permutation of query and key projections between the two layouts of rotary embedding.
 *
 * <p>Rotary embedding rotates pairs of the dimensions of a head. Mistral's code and llama.cpp pair
 * adjacent dimensions (0 with 1, 2 with 3), as real and imaginary parts of complex numbers; Hugging
 * Face pairs each dimension of the first half with one of the second. So Hugging Face's layout has
 * the even rows of each head first, then the odd ones:
 *
 * <pre>
 * 2 heads of 4:     head 0      head 1
 * neighbours        0 1 2 3     4 5 6 7      pairs (0 1) (2 3)   (4 5) (6 7)
 * Hugging Face's    0 2 1 3     4 6 5 7      the same pairs, now two rows apart
 * </pre>
 *
 * <p>Attention scores do not change, since they are sums over the dimensions of a head and queries
 * and keys are permuted alike. Value and output projections are not rotated and keep their order.
 * The permutation is {@code w.view(heads, d / 2, 2, in).transpose(1, 2)}.
 */
public final class RotaryRows {

    private RotaryRows() {}

    /**
     * Returns the source of a row in Hugging Face's order.
     *
     * @param row the row in Hugging Face's order
     * @param width number of rows per head, even
     * @return the row in the order of adjacent pairs: 2i for row i of a head, 2i + 1 for row
     *     width/2 + i
     */
    public static int source(int row, int width) {
        int inHead = row % width;
        int evenOrOdd = inHead / (width / 2);
        int pair = inHead % (width / 2);
        return row - inHead + 2 * pair + evenOrOdd;
    }

    /**
     * Checks that the rows can be divided into heads.
     *
     * @param tensor name, type and shape of the tensor, for the message
     * @param shape the tensor's shape
     * @param heads the number of heads
     * @return the number of rows per head, even
     * @throws IllegalArgumentException if they cannot be divided
     */
    public static int width(String tensor, long[] shape, int heads) {
        if (heads <= 0
                || shape.length != 2
                || shape[0] > Integer.MAX_VALUE
                || shape[0] % (2L * heads) != 0) {
            throw new IllegalArgumentException(
                    String.format(
                            Locale.ROOT,
                            "%s cannot be divided into %d heads of pairs of rows; check the"
                                    + " numbers of heads in config.json, params.json or the metadata of"
                                    + " the GGUF file",
                            Quote.shorten(tensor),
                            heads));
        }
        return Math.toIntExact(shape[0] / heads);
    }

    /**
     * Copies a tensor (heads * width, in) from the order of adjacent pairs to Hugging Face's order.
     *
     * @param tensor the tensor
     * @param heads the number of heads
     * @return the copy, in memory that it owns
     * @throws IllegalArgumentException if its rows cannot be divided into heads
     */
    public static Tensor evenRowsFirst(Tensor tensor, int heads) {
        int width = width(tensor.name() + " " + tensor, tensor.shape(), heads);
        ByteBuffer source = tensor.data();
        Tensor copy = Tensor.allocate(tensor.name(), tensor.dtype(), tensor.shape());
        ByteBuffer target = copy.data();
        if (source.hasRemaining()) {
            // no overflow: the tensor has less than 2^31 bytes
            int rows = width * heads;
            int rowBytes = source.capacity() / rows;
            for (int row = 0; row < rows; row++) {
                target.put(row * rowBytes, source, source(row, width) * rowBytes, rowBytes);
            }
        }
        return copy;
    }
}
