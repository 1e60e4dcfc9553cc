/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.Sequence;

/** Log-softmax of the scores; {@code LogitNormalization} of the reference. */
final class LogitNormalization implements LogitsProcessor {

    @Override
    public void process(float[] scores, Sequence sequence) {
        float best = Float.NEGATIVE_INFINITY;
        for (float score : scores) {
            best = Math.max(best, score);
        }
        double total = 0;
        for (float score : scores) {
            total += Math.exp(score - best);
        }
        double norm = best + Math.log(total);
        for (int i = 0; i < scores.length; ++i) {
            scores[i] = (float) (scores[i] - norm);
        }
    }
}
