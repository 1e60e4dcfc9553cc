/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.internal.kernels.AttentionMask;
import io.github.djlmistral.engine.weights.Dtype;
import java.util.Arrays;
import org.jspecify.annotations.Nullable;

/**
 * The arrays of a {@link ForwardInput}. Each method checks one of them against the network, and
 * returns a copy on the heap, or a view that belongs to the pass.
 */
final class InputArrays {

    private final ForwardInput input;
    private final MistralConfig config;
    private final NDManager scope;
    private final NDArray head;
    private final boolean isIds;
    private final int batch;
    private final int tokens;

    /**
     * Checks the shape of the token ids or embeddings.
     *
     * @param input the arrays
     * @param config the configuration of the network
     * @param scope the manager of the pass
     * @throws IllegalArgumentException if it is another one, or there are no tokens
     */
    @SuppressWarnings("ReferenceEquality") // equals() would compare the elements
    InputArrays(ForwardInput input, MistralConfig config, NDManager scope) {
        this.input = input;
        this.config = config;
        this.scope = scope;
        head = input.head();
        isIds = head == input.inputIds;
        Shape shape = head.getShape();
        if (shape.dimension() != (isIds ? 2 : 3) || shape.size() == 0) {
            throw new IllegalArgumentException(
                    isIds
                            ? "input_ids must have the shape (batch, tokens), have " + shape
                            : "inputs_embeds must have the shape (batch, tokens, hidden size), have"
                                    + " "
                                    + shape);
        }
        batch = Math.toIntExact(shape.get(0));
        tokens = Math.toIntExact(shape.get(1));
    }

    /** Returns the number of rows. */
    int batch() {
        return batch;
    }

    /** Returns the number of tokens of each row. */
    int tokens() {
        return tokens;
    }

    /** Returns the token ids of all rows; null if embeddings are given. */
    long @Nullable [] ids() {
        if (!isIds) {
            return null;
        }
        long[] ids = integers("input_ids", head);
        requireKnown(ids, config.vocabSize());
        return ids;
    }

    /** Checks that token ids are in the vocabulary. */
    static void requireKnown(long[] ids, int vocabulary) {
        for (long id : ids) {
            if (id < 0 || id >= vocabulary) {
                throw new IllegalArgumentException(
                        "input_ids hold "
                                + id
                                + ", the vocabulary has 0 to "
                                + (vocabulary - 1)
                                + ": encode with the tokenizer of this model");
            }
        }
    }

    /** Returns the embeddings, of the given type; null if token ids are given. */
    @Nullable NDArray embeddings(Dtype dtype) {
        if (isIds) {
            return null;
        }
        if (head.getShape().get(2) != config.hiddenSize()) {
            throw new IllegalArgumentException(
                    "inputs_embeds must have the shape (batch, tokens, "
                            + config.hiddenSize()
                            + "), have "
                            + head.getShape());
        }
        if (head.getDataType() != dataType(dtype)) {
            throw new IllegalArgumentException(
                    "inputs_embeds must be "
                            + dtype
                            + " as this network is, are "
                            + head.getDataType());
        }
        return view(head);
    }

    /** Returns the positions of all tokens; null if none are given. */
    long @Nullable [] positions() {
        NDArray given = input.positionIds;
        if (given == null) {
            return null;
        }
        Shape shape = given.getShape();
        if (!shape.equals(new Shape(batch, tokens)) && !shape.equals(new Shape(1, tokens))) {
            throw new IllegalArgumentException(
                    "position_ids must have the shape "
                            + new Shape(batch, tokens)
                            + " of this pass, or "
                            + new Shape(1, tokens)
                            + ", have "
                            + shape);
        }
        long[] positions = integers("position_ids", given);
        for (long position : positions) {
            if (position < 0 || position > Integer.MAX_VALUE) {
                throw new IllegalArgumentException(
                        "position_ids hold " + position + ", must be from 0 to 2^31 - 1");
            }
        }
        return shape.get(0) == batch ? positions : repeated(positions);
    }

    private long[] repeated(long[] row) {
        long[] all = new long[batch * row.length];
        Arrays.setAll(all, i -> row[i % row.length]);
        return all;
    }

    /** Returns whether there is an attention mask, of either kind. */
    boolean hasMask() {
        return input.attentionMask != null;
    }

    private static boolean isAdditive(NDArray mask) {
        return mask.getShape().dimension() == 4;
    }

    /**
     * Returns the padding mask.
     *
     * @param past the number of earlier tokens
     * @return the mask; null where no query of the pass attends to padding
     */
    AttentionMask.@Nullable Padding padding(int past) {
        int window = config.window();
        int end = past + tokens;
        int first = window == 0 ? 0 : Math.max(0, past - window + 1);
        NDArray mask = input.attentionMask;
        if (mask == null || isAdditive(mask)) {
            return null;
        }
        if (!mask.getShape().equals(new Shape(batch, end))) {
            throw new IllegalArgumentException(
                    "attention_mask must be "
                            + new Shape(batch, end)
                            + ", one number for each token seen so far and now, is "
                            + mask.getShape());
        }
        long[] kept = longs(mask);
        for (int b = 0; b < batch; ++b) {
            for (int p = first; p < end; ++p) {
                if (kept[b * end + p] == 0) {
                    return (row, position) -> kept[row * end + position] == 0;
                }
            }
        }
        return null;
    }

    /**
     * Returns the 4D attention mask, float32 (B, 1, T, K); null if none is given.
     *
     * @param keys the number of keys K
     */
    @Nullable NDArray additiveMask(int keys) {
        NDArray mask = input.attentionMask;
        if (mask == null || !isAdditive(mask)) {
            return null;
        }
        Shape wanted = new Shape(batch, 1, tokens, keys);
        if (!mask.getShape().equals(wanted)) {
            throw new IllegalArgumentException(
                    "a 4D attention mask must be " + wanted + ", is " + mask.getShape());
        }
        if (mask.getDataType() != DataType.FLOAT32) {
            throw new IllegalArgumentException(
                    "a 4D attention mask must be float32, is " + mask.getDataType());
        }
        return view(mask);
    }

    /** Returns DJL's data type, which for bfloat16 is UNKNOWN. */
    private static DataType dataType(Dtype dtype) {
        return switch (dtype) {
            case FLOAT32 -> DataType.FLOAT32;
            case FLOAT16 -> DataType.FLOAT16;
            default -> DataType.UNKNOWN;
        };
    }

    private static long[] integers(String name, NDArray array) {
        if (!array.getDataType().isInteger()) {
            throw new IllegalArgumentException(
                    name + " must be integers, int64 say, are " + array.getDataType());
        }
        return longs(array);
    }

    /** Copies an array to the heap. A cast to the same type would return the array itself. */
    private static long[] longs(NDArray array) {
        if (array.getDataType() == DataType.INT64) {
            return array.toLongArray();
        }
        try (NDArray cast = array.toType(DataType.INT64, false)) {
            return cast.toLongArray();
        }
    }

    /** Returns another handle of the same memory, through which gradients flow. */
    private NDArray view(NDArray array) {
        NDArray view = array.reshape(array.getShape());
        view.attach(scope);
        return view;
    }
}
