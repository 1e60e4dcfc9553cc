/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import org.jspecify.annotations.Nullable;

/**
 * Options of speculative decoding: draft tokens from the text so far or from an assistant model.
 */
public final class SpeculationOptions {

    static final OptionGroup GROUP = new OptionGroup("Speculation");

    /** KV caches with a sliding window can be cropped by this number of tokens. */
    private static final int MOST = 128;

    /** Maximum number of draft tokens from n-grams of the text so far; unset for none. */
    public static final GenerationOption<@Nullable Integer> PROMPT_LOOKUP_NUM_TOKENS =
            GROUP.unset(
                    "prompt_lookup_num_tokens",
                    OptionType.INTEGER,
                    value -> value >= 1 && value <= MOST,
                    "between 1 and " + MOST,
                    "N",
                    "Maximum number of draft tokens that are looked up in the text so far; 1 to 128.");

    /** Longest n-gram that prompt lookup searches. */
    public static final GenerationOption<Integer> MAX_MATCHING_NGRAM_SIZE =
            GROUP.option(
                    "max_matching_ngram_size",
                    OptionType.INTEGER,
                    2,
                    value -> value >= 1,
                    "at least 1",
                    "N",
                    "Longest n-gram that prompt_lookup_num_tokens searches; at least 1.");

    /** Maximum number of draft tokens of the assistant model. */
    public static final GenerationOption<Integer> NUM_ASSISTANT_TOKENS =
            GROUP.option(
                    "num_assistant_tokens",
                    OptionType.INTEGER,
                    20,
                    value -> value >= 1 && value <= MOST,
                    "between 1 and " + MOST,
                    "N",
                    "Maximum number of draft tokens of the assistant model; 1 to 128.");

    /** How the number of draft tokens adapts. */
    public static final GenerationOption<AssistantTokensSchedule> NUM_ASSISTANT_TOKENS_SCHEDULE =
            GROUP.option(
                    "num_assistant_tokens_schedule",
                    OptionType.ASSISTANT_TOKENS_SCHEDULE,
                    AssistantTokensSchedule.ADAPTIVE,
                    value -> true,
                    "adaptive, constant, heuristic or heuristic_transient",
                    "NAME",
                    "How the number of draft tokens adapts: constant, heuristic or"
                            + " heuristic_transient.");

    /** Probability of a draft token below which the assistant model stops. */
    public static final GenerationOption<Double> ASSISTANT_CONFIDENCE_THRESHOLD =
            GROUP.option(
                    "assistant_confidence_threshold",
                    OptionType.NUMBER,
                    0.4,
                    value -> value >= 0 && value <= 1,
                    "between 0 and 1",
                    "P",
                    "The assistant model stops after a draft token with a lower probability; 0 to"
                            + " 1.");

    private SpeculationOptions() {}
}
