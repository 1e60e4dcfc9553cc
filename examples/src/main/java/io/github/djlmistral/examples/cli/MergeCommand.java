/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import io.github.djlmistral.zoo.Mistral;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code mistral merge}. */
@Command(
        name = "merge",
        description = {
            "Writes a checkpoint whose weights contain a LoRA adapter, as merge_and_unload of peft"
                    + " does: W + scale * B * A, computed in float32 and stored in the type of W.",
            "It is a plain checkpoint for this library and for transformers, and can be quantized."
                    + " Quantized weights are dequantized."
        },
        customSynopsis = "mistral merge --adapter DIR --output DIR [OPTIONS]",
        footer = {
            "  mistral merge --model path/to/checkpoint --adapter path/to/adapter --output merged",
            "  mistral quantize merged merged-int4"
        })
public final class MergeCommand implements Callable<Integer> {

    @Mixin private final Terminal terminal = new Terminal();

    @Option(
            names = {"-m", "--model"},
            paramLabel = "MODEL",
            description =
                    "The model that the adapter was trained on: a checkpoint directory, or a model"
                            + " of the Hub or the zoo. Default: ${DEFAULT-VALUE}, which is"
                            + " embedded.")
    private String source = Mistral.DEFAULT_MODEL;

    @Option(
            names = "--adapter",
            required = true,
            paramLabel = "DIR",
            description = "Directory with adapter_config.json and adapter_model.safetensors.")
    @SuppressWarnings("NullAway.Init") // picocli sets it before it runs the command
    private Path adapter;

    @Option(
            names = {"-o", "--output"},
            required = true,
            paramLabel = "DIR",
            description = "Output directory; must not exist, or be empty.")
    @SuppressWarnings("NullAway.Init") // as above
    private Path target;

    @Mixin private final JsonOption json = new JsonOption();

    /** Used by picocli. */
    public MergeCommand() {}

    @Override
    public Integer call() throws IOException {
        long start = System.nanoTime();
        Path directory =
                ModelOptions.unquantized(
                        source, terminal, "quantize the result with 'mistral quantize'");
        Mistral.merge(directory, adapter, target);
        double seconds = (System.nanoTime() - start) * 1e-9;
        if (json.wanted) {
            Map<String, Object> fields = new LinkedHashMap<>();
            fields.put("directory", target.toAbsolutePath().toString());
            fields.put("seconds", seconds);
            json.print(terminal, fields);
        } else {
            terminal.out()
                    .printf(
                            Locale.ROOT,
                            "%s merged into %s in %s, %.1f seconds%n",
                            adapter,
                            source,
                            target,
                            seconds);
        }
        return 0;
    }
}
