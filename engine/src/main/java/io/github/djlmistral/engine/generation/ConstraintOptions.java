/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import io.github.djlmistral.engine.constraint.ResponseFormat;
import java.util.Collection;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Options that forbid, force or favour tokens, and guide or mark the text. */
public final class ConstraintOptions {

    static final OptionGroup GROUP = new OptionGroup("Constraints");

    private static boolean areIds(Collection<Integer> ids) {
        return ids.stream().allMatch(id -> id >= 0);
    }

    /** The form of the text, as in OpenAI's API. */
    public static final GenerationOption<ResponseFormat> RESPONSE_FORMAT =
            GROUP.option(
                    "response_format",
                    OptionType.RESPONSE_FORMAT,
                    ResponseFormat.TEXT,
                    value -> true,
                    "a response format",
                    "JSON",
                    "Form of the text: text, json_object, or a JSON object of type json_schema,"
                            + " regex, choice or grammar, as {\"type\": \"regex\", \"regex\":"
                            + " \"[0-9]+\"}.");

    /** Token sequences that are never generated. */
    public static final GenerationOption<List<List<Integer>>> BAD_WORDS_IDS =
            GROUP.option(
                    "bad_words_ids",
                    OptionType.INTEGER_LISTS,
                    List.of(),
                    value -> value.stream().allMatch(ConstraintOptions::areIds),
                    "token ids of at least 0",
                    "IDS",
                    "Token IDs of a sequence that is not generated, as 5,6; may be given several"
                            + " times.");

    /** Token sequences with a bias of the score of their last token. */
    public static final GenerationOption<List<SequenceBias>> SEQUENCE_BIAS =
            GROUP.option(
                    "sequence_bias",
                    OptionType.SEQUENCE_BIAS,
                    List.of(),
                    value ->
                            value.stream()
                                    .allMatch(
                                            bias ->
                                                    areIds(bias.ids())
                                                            && Double.isFinite(bias.bias())),
                    "token ids of at least 0, each with a finite bias",
                    "IDS:X",
                    "Token IDs of a sequence and a bias of the logit of its last token, as"
                            + " 5,6:-2.5; may be given several times.");

    /** Token ids with a bias that is added to their scores, as in OpenAI's API. */
    public static final GenerationOption<Map<Integer, Double>> LOGIT_BIAS =
            GROUP.option(
                    "logit_bias",
                    OptionType.LOGIT_BIAS,
                    Map.of(),
                    value ->
                            areIds(value.keySet())
                                    && value.values().stream().allMatch(Double::isFinite),
                    "token ids of at least 0, each with a finite bias",
                    "ID:X",
                    "Token ID and a bias of its logit, as 5:-2.5; may be given several times.");

    /** Tokens that are never generated. */
    public static final GenerationOption<List<Integer>> SUPPRESS_TOKENS =
            GROUP.option(
                    "suppress_tokens",
                    OptionType.INTEGERS,
                    List.of(),
                    ConstraintOptions::areIds,
                    "token ids of at least 0",
                    "IDS",
                    "Token IDs that are not generated, as 5,7; or none.");

    /** Tokens that are not the first generated one. */
    public static final GenerationOption<List<Integer>> BEGIN_SUPPRESS_TOKENS =
            GROUP.option(
                    "begin_suppress_tokens",
                    OptionType.INTEGERS,
                    List.of(),
                    ConstraintOptions::areIds,
                    "token ids of at least 0",
                    "IDS",
                    "Token IDs that are not generated as the first token, as 5,7; or none.");

    /** Second token of the sequence after a prompt of one token; unset for any. */
    public static final GenerationOption<@Nullable Integer> FORCED_BOS_TOKEN_ID =
            GROUP.unset(
                    "forced_bos_token_id",
                    OptionType.INTEGER,
                    value -> value >= 0,
                    "a token id of at least 0",
                    "ID",
                    "Token ID of the first generated token after a prompt of one token.");

    /** The last token if {@code max_new_tokens} is reached; one of these. */
    public static final GenerationOption<List<Integer>> FORCED_EOS_TOKEN_ID =
            GROUP.option(
                    "forced_eos_token_id",
                    OptionType.INTEGERS,
                    List.of(),
                    ConstraintOptions::areIds,
                    "token ids of at least 0",
                    "IDS",
                    "Token IDs of which one is the last token if max_new_tokens is reached, as 2;"
                            + " or none.");

    /** Replaces NaN scores by 0, and infinite ones by the limits of float32. */
    public static final GenerationOption<Boolean> REMOVE_INVALID_VALUES =
            GROUP.flag(
                    "remove_invalid_values",
                    "Replace logits that are NaN or infinite instead of failing.");

    /** Log-softmax of the scores after all processors. */
    public static final GenerationOption<Boolean> RENORMALIZE_LOGITS =
            GROUP.flag(
                    "renormalize_logits",
                    "Normalize the scores after all processors, which matters for beam search.");

    /** Scale of classifier-free guidance (Sanchez et al. 2023); 1 for none. */
    public static final GenerationOption<Double> GUIDANCE_SCALE =
            GROUP.option(
                    "guidance_scale",
                    OptionType.NUMBER,
                    1.0,
                    Double::isFinite,
                    "a number",
                    "X",
                    "Scale of classifier-free guidance; 1 for none, above 1 closer to the prompt.");

    /** Negative prompt of the guidance; empty for the last token of the prompt. */
    public static final GenerationOption<List<Integer>> NEGATIVE_PROMPT_IDS =
            GROUP.option(
                    "negative_prompt_ids",
                    OptionType.INTEGERS,
                    List.of(),
                    ConstraintOptions::areIds,
                    "token ids of at least 0",
                    "IDS",
                    "Token IDs of the negative prompt for guidance_scale. Default: the last token"
                            + " of the prompt.");

    /** Watermark of the text; unset for none. */
    public static final GenerationOption<@Nullable WatermarkingConfig> WATERMARKING_CONFIG =
            GROUP.unset(
                    "watermarking_config",
                    OptionType.WATERMARKING,
                    value ->
                            value.greenlistRatio() > 0
                                    && value.greenlistRatio() < 1
                                    && Double.isFinite(value.bias())
                                    && value.contextWidth() >= 1,
                    "a greenlist_ratio between 0 and 1, a finite bias and a context_width of at"
                            + " least 1",
                    "KEY=VALUE,...",
                    "Watermark of the text: greenlist_ratio, bias, hashing_key, seeding_scheme"
                            + " (lefthash or selfhash) and context_width, as"
                            + " bias=2.5,context_width=2.");

    private ConstraintOptions() {}
}
