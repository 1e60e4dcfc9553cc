/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.training;

/**
 * A text and its class.
 *
 * @param ids the token ids of the text
 * @param label the index of the class
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record LabeledText(long[] ids, int label) {}
