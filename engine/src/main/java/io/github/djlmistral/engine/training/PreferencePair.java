/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.training;

/**
 * A prompt and two answers.
 *
 * @param prompt token ids of the prompt
 * @param chosen token ids of the preferred answer
 * @param rejected token ids of the other answer
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record PreferencePair(long[] prompt, long[] chosen, long[] rejected) {}
