/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import io.github.djlmistral.engine.internal.HostArray;

/** {@code torch.nn.functional.cross_entropy}: the mean over the labels that are not ignored. */
final class CrossEntropy {

    /** The label of rows that are ignored, as in PyTorch. */
    static final long IGNORED = -100;

    private CrossEntropy() {}

    /**
     * Computes the loss.
     *
     * @param logits float32 (n, N)
     * @param labels the class of each row
     * @param ignored the label of rows that do not count
     * @return a scalar
     */
    static NDArray mean(NDArray logits, long[] labels, long ignored) {
        int classes = Math.toIntExact(logits.getShape().get(1));
        int counted = 0;
        for (long label : labels) {
            if (label != ignored && (label < 0 || label >= classes)) {
                throw new IllegalArgumentException(
                        "the label "
                                + label
                                + " is out of range: the network has the classes 0 to "
                                + (classes - 1)
                                + ", and "
                                + ignored
                                + " is ignored");
            }
            counted += label == ignored ? 0 : 1;
        }
        if (counted == 0) {
            throw new IllegalArgumentException(
                    "every label of the batch is "
                            + ignored
                            + ", which is ignored, so it has no loss: leave such batches out");
        }
        // selects the log-probability of each label, and takes the mean
        float[] weights = new float[Math.multiplyExact(labels.length, classes)];
        for (int i = 0; i < labels.length; ++i) {
            if (labels[i] != ignored) {
                weights[i * classes + (int) labels[i]] = -1f / counted;
            }
        }
        NDArray selection =
                HostArray.of(logits.getManager(), weights, new Shape(labels.length, classes));
        return logits.logSoftmax(1).mul(selection).sum();
    }

    /**
     * Reads class indices.
     *
     * @param labels integers
     * @param count how many there must be
     * @throws IllegalArgumentException if they are not integers, or not as many
     */
    static long[] indices(NDArray labels, long count) {
        if (!labels.getDataType().isInteger()) {
            throw new IllegalArgumentException(
                    "the labels are "
                            + labels.getDataType()
                            + ", class indices must be integers: create them as int64");
        }
        if (labels.size() != count) {
            throw new IllegalArgumentException(
                    "the labels have the shape "
                            + labels.getShape()
                            + ", but the predictions need "
                            + count
                            + " of them");
        }
        return labels.toType(DataType.INT64, false).toLongArray();
    }
}
