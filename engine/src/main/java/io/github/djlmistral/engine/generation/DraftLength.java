/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import java.util.Arrays;

/**
 * Chooses the number of tokens to draft: the one with the most expected tokens per second.
 *
 * <p>With acceptance probabilities a1, a2, ... of the drafted tokens, each given that those before
 * it were accepted, k drafted tokens give {@code E(k) = 1 + a1 + a1 a2 + ... + a1 ... ak} tokens,
 * since the network's own token follows the last accepted one. They take {@code T(k) = c(k + 1) + k
 * d}, where c(n) is the time of a pass over n tokens and d the time to draft one. Both are
 * measured: a pass is not linear in n, since matrix products compute rows in tiles.
 *
 * <p>Acceptance is estimated by context: the number of tokens that speak for a drafted one. In
 * prompt lookup, that is how many tokens before it equal those before the text that it was copied
 * from. After a draft with a context of 2, its first token has context 2, its second, which counts
 * only if the first was accepted, 3. For an assistant model, the context of the first token is 0,
 * so that acceptance is estimated by the position in the draft. The estimate is an exponential
 * moving average, and drifts to an optimistic one while nothing is drafted, so that drafts are
 * tried again now and then.
 *
 * <p>Not thread-safe.
 */
final class DraftLength {

    /** Number of contexts; longer ones count as the longest. */
    static final int CONTEXTS = 16;

    /** Weight of earlier observations at each new one. */
    private static final double MEMORY = 0.9;

    /** Acceptance before it is measured, with the weight of one observation. */
    private static final double PRIOR = 0.7;

    /** Cost of another token in a pass, and of drafting it, relative to a pass of one token. */
    private static final double TOKEN = 0.15;

    /** Number of times of which the median is taken. */
    private static final int TIMES = 5;

    /** Number of choices to draft nothing after which times are measured again. */
    private static final int IDLE = 32;

    private final int most;
    private final AssistantTokensSchedule schedule;
    private final boolean measures;
    private final double[] accepted = new double[CONTEXTS];
    private final double[] observed = new double[CONTEXTS];
    private final long[][] passes;
    private final int[] passCounts;
    private final double assumedDraft;
    private double draftTime = -1;
    private int heuristic;
    private int idle;

    /**
     * Makes the lengths of one sequence.
     *
     * @param most maximum number of tokens
     * @param schedule how they are chosen
     * @param draftsFree whether drafting takes no time worth considering
     * @param measures whether to measure times; otherwise costs are assumed, so that the lengths
     *     are the same in each run
     */
    DraftLength(int most, AssistantTokensSchedule schedule, boolean draftsFree, boolean measures) {
        this.most = most;
        this.schedule = schedule;
        this.measures = measures;
        assumedDraft = draftsFree ? 0 : TOKEN;
        passes = new long[most + 2][TIMES];
        passCounts = new int[most + 2];
        heuristic = most;
    }

    /** Returns the maximum number of tokens. */
    int most() {
        return most;
    }

    /**
     * Chooses the number of tokens of a draft.
     *
     * @param context the context of the first token
     * @param most maximum number of tokens
     * @return the number of tokens, from 0 to {@code most}
     */
    int choose(int context, int most) {
        return switch (schedule) {
            case CONSTANT -> most;
            case HEURISTIC, HEURISTIC_TRANSIENT -> Math.min(heuristic, most);
            case ADAPTIVE -> adaptive(context, most);
        };
    }

    private int adaptive(int context, int most) {
        if (measures && passCounts[1] == 0) {
            return 0; // the time that others are compared with
        }
        double expected = 1;
        double reached = 1;
        int best = 0;
        double bestRate = 1 / time(0);
        for (int k = 1; k <= most; ++k) {
            reached *= acceptance(context + k - 1);
            expected += reached;
            double rate = expected / time(k);
            if (rate > bestRate) {
                best = k;
                bestRate = rate;
            }
        }
        if (best == 0) {
            forget(bounded(context));
            if (++idle % IDLE == 0) {
                // one slow pass must not end speculation for good
                Arrays.fill(passCounts, 2, passCounts.length, 0);
                draftTime = -1;
            }
        }
        return best;
    }

    private static int bounded(int context) {
        return Math.min(context, CONTEXTS - 1);
    }

    private double acceptance(int context) {
        int i = bounded(context);
        return (accepted[i] + PRIOR) / (observed[i] + 1);
    }

    /** Returns the time of drafting k tokens and verifying them, relative to a pass of one. */
    private double time(int k) {
        if (!measures) {
            return 1 + k * (TOKEN + assumedDraft);
        }
        int known = k + 1;
        while (passCounts[known] == 0) {
            --known;
        }
        double one = pass(1);
        double draft = draftTime < 0 ? assumedDraft : draftTime / one;
        return pass(known) / one + (k + 1 - known) * TOKEN + k * draft;
    }

    /** Returns the median time of the last passes over this many tokens, of which there is one. */
    private double pass(int tokens) {
        int count = Math.min(passCounts[tokens], TIMES);
        long[] sorted = Arrays.copyOf(passes[tokens], count);
        Arrays.sort(sorted);
        return sorted[(count - 1) / 2];
    }

    private void forget(int context) {
        accepted[context] *= MEMORY;
        observed[context] *= MEMORY;
    }

    /**
     * Takes what became of a draft.
     *
     * @param draft the draft
     * @param count the number of its tokens that were accepted
     */
    void verified(Draft draft, int count) {
        if (draft.context() < 0) {
            return;
        }
        for (int i = 0; i < draft.length() && i <= count; ++i) {
            int context = bounded(draft.context() + i);
            forget(context);
            observed[context] += 1;
            accepted[context] += i < count ? 1 : 0;
        }
        if (draft.length() > 0) {
            heuristic = count == draft.length() ? heuristic + 2 : Math.max(1, heuristic - 1);
        }
    }

    /**
     * Takes the time of a pass.
     *
     * @param tokens the number of tokens
     * @param nanos its duration in nanoseconds
     */
    void passed(int tokens, long nanos) {
        if (measures && tokens < passes.length) {
            passes[tokens][passCounts[tokens]++ % TIMES] = nanos;
        }
    }

    /**
     * Takes the time of a draft.
     *
     * @param tokens the number of tokens, at least 1
     * @param nanos its duration in nanoseconds
     */
    void drafted(int tokens, long nanos) {
        if (measures) {
            double each = (double) nanos / tokens;
            draftTime = draftTime < 0 ? each : MEMORY * draftTime + (1 - MEMORY) * each;
        }
    }
}
