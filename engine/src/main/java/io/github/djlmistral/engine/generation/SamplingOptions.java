/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import java.util.HashSet;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Options of sampling. Except for {@link #DO_SAMPLE} and {@link #SEED}, setting one turns sampling
 * on; greedy decoding ignores them.
 */
public final class SamplingOptions {

    static final OptionGroup GROUP = new OptionGroup("Sampling");

    /** Sampling instead of greedy decoding; on by default if an option of sampling is set. */
    public static final GenerationOption<Boolean> DO_SAMPLE =
            GROUP.flag(
                    "do_sample",
                    "Sample instead of taking the most likely token. Default: true if an option of"
                            + " sampling is given.");

    /** Seed of the random numbers; unset for a new one each time. */
    public static final GenerationOption<@Nullable Long> SEED =
            GROUP.unset(
                    "seed",
                    OptionType.LONG,
                    value -> true,
                    "a 64-bit integer",
                    "N",
                    "Seed of the random numbers: the same seed gives the same text. Default: a new"
                            + " one each time.");

    /** Divides the scores. */
    public static final GenerationOption<Double> TEMPERATURE =
            GROUP.option(
                    "temperature",
                    OptionType.NUMBER,
                    1.0,
                    value -> true,
                    "",
                    "X",
                    "Sampling temperature, which divides the logits; above 0.");

    /** Half the width of the range of llama.cpp's dynamic temperature; 0 for none. */
    public static final GenerationOption<Double> DYNATEMP_RANGE =
            GROUP.option(
                    "dynatemp_range",
                    OptionType.NUMBER,
                    0.0,
                    value -> value >= 0 && Double.isFinite(value),
                    "a number of at least 0",
                    "X",
                    "The temperature varies by up to X, the higher the entropy the higher; 0 for a"
                            + " constant temperature.");

    /** Exponent of the normalized entropy in the dynamic temperature. */
    public static final GenerationOption<Double> DYNATEMP_EXPONENT =
            GROUP.option(
                    "dynatemp_exponent",
                    OptionType.NUMBER,
                    1.0,
                    value -> value > 0 && Double.isFinite(value),
                    "a number above 0",
                    "X",
                    "Exponent of the normalized entropy with dynatemp_range; above 0.");

    /** Number of most likely tokens to sample from; 0 for all. */
    public static final GenerationOption<Integer> TOP_K =
            GROUP.option(
                    "top_k",
                    OptionType.INTEGER,
                    50,
                    value -> value >= 0,
                    "at least 1, or 0 for no limit",
                    "N",
                    "Sample from the N most likely tokens; 0 for all.");

    /** Cumulative probability of the tokens to sample from (Holtzman et al. 2019). */
    public static final GenerationOption<Double> TOP_P =
            GROUP.option(
                    "top_p",
                    OptionType.NUMBER,
                    1.0,
                    value -> value > 0 && value <= 1,
                    "above 0 and at most 1",
                    "P",
                    "Sample from the most likely tokens with a total probability of P; above 0, at"
                            + " most 1.");

    /** Minimum probability relative to the most likely token (Nguyen et al. 2024). */
    public static final GenerationOption<Double> MIN_P =
            GROUP.option(
                    "min_p",
                    OptionType.NUMBER,
                    0.0,
                    value -> value >= 0 && value <= 1,
                    "between 0 and 1",
                    "P",
                    "Sample from tokens at least P times as likely as the most likely one; 0 to"
                            + " 1.");

    /** Share of the entropy to keep (Top-H decoding, 2025); unset for all. */
    public static final GenerationOption<@Nullable Double> TOP_H =
            GROUP.unset(
                    "top_h",
                    OptionType.NUMBER,
                    value -> value > 0 && value <= 1,
                    "above 0 and at most 1",
                    "X",
                    "Sample from the most likely tokens that hold the share X of the entropy; above"
                            + " 0, at most 1.");

    /** Probability mass of the locally typical tokens to sample from (Meister et al. 2022). */
    public static final GenerationOption<Double> TYPICAL_P =
            GROUP.option(
                    "typical_p",
                    OptionType.NUMBER,
                    1.0,
                    value -> value > 0 && value <= 1,
                    "above 0 and at most 1",
                    "P",
                    "Sample from the most typical tokens with a total probability of P; above 0, at"
                            + " most 1.");

    /** Minimum probability of a token (Hewitt et al. 2022); 0 for none. */
    public static final GenerationOption<Double> EPSILON_CUTOFF =
            GROUP.option(
                    "epsilon_cutoff",
                    OptionType.NUMBER,
                    0.0,
                    value -> value >= 0 && value < 1,
                    "at least 0 and below 1",
                    "P",
                    "Sample from tokens with at least this probability; at least 0, below 1.");

    /** Minimum probability that falls with the entropy (Hewitt et al. 2022); 0 for none. */
    public static final GenerationOption<Double> ETA_CUTOFF =
            GROUP.option(
                    "eta_cutoff",
                    OptionType.NUMBER,
                    0.0,
                    value -> value >= 0 && value < 1,
                    "at least 0 and below 1",
                    "P",
                    "Sample from tokens with at least this probability, less where the entropy is"
                            + " high; at least 0, below 1.");

    /** Distance from the highest score in standard deviations (Top-nσ, 2024); 0 or -1 for all. */
    public static final GenerationOption<Double> TOP_N_SIGMA =
            GROUP.option(
                    "top_n_sigma",
                    OptionType.NUMBER,
                    -1.0,
                    value -> (value >= 0 && Double.isFinite(value)) || value == -1,
                    "a number of at least 0, or -1 for no limit",
                    "X",
                    "Sample from tokens whose logit is at most X standard deviations below the"
                            + " highest; 0 or -1 for all.");

    /** Probability of llama.cpp's XTC (exclude top choices) at each token; 0 for none. */
    public static final GenerationOption<Double> XTC_PROBABILITY =
            GROUP.option(
                    "xtc_probability",
                    OptionType.NUMBER,
                    0.0,
                    value -> value >= 0 && value <= 1,
                    "between 0 and 1",
                    "P",
                    "Probability of excluding the most likely tokens, see xtc_threshold; 0 to 1.");

    /** XTC excludes all tokens with at least this probability but the least likely of them. */
    public static final GenerationOption<Double> XTC_THRESHOLD =
            GROUP.option(
                    "xtc_threshold",
                    OptionType.NUMBER,
                    0.1,
                    value -> value >= 0 && value <= 1,
                    "between 0 and 1",
                    "P",
                    "With xtc_probability: of the tokens with at least this probability only the"
                            + " least likely one stays; 0 to 1, above 0.5 without effect.");

    /** 2 for Mirostat 2 (Basu et al. 2020) instead of the other limits; 0 for none. */
    public static final GenerationOption<Integer> MIROSTAT =
            GROUP.option(
                    "mirostat",
                    OptionType.INTEGER,
                    0,
                    value -> value == 0 || value == 2,
                    "0 for none or 2 for Mirostat 2",
                    "0|2",
                    "2 for Mirostat 2, which replaces the limits such as top_k and top_p; 0 for"
                            + " none.");

    /** Target of the surprise in bits. */
    public static final GenerationOption<Double> MIROSTAT_TAU =
            GROUP.option(
                    "mirostat_tau",
                    OptionType.NUMBER,
                    5.0,
                    value -> value > 0 && Double.isFinite(value),
                    "a number above 0",
                    "X",
                    "Target of Mirostat for the surprise of a token in bits; above 0.");

    /** Learning rate of Mirostat. */
    public static final GenerationOption<Double> MIROSTAT_ETA =
            GROUP.option(
                    "mirostat_eta",
                    OptionType.NUMBER,
                    0.1,
                    value -> value > 0 && Double.isFinite(value),
                    "a number above 0",
                    "X",
                    "Learning rate of Mirostat; above 0.");

    /** The options that have an effect only when sampling; setting one turns sampling on. */
    static final Set<GenerationOption<?>> SHAPING = shaping();

    private SamplingOptions() {}

    private static Set<GenerationOption<?>> shaping() {
        Set<GenerationOption<?>> options = new HashSet<>(GROUP.options());
        options.remove(DO_SAMPLE);
        options.remove(SEED);
        return Set.copyOf(options);
    }
}
