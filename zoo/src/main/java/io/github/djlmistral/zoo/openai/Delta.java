/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What is new in a choice.
 *
 * @param text whole characters; may be empty
 * @param tokens the tokens of this text
 * @param finishReason {@code stop} or {@code length} if it is complete, else null
 */
record Delta(String text, List<TextToken> tokens, @Nullable String finishReason) {}
