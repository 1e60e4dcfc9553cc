/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import java.util.List;
import org.jspecify.annotations.Nullable;

/** Options that end a sequence. */
public final class StoppingOptions {

    static final OptionGroup GROUP = new OptionGroup("Length and end");

    // each token is compared with all of them
    private static final int MAX_END_TOKENS = 1024;

    private static boolean areStopStrings(List<String> strings) {
        return strings.size() <= 256
                && strings.stream().allMatch(text -> !text.isEmpty() && text.length() <= 1024);
    }

    /** Maximum number of generated tokens; 256 instead of the reference's 20 tokens in all. */
    public static final GenerationOption<Integer> MAX_NEW_TOKENS =
            GROUP.option(
                    "max_new_tokens",
                    OptionType.INTEGER,
                    256,
                    value -> value >= 1,
                    "at least 1",
                    "N",
                    "Maximum number of generated tokens; at least 1.");

    /** Generated tokens before an end-of-sequence token is allowed. */
    public static final GenerationOption<Integer> MIN_NEW_TOKENS =
            GROUP.option(
                    "min_new_tokens",
                    OptionType.INTEGER,
                    0,
                    value -> value >= 0,
                    "at least 0",
                    "N",
                    "Minimum number of generated tokens; 0 to max_new_tokens.");

    /** As {@link #MIN_NEW_TOKENS}, with the prompt counted. */
    public static final GenerationOption<Integer> MIN_LENGTH =
            GROUP.option(
                    "min_length",
                    OptionType.INTEGER,
                    0,
                    value -> value >= 0,
                    "at least 0",
                    "N",
                    "Minimum number of tokens of prompt and generated text; at least 0.");

    /** Maximum duration of the generation in seconds, checked after each pass. */
    public static final GenerationOption<@Nullable Double> MAX_TIME =
            GROUP.unset(
                    "max_time",
                    OptionType.NUMBER,
                    value -> value > 0 && Double.isFinite(value),
                    "a number of seconds above 0",
                    "SECONDS",
                    "Maximum duration in seconds; above 0. The current pass is completed.");

    /** End-of-sequence tokens. */
    public static final GenerationOption<List<Integer>> EOS_TOKEN_ID =
            GROUP.option(
                    "eos_token_id",
                    OptionType.INTEGERS,
                    List.of(),
                    value -> value.size() <= MAX_END_TOKENS,
                    "at most 1024 tokens",
                    "IDS",
                    "Token IDs that end the generation, as 2,7; or none. Default: the"
                            + " checkpoint's.");

    /** Strings that finish a sequence. */
    public static final GenerationOption<List<String>> STOP_STRINGS =
            GROUP.option(
                    "stop_strings",
                    OptionType.STRINGS,
                    List.of(),
                    StoppingOptions::areStopStrings,
                    "at most 256 strings of 1 to 1024 characters",
                    "TEXT",
                    "Text that ends the generation; may be given several times.");

    private StoppingOptions() {}
}
