/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.training;

import io.github.djlmistral.engine.model.TrainingSequence;
import io.github.djlmistral.engine.training.TrainingData;
import java.util.Arrays;
import java.util.Objects;

/**
 * Texts for causal language modeling, concatenated and cut into blocks of equal length, as {@code
 * group_texts} of transformers' examples does: the tokens of all texts, each ended by the
 * end-of-sequence token, one text after the other; what remains at the end of the file is dropped.
 *
 * <p>A block is a single sequence: its tokens see those of earlier texts in it.
 *
 * <p>Thread-safe.
 */
public final class BlockDataset implements TrainingData<TrainingSequence> {

    private final JsonlDataset<TrainingSequence> data;
    private final int blockSize;
    private final int size;

    /** Where each text begins among all tokens, and where the last ends. */
    private final long[] begins;

    /** A text and its tokens. */
    private record Text(int index, TrainingSequence tokens) {}

    /** The text read last, which the next block often continues. */
    private volatile Text last;

    /**
     * Cuts the texts of a data set.
     *
     * @param data texts read by an {@link SftRecordReader} that does not truncate (its {@code
     *     maxLength} is {@link Integer#MAX_VALUE}); it is not closed by this class
     * @param blockSize the number of tokens of a block, at least 2
     * @throws IllegalArgumentException if the texts have fewer tokens than a block
     */
    public BlockDataset(JsonlDataset<TrainingSequence> data, int blockSize) {
        if (blockSize < 2) {
            throw new IllegalArgumentException(
                    "block_size is " + blockSize + ", must be at least 2");
        }
        this.data = data;
        this.blockSize = blockSize;
        begins = new long[data.size() + 1];
        for (int i = 0; i < data.size(); i++) {
            begins[i + 1] = begins[i] + data.tokens(i);
        }
        long blocks = data.totalTokens() / blockSize;
        if (blocks == 0) {
            throw new IllegalArgumentException(
                    "the texts have "
                            + data.totalTokens()
                            + " tokens, fewer than a block of "
                            + blockSize
                            + ": give more, or set block_size lower");
        }
        size = Math.toIntExact(blocks);
        last = new Text(0, data.get(0));
    }

    /** Returns the number of blocks. */
    @Override
    public int size() {
        return size;
    }

    @Override
    public TrainingSequence get(int index) {
        long begin = (long) Objects.checkIndex(index, size) * blockSize;
        long[] ids = new long[blockSize];
        long[] labels = new long[blockSize];
        int filled = 0;
        for (int text = text(begin); filled < blockSize; text++) {
            TrainingSequence tokens = read(text);
            int from = (int) (begin + filled - begins[text]);
            int count = Math.min(tokens.ids().length - from, blockSize - filled);
            System.arraycopy(tokens.ids(), from, ids, filled, count);
            System.arraycopy(tokens.labels(), from, labels, filled, count);
            filled += count;
        }
        return new TrainingSequence(ids, labels);
    }

    private TrainingSequence read(int text) {
        Text known = last;
        if (known.index() != text) {
            known = new Text(text, data.get(text));
            last = known;
        }
        return known.tokens();
    }

    /** Returns the text that has a token. */
    private int text(long token) {
        int found = Arrays.binarySearch(begins, token);
        return found >= 0 ? found : -found - 2; // every text has tokens
    }

    /** Returns where the first text of a block is from. */
    @Override
    public String name(int index) {
        return data.name(text((long) Objects.checkIndex(index, size) * blockSize));
    }
}
