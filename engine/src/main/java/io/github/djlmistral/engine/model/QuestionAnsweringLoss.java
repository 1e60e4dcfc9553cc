/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.training.loss.Loss;
import java.util.Arrays;

/** See {@link MistralForQuestionAnswering#loss}. */
final class QuestionAnsweringLoss extends Loss {

    QuestionAnsweringLoss() {
        super("QuestionAnsweringLoss");
    }

    @Override
    public NDArray evaluate(NDList labels, NDList predictions) {
        if (labels.size() != 2 || predictions.size() != 2) {
            throw new IllegalArgumentException(
                    "question answering has two labels, the start and the end of the answer, and"
                            + " two predictions, start_logits and end_logits; given are "
                            + labels.size()
                            + " and "
                            + predictions.size());
        }
        NDArray start = crossEntropy(predictions.get(0), labels.get(0));
        return start.add(crossEntropy(predictions.get(1), labels.get(1))).div(2);
    }

    private static NDArray crossEntropy(NDArray logits, NDArray positions) {
        long tokens = logits.getShape().get(1); // (B, T)
        long[] clamped =
                Arrays.stream(CrossEntropy.indices(positions, logits.getShape().get(0)))
                        .map(position -> Math.max(0, Math.min(position, tokens)))
                        .toArray();
        return CrossEntropy.mean(logits, clamped, tokens);
    }
}
