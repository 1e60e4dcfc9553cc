/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import java.util.List;
import java.util.stream.LongStream;
import org.jspecify.annotations.Nullable;

/**
 * The rows of packed sequences that the last layer is applied to.
 *
 * <p>Example: two sequences with the labels -100 7 8 and 5 -100 6. In a causal language model they
 * have the rows 0 1 4 and the labels 7 8 6: a token is predicted from those before it, the first of
 * a sequence from nothing, so it does not count. With a head on every token they have the rows 1 2
 * 3 5 and the labels 7 8 5 6, with a head on the last token the rows 2 5.
 *
 * @param rows the rows, counted over all sequences
 * @param labels their labels; empty with a head on the last token, which needs none
 */
// The arrays are not shared.
@SuppressWarnings("ArrayRecordComponent")
record CountedTokens(long[] rows, long[] labels) {

    /**
     * Finds them.
     *
     * @throws IllegalArgumentException if the network has no head that is trained in this way, a
     *     label is neither in its range nor ignored, there are not as many labels as tokens, or a
     *     sequence has no tokens
     */
    static CountedTokens of(List<TrainingSequence> sequences, MistralPreTrainedModel network) {
        MistralConfig config = network.config();
        if (network instanceof MistralForCausalLM) {
            return of(sequences, 1, config.vocabSize(), "a token id");
        }
        if (network instanceof MistralForTokenClassification) {
            return of(sequences, 0, config.labels().size(), "a class");
        }
        if (network instanceof MistralForSequenceClassification) {
            return new CountedTokens(lastTokens(sequences, config.padTokenId()), new long[0]);
        }
        throw new IllegalArgumentException(
                "a "
                        + network.getClass().getSimpleName()
                        + " has no training passes: load a causal language model, or a classifier"
                        + " of sequences or tokens");
    }

    /** Returns the last row of each sequence that is no padding, as the head does on batches. */
    private static long[] lastTokens(List<TrainingSequence> sequences, @Nullable Integer padding) {
        long[] rows = new long[sequences.size()];
        long begin = 0;
        for (int s = 0; s < rows.length; ++s) {
            long[] ids = sequences.get(s).ids();
            requireLabels(s, sequences.get(s));
            int last = ids.length - 1;
            while (padding != null && last > 0 && ids[last] == padding) {
                --last;
            }
            rows[s] = begin + last;
            begin += ids.length;
        }
        return rows;
    }

    private static void requireLabels(int index, TrainingSequence sequence) {
        int length = sequence.ids().length;
        if (length == 0 || sequence.labels().length != length) {
            throw new IllegalArgumentException(
                    "sequence "
                            + index
                            + " has "
                            + length
                            + " tokens and "
                            + sequence.labels().length
                            + " labels, must have at least one token and a label for each");
        }
    }

    private static CountedTokens of(
            List<TrainingSequence> sequences, int shift, int count, String what) {
        LongStream.Builder rows = LongStream.builder();
        LongStream.Builder labels = LongStream.builder();
        long begin = 0;
        for (int s = 0; s < sequences.size(); ++s) {
            requireLabels(s, sequences.get(s));
            long[] given = sequences.get(s).labels();
            int length = given.length;
            for (int i = 0; i < length; ++i) {
                long label = given[i];
                if (label == TrainingSequence.IGNORED) {
                    continue;
                }
                if (label < 0 || label >= count) {
                    throw new IllegalArgumentException(
                            "sequence "
                                    + s
                                    + " has the label "
                                    + label
                                    + ", must be "
                                    + what
                                    + " from 0 to "
                                    + (count - 1)
                                    + ", or "
                                    + TrainingSequence.IGNORED
                                    + " for a token that does not count");
                }
                if (i >= shift) {
                    rows.add(begin + i - shift);
                    labels.add(label);
                }
            }
            begin += length;
        }
        return new CountedTokens(rows.build().toArray(), labels.build().toArray());
    }
}
