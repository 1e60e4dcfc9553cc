/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import io.github.djlmistral.engine.generation.Token;

/**
 * A token of a text.
 *
 * @param token the token
 * @param start the index of its first character in the text, in Unicode characters
 */
record TextToken(Token token, int start) {}
