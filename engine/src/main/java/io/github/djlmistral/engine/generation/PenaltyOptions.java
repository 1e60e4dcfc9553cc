/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** Options that make tokens of the text so far less likely. */
public final class PenaltyOptions {

    static final OptionGroup GROUP = new OptionGroup("Repetition and length");

    /** Divides the scores of earlier tokens (Keskar et al. 2019); 1 for none. */
    public static final GenerationOption<Double> REPETITION_PENALTY =
            GROUP.option(
                    "repetition_penalty",
                    OptionType.NUMBER,
                    1.0,
                    value -> value > 0 && Double.isFinite(value),
                    "a number above 0",
                    "X",
                    "Penalty of tokens of prompt and text if above 1; above 0.");

    /** Makes tokens of the prompt more likely if above 1; 1 for none. */
    public static final GenerationOption<Double> ENCODER_REPETITION_PENALTY =
            GROUP.option(
                    "encoder_repetition_penalty",
                    OptionType.NUMBER,
                    1.0,
                    value -> value > 0 && Double.isFinite(value),
                    "a number above 0",
                    "X",
                    "Makes tokens of the prompt more likely if above 1, less likely if below; above"
                            + " 0.");

    /** Subtracted from the scores of generated tokens, as in OpenAI's API. */
    public static final GenerationOption<Double> PRESENCE_PENALTY =
            GROUP.option(
                    "presence_penalty",
                    OptionType.NUMBER,
                    0.0,
                    value -> value >= -2 && value <= 2,
                    "between -2 and 2",
                    "X",
                    "Subtracted from the logits of tokens that have been generated; -2 to 2.");

    /** Subtracted once for each time that a token was generated, as in OpenAI's API. */
    public static final GenerationOption<Double> FREQUENCY_PENALTY =
            GROUP.option(
                    "frequency_penalty",
                    OptionType.NUMBER,
                    0.0,
                    value -> value >= -2 && value <= 2,
                    "between -2 and 2",
                    "X",
                    "Subtracted from the logits of tokens as often as they have been generated; -2"
                            + " to 2.");

    /** Length of n-grams that may occur only once, prompt included; 0 for none. */
    public static final GenerationOption<Integer> NO_REPEAT_NGRAM_SIZE =
            GROUP.option(
                    "no_repeat_ngram_size",
                    OptionType.INTEGER,
                    0,
                    value -> value >= 0,
                    "at least 1, or 0 for none",
                    "N",
                    "N-grams of this length occur only once, prompt included; 0 for no limit.");

    /** Length of n-grams of the prompt that may not be generated; 0 for none. */
    public static final GenerationOption<Integer> ENCODER_NO_REPEAT_NGRAM_SIZE =
            GROUP.option(
                    "encoder_no_repeat_ngram_size",
                    OptionType.INTEGER,
                    0,
                    value -> value >= 0,
                    "at least 1, or 0 for none",
                    "N",
                    "N-grams of the prompt of this length are not generated; 0 for no limit.");

    /** Strength of the DRY (don't repeat yourself) penalty; 0 for none. */
    public static final GenerationOption<Double> DRY_MULTIPLIER =
            GROUP.option(
                    "dry_multiplier",
                    OptionType.NUMBER,
                    0.0,
                    value -> value >= 0 && Double.isFinite(value),
                    "a number of at least 0",
                    "X",
                    "Strength of the DRY penalty of repeated sequences; 0 for none.");

    /** Base of the DRY penalty, which is exponential in the length of the repetition. */
    public static final GenerationOption<Double> DRY_BASE =
            GROUP.option(
                    "dry_base",
                    OptionType.NUMBER,
                    1.75,
                    value -> value >= 1 && Double.isFinite(value),
                    "a number of at least 1",
                    "X",
                    "Base of the DRY penalty, whose exponent is the length of the repetition; at"
                            + " least 1.");

    /** Longest repetition without a DRY penalty. */
    public static final GenerationOption<Integer> DRY_ALLOWED_LENGTH =
            GROUP.option(
                    "dry_allowed_length",
                    OptionType.INTEGER,
                    2,
                    value -> value >= 1,
                    "at least 1",
                    "N",
                    "Longest repetition without a DRY penalty; at least 1.");

    /** Number of last tokens that DRY looks at; -1 for all. */
    public static final GenerationOption<Integer> DRY_PENALTY_LAST_N =
            GROUP.option(
                    "dry_penalty_last_n",
                    OptionType.INTEGER,
                    -1,
                    value -> value >= -1,
                    "at least 0, or -1 for all",
                    "N",
                    "Number of last tokens that DRY searches for repetitions; -1 for all.");

    /** A token whose text contains one of these ends a repetition for DRY. */
    public static final GenerationOption<List<String>> DRY_SEQUENCE_BREAKERS =
            GROUP.option(
                    "dry_sequence_breakers",
                    OptionType.STRINGS,
                    List.of("\n", ":", "\"", "*"),
                    value -> value.stream().noneMatch(String::isEmpty),
                    "strings that are not empty",
                    "TEXT",
                    "Tokens with this text end a repetition for DRY; may be given several times."
                            + " Default: line feed, colon, quotation mark and asterisk.");

    /** Raises the scores of the end-of-sequence tokens exponentially; unset for not. */
    public static final GenerationOption<@Nullable ExponentialDecay>
            EXPONENTIAL_DECAY_LENGTH_PENALTY =
                    GROUP.unset(
                            "exponential_decay_length_penalty",
                            OptionType.EXPONENTIAL_DECAY,
                            value ->
                                    value.startIndex() >= 0
                                            && value.factor() > 0
                                            && Double.isFinite(value.factor()),
                            "a start index of at least 0 and a factor above 0",
                            "N,X",
                            "After N generated tokens, raises the logits of the end-of-sequence"
                                    + " tokens by the factor X for each token.");

    private PenaltyOptions() {}
}
