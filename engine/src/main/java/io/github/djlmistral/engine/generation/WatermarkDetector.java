/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import io.github.djlmistral.engine.internal.generation.GreenLists;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Finds the watermark of a text; {@code WatermarkDetector} of the reference. Counts the tokens that
 * are in the green lists which the tokens before them select: in a text without the watermark their
 * share is {@code greenlist_ratio}. Thread-safe.
 */
public final class WatermarkDetector {

    private final WatermarkingConfig config;
    private final int vocabSize;
    private final GreenLists greenLists;

    /**
     * Makes a detector.
     *
     * @param config the watermark that the text was generated with
     * @param vocabSize size of the model's vocabulary
     */
    public WatermarkDetector(WatermarkingConfig config, int vocabSize) {
        this.config = config;
        this.vocabSize = vocabSize;
        greenLists = new GreenLists(config, vocabSize);
    }

    /**
     * The score of a text.
     *
     * @param tokens number of tokens that were scored
     * @param greenTokens number of those in their green lists
     * @param zScore standard deviations by which that is above the expectation of a text without
     *     the watermark; above 3 is the reference's criterion of a watermark
     */
    public record Result(int tokens, int greenTokens, double zScore) {

        /** Returns the share of green tokens. */
        public double greenFraction() {
            return (double) greenTokens / tokens;
        }

        /**
         * Returns the probability of at least this z-score without a watermark, approximated as the
         * reference does by {@code (1 - sign(z) (1 - exp(-2 z^2 / pi))) / 2}.
         */
        public double pValue() {
            return (1 - Math.signum(zScore) * (1 - Math.exp(-2 * zScore * zScore / Math.PI))) / 2;
        }
    }

    /**
     * Scores a text.
     *
     * @param ids its tokens, best without the prompt and its BOS token
     * @param ignoreRepeatedNgrams whether a token counts once with the same tokens before it
     * @return the score
     * @throws IllegalArgumentException if the text is too short, or an id is outside the vocabulary
     */
    public Result detect(long[] ids, boolean ignoreRepeatedNgrams) {
        if (ids.length <= config.contextWidth()) {
            throw new IllegalArgumentException(
                    "the text has "
                            + ids.length
                            + " tokens, must have more than context_width, "
                            + config.contextWidth());
        }
        for (long id : ids) {
            if (id < 0 || id >= vocabSize) {
                throw new IllegalArgumentException(
                        "the text contains the token id "
                                + id
                                + ", the vocabulary has 0 to "
                                + (vocabSize - 1));
            }
        }
        int context = greenLists.contextLength();
        Map<List<Long>, Boolean> green = new HashMap<>();
        int tokens = 0;
        int greenTokens = 0;
        for (int i = context; i < ids.length; ++i) {
            long[] ngram = Arrays.copyOfRange(ids, i - context, i + 1);
            List<Long> key = Arrays.stream(ngram).boxed().toList();
            if (ignoreRepeatedNgrams && green.containsKey(key)) {
                continue;
            }
            ++tokens;
            if (green.computeIfAbsent(key, unused -> isGreen(ngram))) {
                ++greenTokens;
            }
        }
        double ratio = config.greenlistRatio();
        double deviation = Math.sqrt(tokens * ratio * (1 - ratio));
        return new Result(tokens, greenTokens, (greenTokens - ratio * tokens) / deviation);
    }

    /** Whether the last token is in the green list that the others select. */
    private boolean isGreen(long[] ngram) {
        int last = ngram.length - 1;
        long[] context = greenLists.isSelfHash() ? ngram : Arrays.copyOf(ngram, last);
        return Arrays.stream(greenLists.of(context)).anyMatch(id -> id == ngram[last]);
    }
}
