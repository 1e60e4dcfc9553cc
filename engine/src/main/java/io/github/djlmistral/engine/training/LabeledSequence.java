/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.training;

/**
 * A sequence and what a classifier should say of it.
 *
 * @param ids token ids
 * @param targets a number for each class: 1 for classes that apply and 0 for others, or the numbers
 *     that a regression should compute
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record LabeledSequence(long[] ids, float[] targets) {

    /**
     * Returns a sequence of one class.
     *
     * @param ids token ids
     * @param label the index of its class
     * @param classes the number of classes
     * @return the sequence
     * @throws IllegalArgumentException if there is no such class
     */
    public static LabeledSequence of(long[] ids, int label, int classes) {
        if (label < 0 || label >= classes) {
            throw new IllegalArgumentException(
                    "the label is " + label + ", must be from 0 to " + (classes - 1));
        }
        float[] targets = new float[classes];
        targets[label] = 1;
        return new LabeledSequence(ids, targets);
    }
}
