/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

/** Options of beam search, and of several sequences for a prompt. */
public final class BeamOptions {

    static final OptionGroup GROUP = new OptionGroup("Beam search");

    /** Number of beams; 1 for no beam search. */
    public static final GenerationOption<Integer> NUM_BEAMS =
            GROUP.option(
                    "num_beams",
                    OptionType.INTEGER,
                    1,
                    value -> value >= 1 && value <= 1024,
                    "between 1 and 1024",
                    "N",
                    "Number of beams; 1 for no beam search.");

    /** Exponent of the length that divides the score of a beam; above 0 favours long sequences. */
    public static final GenerationOption<Double> LENGTH_PENALTY =
            GROUP.option(
                    "length_penalty",
                    OptionType.NUMBER,
                    1.0,
                    Double::isFinite,
                    "a number",
                    "X",
                    "Exponent of the length that divides the score of a beam; above 0 favours long"
                            + " sequences.");

    /** When beam search ends. */
    public static final GenerationOption<EarlyStopping> EARLY_STOPPING =
            GROUP.option(
                    "early_stopping",
                    OptionType.EARLY_STOPPING,
                    EarlyStopping.FALSE,
                    value -> true,
                    "true, false or never",
                    "true|false|never",
                    "End when there are num_beams sequences (true), when better ones are unlikely"
                            + " (false) or impossible (never).");

    /** Number of sequences for each prompt. */
    public static final GenerationOption<Integer> NUM_RETURN_SEQUENCES =
            GROUP.option(
                    "num_return_sequences",
                    OptionType.INTEGER,
                    1,
                    value -> value >= 1 && value <= 1024,
                    "between 1 and 1024",
                    "N",
                    "Number of sequences for each prompt; with beam search at most num_beams.");

    private BeamOptions() {}
}
