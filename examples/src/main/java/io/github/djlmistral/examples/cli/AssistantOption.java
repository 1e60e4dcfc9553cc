/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import java.io.IOException;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The model that drafts tokens. */
final class AssistantOption {

    @Option(
            names = "--assistant-model",
            paramLabel = "MODEL",
            description =
                    "Smaller model with the same vocabulary that drafts tokens for the model to"
                            + " verify: speculative decoding. Named as --model.")
    @Nullable String model;

    /**
     * Finds the files of the model, and downloads them if necessary.
     *
     * @param terminal shows the progress of a download
     * @return the model arguments
     */
    Map<String, String> arguments(Terminal terminal) throws IOException {
        return model == null
                ? Map.of()
                : Map.of("assistant_model", ModelSource.of(model).path(terminal).toString());
    }
}
