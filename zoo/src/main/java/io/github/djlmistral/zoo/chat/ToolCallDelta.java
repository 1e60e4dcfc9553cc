/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

import org.jspecify.annotations.Nullable;

/**
 * A piece of a call while it is generated, as in the streams of OpenAI's API.
 *
 * @param index the number of the call in the answer, from 0
 * @param id the call's id in its first piece, null in the others
 * @param name the function's name in the first piece, null in the others
 * @param arguments the next part of the text of the arguments, may be empty
 */
public record ToolCallDelta(
        int index, @Nullable String id, @Nullable String name, String arguments) {}
