/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import org.jspecify.annotations.Nullable;

/** Options of what is computed along with the tokens, and how. */
public final class OutputOptions {

    static final OptionGroup GROUP = new OptionGroup("Output and memory");

    /** Number of most likely tokens whose log-probabilities each token has, as in OpenAI's API. */
    public static final GenerationOption<Integer> TOP_LOGPROBS =
            GROUP.option(
                    "top_logprobs",
                    OptionType.INTEGER,
                    0,
                    value -> value >= 0 && value <= 1024,
                    "between 0 and 1024",
                    "N",
                    "Number of most likely tokens at each position whose log-probabilities are"
                            + " returned; 0 to 1024.");

    /** Keeps the processed scores of each token. */
    public static final GenerationOption<Boolean> OUTPUT_SCORES =
            GROUP.flag(
                    "output_scores",
                    "Keep the scores of the whole vocabulary after all processors.");

    /** Padding token of shorter prompts; does not affect results. */
    public static final GenerationOption<@Nullable Integer> PAD_TOKEN_ID =
            GROUP.unset(
                    "pad_token_id",
                    OptionType.INTEGER,
                    value -> true,
                    "a token id",
                    "ID",
                    "Padding token of shorter rows; does not affect results.");

    /** Tokens of a prompt in one forward pass, which bounds the memory. */
    public static final GenerationOption<Integer> PREFILL_CHUNK_SIZE =
            GROUP.option(
                    "prefill_chunk_size",
                    OptionType.INTEGER,
                    512,
                    value -> value >= 1,
                    "at least 1",
                    "N",
                    "Prompt tokens per prefill pass; at least 1.");

    private OutputOptions() {}
}
