/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import java.nio.file.Path;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** The adapter that a model runs with. */
final class AdapterOption {

    @Option(
            names = "--adapter",
            paramLabel = "DIR",
            description =
                    "LoRA adapter of the model, as peft or 'mistral train' writes it: the directory"
                            + " with adapter_config.json and adapter_model.safetensors.")
    @Nullable Path directory;

    /** Returns the model arguments. */
    Map<String, String> arguments() {
        return directory == null ? Map.of() : Map.of("adapter", directory.toString());
    }
}
