/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import io.github.djlmistral.engine.generation.GenerationConfig;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/**
 * The options of {@link GenerationConfig}, with dashes in the names. Defaults come from the
 * checkpoint.
 */
final class GenerationOptions {

    static final String HEADING =
            "%nGeneration (the checkpoint's generation_config.json may have other defaults):%n";

    @Option(
            names = "--max-new-tokens",
            paramLabel = "N",
            description = "Maximum number of generated tokens; at least 1. Default: 256.")
    @Nullable Integer maxNewTokens;

    @Option(
            names = "--min-new-tokens",
            paramLabel = "N",
            description = "Minimum number of generated tokens; 0 to --max-new-tokens. Default: 0.")
    @Nullable Integer minNewTokens;

    @Option(
            names = "--do-sample",
            negatable = true,
            arity = "0..1",
            fallbackValue = "true",
            paramLabel = "true|false",
            description =
                    "Sample instead of taking the most likely token. Default: true if one of the"
                            + " next four options is given.")
    @Nullable Boolean doSample;

    @Option(
            names = "--temperature",
            paramLabel = "X",
            description = "Sampling temperature, which divides the logits; above 0. Default: 1.")
    @Nullable Double temperature;

    @Option(
            names = "--top-k",
            paramLabel = "N",
            description = "Sample from the N most likely tokens; 0 for all. Default: 50.")
    @Nullable Integer topK;

    @Option(
            names = "--top-p",
            paramLabel = "P",
            description =
                    "Sample from the most likely tokens with a total probability of P; above 0,"
                            + " at most 1. Default: 1.")
    @Nullable Double topP;

    @Option(
            names = "--min-p",
            paramLabel = "P",
            description =
                    "Sample from tokens at least P times as likely as the most likely one; 0 to 1."
                            + " Default: 0.")
    @Nullable Double minP;

    @Option(
            names = "--repetition-penalty",
            paramLabel = "X",
            description = "Penalty of repeated tokens if above 1; above 0. Default: 1.")
    @Nullable Double repetitionPenalty;

    @Option(
            names = "--seed",
            paramLabel = "N",
            description =
                    "Seed of the random numbers: the same seed gives the same text. Default: a new"
                            + " one each time.")
    @Nullable Long seed;

    @Option(
            names = "--eos-token-id",
            paramLabel = "IDS",
            description =
                    "Token IDs that end the generation, as 2,7; or none. Default: the checkpoint's.")
    @Nullable String eosTokenIds;

    @Option(
            names = "--stop-strings",
            paramLabel = "TEXT",
            description = "Text that ends the generation; may be given several times.")
    @Nullable List<String> stopStrings;

    @Option(
            names = "--pad-token-id",
            paramLabel = "ID",
            description = "Padding token of shorter rows; does not affect results.")
    @Nullable Integer padTokenId;

    @Option(
            names = "--prefill-chunk-size",
            paramLabel = "N",
            description = "Prompt tokens per prefill pass; at least 1. Default: 512.")
    @Nullable Integer prefillChunkSize;

    /**
     * Applies these options to defaults.
     *
     * @param defaults the defaults
     * @param terminal reports invalid options
     * @return the resulting configuration
     */
    GenerationConfig config(GenerationConfig.Builder defaults, Terminal terminal) {
        try {
            set(defaults, "max_new_tokens", maxNewTokens);
            set(defaults, "min_new_tokens", minNewTokens);
            set(defaults, "do_sample", doSample);
            set(defaults, "temperature", temperature);
            set(defaults, "top_k", topK);
            set(defaults, "top_p", topP);
            set(defaults, "min_p", minP);
            set(defaults, "repetition_penalty", repetitionPenalty);
            set(defaults, "seed", seed);
            set(defaults, "eos_token_id", eosTokenIds == null ? null : ids(eosTokenIds));
            set(defaults, "stop_strings", stopStrings);
            set(defaults, "pad_token_id", padTokenId);
            set(defaults, "prefill_chunk_size", prefillChunkSize);
            return defaults.build();
        } catch (IllegalArgumentException e) {
            throw terminal.usage(dashed(String.valueOf(e.getMessage())));
        }
    }

    private static void set(GenerationConfig.Builder builder, String name, @Nullable Object value) {
        if (value != null) {
            builder.option(name, value);
        }
    }

    private static List<String> ids(String text) {
        return text.equals("none") ? List.of() : Stream.of(text.split(",", -1)).toList();
    }

    /** Replaces option names in a message by their spelling on the command line. */
    private static String dashed(String message) {
        for (String name : GenerationConfig.Builder.optionNames()) {
            message = message.replaceAll("\\b" + name + "\\b", "--" + name.replace('_', '-'));
        }
        return message;
    }
}
