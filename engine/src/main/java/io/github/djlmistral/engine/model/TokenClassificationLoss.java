/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.loss.Loss;

/** See {@link MistralForTokenClassification#loss}. */
final class TokenClassificationLoss extends Loss {

    TokenClassificationLoss() {
        super("TokenClassificationLoss");
    }

    @Override
    public NDArray evaluate(NDList labels, NDList predictions) {
        NDArray logits = predictions.singletonOrThrow();
        Shape shape = logits.getShape(); // (B, T, N)
        long tokens = shape.get(0) * shape.get(1);
        return CrossEntropy.mean(
                logits.reshape(tokens, shape.get(2)),
                CrossEntropy.indices(labels.singletonOrThrow(), tokens),
                CrossEntropy.IGNORED);
    }
}
