/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

/**
 * The ids of a whole conversation, and which of them the model is to produce.
 *
 * @param ids token ids
 * @param answer for each token, whether it belongs to a message of the assistant, from the first
 *     character that follows the generation prompt to the token that ends the message
 */
@SuppressWarnings("ArrayRecordComponent") // never compared
public record EncodedConversation(long[] ids, boolean[] answer) {}
