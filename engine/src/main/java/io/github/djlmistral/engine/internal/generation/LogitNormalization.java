/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.Sequence;

/** Log-softmax of the scores; {@code LogitNormalization} of the reference. */
final class LogitNormalization implements LogitsProcessor {

    @Override
    public void process(float[] scores, Sequence sequence) {
        System.arraycopy(new Softmax(scores).logs(), 0, scores, 0, scores.length);
    }
}
