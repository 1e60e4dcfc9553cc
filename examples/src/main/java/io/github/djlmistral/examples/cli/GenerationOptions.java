/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import io.github.djlmistral.engine.generation.GenerationConfig;
import java.util.List;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/**
 * The options of {@link GenerationConfig}, each under the reference's name with dashes. What is not
 * given stays as the checkpoint recommends.
 */
final class GenerationOptions {

    static final String HEADING =
            "%nGeneration (the checkpoint's generation_config.json may have other defaults):%n";

    @Option(
            names = "--max-new-tokens",
            paramLabel = "N",
            description = "Generate so many tokens at most; at least 1. Default: 256.")
    @Nullable Integer maxNewTokens;

    @Option(
            names = "--min-new-tokens",
            paramLabel = "N",
            description = "Allow no end before so many tokens; 0 to --max-new-tokens. Default: 0.")
    @Nullable Integer minNewTokens;

    @Option(
            names = "--do-sample",
            negatable = true,
            arity = "0..1",
            fallbackValue = "true",
            paramLabel = "true|false",
            description =
                    "Draw tokens by chance instead of taking the likeliest. Default: on if one"
                            + " of the"
                            + " next four is there.")
    @Nullable Boolean doSample;

    @Option(
            names = "--temperature",
            paramLabel = "X",
            description = "Divide the scores when sampling, low is cautious; above 0. Default: 1.")
    @Nullable Double temperature;

    @Option(
            names = "--top-k",
            paramLabel = "N",
            description = "Draw among the N likeliest tokens; 0 for all. Default: 50.")
    @Nullable Integer topK;

    @Option(
            names = "--top-p",
            paramLabel = "P",
            description =
                    "Draw among the likeliest tokens that have probability P together; above 0, at"
                            + " most 1. Default: 1.")
    @Nullable Double topP;

    @Option(
            names = "--min-p",
            paramLabel = "P",
            description =
                    "Draw among tokens at least P times as likely as the likeliest; 0 to 1."
                            + " Default:"
                            + " 0.")
    @Nullable Double minP;

    @Option(
            names = "--repetition-penalty",
            paramLabel = "X",
            description = "Above 1, discourage tokens that were there before; above 0. Default: 1.")
    @Nullable Double repetitionPenalty;

    @Option(
            names = "--seed",
            paramLabel = "N",
            description =
                    "Where chance starts: the same seed, the same text. Default: new each"
                            + " time.")
    @Nullable Long seed;

    @Option(
            names = "--eos-token-id",
            paramLabel = "IDS",
            description = "The tokens that end a text, as 2,7; or none. Default: the checkpoint's.")
    @Nullable String eosTokenIds;

    @Option(
            names = "--stop-strings",
            paramLabel = "TEXT",
            description = "End when this text was generated; may be given several times.")
    @Nullable List<String> stopStrings;

    @Option(
            names = "--pad-token-id",
            paramLabel = "ID",
            description = "What fills up shorter rows; no result depends on it.")
    @Nullable Integer padTokenId;

    @Option(
            names = "--prefill-chunk-size",
            paramLabel = "N",
            description = "Compute so many tokens of the prompt at once; at least 1. Default: 512.")
    @Nullable Integer prefillChunkSize;

    /**
     * Puts these options over others.
     *
     * @param defaults the checkpoint's
     * @param terminal where faults go
     * @return the options of a generation
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

    /** Spells the options in a message as they are typed. */
    private static String dashed(String message) {
        for (String name : GenerationConfig.Builder.optionNames()) {
            message = message.replaceAll("\\b" + name + "\\b", "--" + name.replace('_', '-'));
        }
        return message;
    }
}
