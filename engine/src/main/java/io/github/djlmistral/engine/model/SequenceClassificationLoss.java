/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.types.DataType;
import ai.djl.nn.Activation;
import ai.djl.training.loss.Loss;
import io.github.djlmistral.engine.model.LabelConfig.ProblemType;

/** See {@link MistralForSequenceClassification#loss}. */
final class SequenceClassificationLoss extends Loss {

    private final LabelConfig classes;

    SequenceClassificationLoss(LabelConfig classes) {
        super("SequenceClassificationLoss");
        this.classes = classes;
    }

    @Override
    public NDArray evaluate(NDList labels, NDList predictions) {
        NDArray logits = predictions.singletonOrThrow();
        NDArray label = labels.singletonOrThrow();
        return switch (problemType(label)) {
            case SINGLE_LABEL_CLASSIFICATION ->
                    CrossEntropy.mean(
                            logits,
                            CrossEntropy.indices(label, logits.getShape().get(0)),
                            CrossEntropy.IGNORED);
            case MULTI_LABEL_CLASSIFICATION ->
                    // -log of sigmoid(x) where y is 1, and of 1 - sigmoid(x) where y is 0
                    Activation.softPlus(logits).sub(logits.mul(targets(label, logits))).mean();
            case REGRESSION -> logits.sub(targets(label, logits)).square().mean();
        };
    }

    private ProblemType problemType(NDArray label) {
        ProblemType given = classes.problemType();
        if (given != null) {
            return given;
        }
        if (classes.size() == 1) {
            return ProblemType.REGRESSION;
        }
        return label.getDataType().isInteger()
                ? ProblemType.SINGLE_LABEL_CLASSIFICATION
                : ProblemType.MULTI_LABEL_CLASSIFICATION;
    }

    /** Returns the labels as float32 (B, N). */
    private static NDArray targets(NDArray label, NDArray logits) {
        boolean column = logits.getShape().get(1) == 1 && label.size() == logits.size();
        if (!column && !label.getShape().equals(logits.getShape())) {
            throw new IllegalArgumentException(
                    "the labels have the shape "
                            + label.getShape()
                            + " and the logits "
                            + logits.getShape()
                            + ": independent labels and regressions need one number for each"
                            + " logit, and classes that exclude each other int64 labels (B)");
        }
        return label.toType(DataType.FLOAT32, false).reshape(logits.getShape());
    }
}
