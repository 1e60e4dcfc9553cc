/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.chat;

/**
 * A call of a tool that the model asks for.
 *
 * @param id names the call; {@link Message#tool} repeats it with the result
 * @param name the name of the function
 * @param arguments its arguments, a JSON object as text; cut off if the generation has reached
 *     {@code max_new_tokens}
 */
public record ToolCall(String id, String name, String arguments) {}
