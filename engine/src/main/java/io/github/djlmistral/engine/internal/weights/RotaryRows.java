/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.weights;

import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.util.Locale;

/**
 * Row permutation of query and key projections between the two layouts of rotary embedding.
 *
 * <p>Rotary embedding turns the dimensions of a head in pairs. Mistral's code and llama.cpp pair
 * neighbours (0 with 1, 2 with 3), as the real and imaginary parts of complex numbers; Hugging Face
 * pairs each dimension of the first half with one of the second. So the even rows of each head go
 * first, then the odd ones:
 *
 * <pre>
 * 2 heads of 4:     head 0      head 1
 * neighbours        0 1 2 3     4 5 6 7      pairs (0 1) (2 3)   (4 5) (6 7)
 * Hugging Face's    0 2 1 3     4 6 5 7      the same pairs, now two rows apart
 * </pre>
 *
 * <p>A score is a sum over the dimensions of a head, and query and key are reordered alike, so it
 * stays the same; values and outputs are not turned and keep their order. It is {@code
 * w.view(heads, d / 2, 2, in).transpose(1, 2)}.
 */
public final class RotaryRows {

    private RotaryRows() {}

    /**
     * Tells where a row of Hugging Face's order comes from.
     *
     * @param row the row there
     * @param width how many rows a head has, even
     * @return the row where neighbours are pairs: row i of a head is its row 2i, row width/2 + i
     *     its row 2i + 1
     */
    public static int source(int row, int width) {
        int inHead = row % width;
        int evenOrOdd = inHead / (width / 2);
        int pair = inHead % (width / 2);
        return row - inHead + 2 * pair + evenOrOdd;
    }

    /**
     * Checks that rows divide into heads of pairs.
     *
     * @param tensor the tensor's name, type and shape, for the message
     * @param shape the tensor's shape
     * @param heads the number of heads
     * @return how many rows a head has
     * @throws IllegalArgumentException if they do not
     */
    public static int width(String tensor, long[] shape, int heads) {
        if (heads <= 0
                || shape.length != 2
                || shape[0] > Integer.MAX_VALUE
                || shape[0] % (2L * heads) != 0) {
            throw new IllegalArgumentException(
                    String.format(
                            Locale.ROOT,
                            "%s does not divide into %d heads of pairs of rows; check the numbers"
                                    + " of heads in config.json, params.json or the metadata of"
                                    + " the GGUF file",
                            Quote.shorten(tensor),
                            heads));
        }
        return Math.toIntExact(shape[0] / heads);
    }

    /**
     * Copies a tensor [heads * width, in] of pairs of neighbours into Hugging Face's order.
     *
     * @param tensor the tensor
     * @param heads the number of heads
     * @return the copy, in memory of its own
     * @throws IllegalArgumentException if its rows do not divide into heads of pairs
     */
    public static Tensor evenRowsFirst(Tensor tensor, int heads) {
        int width = width(tensor.name() + " " + tensor, tensor.shape(), heads);
        ByteBuffer source = tensor.data();
        Tensor copy = Tensor.allocate(tensor.name(), tensor.dtype(), tensor.shape());
        ByteBuffer target = copy.data();
        if (source.hasRemaining()) {
            // All are ints, as the whole tensor has less than 2^31 bytes.
            int rows = width * heads;
            int rowBytes = source.capacity() / rows;
            for (int row = 0; row < rows; row++) {
                target.put(row * rowBytes, source, source(row, width) * rowBytes, rowBytes);
            }
        }
        return copy;
    }
}
