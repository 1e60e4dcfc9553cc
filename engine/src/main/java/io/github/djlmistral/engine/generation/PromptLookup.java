/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import java.util.HashMap;
import java.util.Map;

/**
 * Drafts what followed the last n-gram of the sequence where it occurred before, in the prompt or
 * in the generated text; {@code PromptLookupCandidateGenerator} of the reference. Example with
 * n-grams of up to 2 tokens: after {@code a b c d a b}, the bigram {@code a b} occurred at the
 * beginning, so the draft is {@code c d a b c d ...}, as long as wanted.
 *
 * <p>The longest n-gram that occurred wins, and its latest occurrence. An index maps the hash of
 * each n-gram to where it ended last, so that a lookup does not depend on the length of the text. A
 * collision of hashes gives a bad draft or none.
 */
final class PromptLookup implements Drafter {

    private final int longest;

    /** End (exclusive) of the latest n-gram with this hash that another token follows. */
    private final Map<Long, Integer> ends = new HashMap<>();

    private int indexed = 1;

    /**
     * Makes a drafter.
     *
     * @param longest the number of tokens of the longest n-grams, at least 1
     */
    PromptLookup(int longest) {
        this.longest = longest;
    }

    @Override
    public Draft draft(Sequence sequence, DraftLength length, int most) {
        for (; indexed < sequence.length(); ++indexed) {
            for (int n = 1; n <= Math.min(longest, indexed); ++n) {
                ends.put(hash(sequence, indexed, n), indexed);
            }
        }
        int end = sequence.length();
        for (int n = Math.min(longest, end - 1); n > 0; --n) {
            Integer from = ends.get(hash(sequence, end, n));
            if (from != null) {
                int context = common(sequence, from, end);
                long[] ids = new long[length.choose(context, most)];
                for (int i = 0; i < ids.length; ++i) {
                    // behind the end, the draft continues with itself
                    ids[i] = from + i < end ? sequence.id(from + i) : ids[from + i - end];
                }
                return new Draft(ids, null, context);
            }
        }
        return Draft.EMPTY;
    }

    /** Returns the number of equal tokens before two positions, as far as it matters. */
    private static int common(Sequence sequence, int a, int b) {
        int count = 0;
        while (count < Math.min(a, DraftLength.CONTEXTS - 1)
                && sequence.id(a - 1 - count) == sequence.id(b - 1 - count)) {
            ++count;
        }
        return count;
    }

    private static long hash(Sequence sequence, int end, int n) {
        long hash = n;
        for (int i = end - n; i < end; ++i) {
            // the multiplier of splitmix64, odd and without a pattern
            hash = (hash ^ sequence.id(i)) * 0xbf58476d1ce4e5b9L;
            hash ^= hash >>> 29;
        }
        return hash;
    }

    @Override
    public void close() {
        ends.clear();
    }
}
