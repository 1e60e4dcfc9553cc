/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.engine.generation.WatermarkingConfig;
import java.util.stream.IntStream;

/**
 * Marks the text by raising the scores of a green list of tokens, which the tokens before select;
 * {@code WatermarkLogitsProcessor} of the reference. {@link
 * io.github.djlmistral.engine.generation.WatermarkDetector} finds the mark.
 */
final class Watermark implements LogitsProcessor {

    /** Most likely tokens that self-hashing tries; the reference's number. */
    private static final int TRIED = 40;

    private final WatermarkingConfig config;
    private final GreenLists greenLists;

    /**
     * Makes the processor.
     *
     * @param config the watermark
     * @param vocabSize size of the vocabulary
     */
    Watermark(WatermarkingConfig config, int vocabSize) {
        this.config = config;
        greenLists = new GreenLists(config, vocabSize);
    }

    /** Has no effect on the first tokens of a text that is shorter than the context. */
    @Override
    public void process(float[] scores, Sequence sequence) {
        int width = config.contextWidth();
        if (sequence.length() < width) {
            return;
        }
        int[] ids =
                greenLists.isSelfHash()
                        ? selfHashed(scores, sequence)
                        : greenLists.of(end(sequence, width, 0));
        for (int id : ids) {
            scores[id] += (float) config.bias();
        }
    }

    /** Returns the tokens that are in the green lists that they select themselves. */
    private int[] selfHashed(float[] scores, Sequence sequence) {
        Candidates candidates = new Candidates(scores);
        long[] context = end(sequence, greenLists.contextLength(), 1);
        return IntStream.range(0, Math.min(TRIED, candidates.size()))
                .map(candidates::id)
                .filter(
                        id -> {
                            context[context.length - 1] = id;
                            return IntStream.of(greenLists.of(context)).anyMatch(i -> i == id);
                        })
                .toArray();
    }

    /** Returns the last ids of a sequence, with room for more. */
    private static long[] end(Sequence sequence, int count, int room) {
        long[] ids = new long[count + room];
        for (int i = 0; i < count; ++i) {
            ids[i] = sequence.id(sequence.length() - count + i);
        }
        return ids;
    }
}
