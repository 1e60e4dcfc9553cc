/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import io.github.djlmistral.engine.generation.FinishReason;
import io.github.djlmistral.engine.generation.GenerationResult;
import io.github.djlmistral.engine.generation.Row;
import java.util.Objects;

/**
 * A finished text, with what the output types report of it.
 *
 * @param text the text
 * @param row its tokens
 * @param result the generation it came from, for the times
 */
record GeneratedText(String text, Row row, GenerationResult result) {

    FinishReason finishReason() {
        return Objects.requireNonNullElse(row.finish(), FinishReason.CANCELLED);
    }
}
