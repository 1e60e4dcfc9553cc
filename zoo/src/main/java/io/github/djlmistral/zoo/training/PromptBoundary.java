/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.training;

import java.util.Arrays;
import java.util.function.Consumer;

/** Where the tokens of a prompt end within those of the prompt and its answer. */
final class PromptBoundary {

    private PromptBoundary() {}

    /**
     * Warns if the tokens of the prompt are not the first of all tokens: if its last characters
     * form a token with the first of the answer, then as many tokens as the prompt has by itself do
     * not count, among them the beginning of the answer. trl does and warns the same.
     */
    static void check(long[] prompt, long[] all, String answer, Consumer<String> warnings) {
        int same = Arrays.mismatch(prompt, all);
        if (same >= 0 && same < prompt.length) {
            warnings.accept(
                    "the prompt's tokens are others when the "
                            + answer
                            + " follows, from token "
                            + (same + 1)
                            + " of "
                            + prompt.length
                            + " on: begin the "
                            + answer
                            + ", not end the prompt, with white space");
        }
    }
}
