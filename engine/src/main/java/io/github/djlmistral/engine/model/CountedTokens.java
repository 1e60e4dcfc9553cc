/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import java.util.List;
import java.util.stream.LongStream;

/**
 * The tokens of packed sequences that count.
 *
 * <p>Example: two sequences with the labels -100 7 8 and 5 -100 6 have the rows 0 1 4 and the
 * labels 7 8 6; the first token of a sequence is predicted from nothing, so it does not count.
 *
 * @param rows the token before each, counted over all sequences
 * @param labels the tokens themselves
 */
// The arrays are not shared.
@SuppressWarnings("ArrayRecordComponent")
record CountedTokens(long[] rows, long[] labels) {

    /**
     * Finds them.
     *
     * @throws IllegalArgumentException if a label is neither a token id nor ignored, there are not
     *     as many labels as tokens, or a sequence has no tokens
     */
    static CountedTokens of(List<TrainingSequence> sequences, MistralConfig config) {
        LongStream.Builder rows = LongStream.builder();
        LongStream.Builder labels = LongStream.builder();
        long begin = 0;
        for (int s = 0; s < sequences.size(); ++s) {
            long[] given = sequences.get(s).labels();
            int length = sequences.get(s).ids().length;
            if (length == 0 || given.length != length) {
                throw new IllegalArgumentException(
                        "sequence "
                                + s
                                + " has "
                                + length
                                + " tokens and "
                                + given.length
                                + " labels, must have at least one token and a label for each");
            }
            for (int i = 0; i < length; ++i) {
                long label = given[i];
                if (label == TrainingSequence.IGNORED) {
                    continue;
                }
                if (label < 0 || label >= config.vocabSize()) {
                    throw new IllegalArgumentException(
                            "sequence "
                                    + s
                                    + " has the label "
                                    + label
                                    + ", must be a token id from 0 to "
                                    + (config.vocabSize() - 1)
                                    + ", or "
                                    + TrainingSequence.IGNORED
                                    + " for a token that does not count");
                }
                if (i > 0) {
                    rows.add(begin + i - 1);
                    labels.add(label);
                }
            }
            begin += length;
        }
        return new CountedTokens(rows.build().toArray(), labels.build().toArray());
    }
}
