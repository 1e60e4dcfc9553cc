/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.generation;

import io.github.djlmistral.engine.generation.BeamOptions;
import io.github.djlmistral.engine.generation.ConstraintOptions;
import io.github.djlmistral.engine.generation.ExponentialDecay;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.GenerationOption;
import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.OutputOptions;
import io.github.djlmistral.engine.generation.PenaltyOptions;
import io.github.djlmistral.engine.generation.SamplingOptions;
import io.github.djlmistral.engine.generation.SequenceBias;
import io.github.djlmistral.engine.generation.StoppingOptions;
import io.github.djlmistral.engine.generation.TokenDecoder;
import io.github.djlmistral.engine.generation.WatermarkingConfig;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * The logits processors of a configuration, in the order in which they are applied.
 *
 * <ol>
 *   <li>Those of the reference's {@code GenerationMixin._get_logits_processor}, in its order:
 *       sequence bias, repetition penalties, n-grams, bad words, minimum length, forced tokens,
 *       invalid values, exponential decay and suppressed tokens. The logit bias follows the
 *       sequence bias; presence, frequency and DRY penalty follow the repetition penalty.
 *   <li>The caller's own.
 *   <li>The mask of the response format: the limits that follow choose among the tokens that it
 *       allows.
 *   <li>When sampling, the temperature and the limits: top-nσ, top-H, top-k, top-p, min-p, typical,
 *       epsilon, eta, XTC. With Mirostat, the temperature and Mirostat alone. The dynamic
 *       temperature comes last, as in llama.cpp.
 *   <li>Watermark and normalization.
 * </ol>
 *
 * Classifier-free guidance comes before all of them.
 */
public final class LogitsProcessors {

    private LogitsProcessors() {}

    /**
     * What processors depend on besides the options.
     *
     * @param vocabSize size of the vocabulary
     * @param maxLength maximum number of tokens of prompt and generated text
     * @param decoder gives the texts of tokens for DRY's sequence breakers; null for none
     */
    public record Context(int vocabSize, int maxLength, @Nullable TokenDecoder decoder) {}

    /**
     * Builds the list of processors. They may be used for several sequences, from one thread at a
     * time for each.
     *
     * @param config the options
     * @param custom the caller's own processors
     * @param context the model
     * @return the processors, in the order in which they are applied
     * @throws IllegalArgumentException if an option has a token id outside the vocabulary
     */
    public static List<LogitsProcessor> chain(
            GenerationConfig config, List<LogitsProcessor> custom, Context context) {
        List<LogitsProcessor> chain = new ArrayList<>();
        addBiases(chain, config, context.vocabSize());
        addPenalties(chain, config, context);
        addConstraints(chain, config, context);
        chain.addAll(custom);
        if (config.get(ConstraintOptions.RESPONSE_FORMAT).grammar().isPresent()) {
            chain.add(new ConstraintMask(isLastAndGreedy(config)));
        }
        if (config.doSample()) {
            if (config.get(SamplingOptions.MIROSTAT) != 0) {
                addTemperature(chain, config);
                chain.add(
                        new Mirostat(
                                config.get(SamplingOptions.MIROSTAT_TAU),
                                config.get(SamplingOptions.MIROSTAT_ETA)));
            } else {
                addSampling(chain, config);
            }
        }
        WatermarkingConfig watermark = config.get(ConstraintOptions.WATERMARKING_CONFIG);
        if (watermark != null) {
            chain.add(new Watermark(watermark, context.vocabSize()));
        }
        if (config.get(ConstraintOptions.RENORMALIZE_LOGITS)) {
            chain.add(new LogitNormalization());
        }
        return chain;
    }

    /**
     * Replaces NaN by 0, and infinite logits by the limits of float32, as {@code
     * remove_invalid_values} does.
     *
     * @param logits changed in place
     */
    public static void replaceInvalidValues(float[] logits) {
        for (int i = 0; i < logits.length; ++i) {
            logits[i] =
                    Float.isNaN(logits[i])
                            ? 0
                            : Math.max(-Float.MAX_VALUE, Math.min(Float.MAX_VALUE, logits[i]));
        }
    }

    /** Whether only the highest score counts after the mask. */
    private static boolean isLastAndGreedy(GenerationConfig config) {
        return !config.doSample()
                && config.get(BeamOptions.NUM_BEAMS) == 1
                && config.get(ConstraintOptions.WATERMARKING_CONFIG) == null
                && !config.get(ConstraintOptions.RENORMALIZE_LOGITS)
                && !config.get(OutputOptions.OUTPUT_SCORES);
    }

    private static void addBiases(
            List<LogitsProcessor> chain, GenerationConfig config, int vocabSize) {
        Map<List<Integer>, Float> biases = new LinkedHashMap<>();
        for (SequenceBias bias : config.get(ConstraintOptions.SEQUENCE_BIAS)) {
            require(bias.ids(), ConstraintOptions.SEQUENCE_BIAS, vocabSize);
            biases.put(bias.ids(), (float) bias.bias());
        }
        if (!biases.isEmpty()) {
            chain.add(new BiasedSequences(biases));
        }
        Map<List<Integer>, Float> tokens = new LinkedHashMap<>();
        config.get(ConstraintOptions.LOGIT_BIAS)
                .forEach((id, bias) -> tokens.put(List.of(id), bias.floatValue()));
        for (List<Integer> token : tokens.keySet()) {
            require(token, ConstraintOptions.LOGIT_BIAS, vocabSize);
        }
        if (!tokens.isEmpty()) {
            chain.add(new BiasedSequences(tokens));
        }
    }

    private static void addPenalties(
            List<LogitsProcessor> chain, GenerationConfig config, Context context) {
        double prompt = config.get(PenaltyOptions.ENCODER_REPETITION_PENALTY);
        if (prompt != 1) {
            chain.add(RepetitionPenalty.ofPrompt(prompt));
        }
        if (config.repetitionPenalty() != 1) {
            chain.add(RepetitionPenalty.ofText(config.repetitionPenalty()));
        }
        double presence = config.get(PenaltyOptions.PRESENCE_PENALTY);
        double frequency = config.get(PenaltyOptions.FREQUENCY_PENALTY);
        if (presence != 0 || frequency != 0) {
            chain.add(new FrequencyPenalty(presence, frequency));
        }
        if (config.get(PenaltyOptions.DRY_MULTIPLIER) > 0) {
            chain.add(new Dry(config, context.decoder()));
        }
        int ngram = config.get(PenaltyOptions.NO_REPEAT_NGRAM_SIZE);
        if (ngram > 0) {
            chain.add(new NoRepeatNGram(ngram, false));
        }
        int promptNgram = config.get(PenaltyOptions.ENCODER_NO_REPEAT_NGRAM_SIZE);
        if (promptNgram > 0) {
            chain.add(new NoRepeatNGram(promptNgram, true));
        }
    }

    private static void addConstraints(
            List<LogitsProcessor> chain, GenerationConfig config, Context context) {
        List<Integer> eos = config.eosTokenIds();
        Map<List<Integer>, Float> badWords = new LinkedHashMap<>();
        for (List<Integer> word : config.get(ConstraintOptions.BAD_WORDS_IDS)) {
            require(word, ConstraintOptions.BAD_WORDS_IDS, context.vocabSize());
            if (word.size() > 1 || !eos.contains(word.get(0))) {
                badWords.put(word, Float.NEGATIVE_INFINITY);
            }
        }
        if (!badWords.isEmpty()) {
            chain.add(new BiasedSequences(badWords));
        }
        int minLength = config.get(StoppingOptions.MIN_LENGTH);
        if (!eos.isEmpty() && (minLength > 0 || config.minNewTokens() > 0)) {
            chain.add(new MinLength(minLength, config.minNewTokens(), eos));
        }
        Integer bos = config.get(ConstraintOptions.FORCED_BOS_TOKEN_ID);
        if (bos != null) {
            require(List.of(bos), ConstraintOptions.FORCED_BOS_TOKEN_ID, context.vocabSize());
            chain.add(ForcedTokens.bos(bos));
        }
        List<Integer> last = config.get(ConstraintOptions.FORCED_EOS_TOKEN_ID);
        if (!last.isEmpty()) {
            require(last, ConstraintOptions.FORCED_EOS_TOKEN_ID, context.vocabSize());
            chain.add(ForcedTokens.eos(last, config.maxNewTokens(), context.maxLength()));
        }
        if (config.get(ConstraintOptions.REMOVE_INVALID_VALUES)) {
            chain.add((scores, sequence) -> replaceInvalidValues(scores));
        }
        ExponentialDecay decay = config.get(PenaltyOptions.EXPONENTIAL_DECAY_LENGTH_PENALTY);
        if (decay != null) {
            chain.add(new ExponentialDecayLengthPenalty(decay, eos));
        }
        List<Integer> suppressed = config.get(ConstraintOptions.SUPPRESS_TOKENS);
        if (!suppressed.isEmpty()) {
            chain.add(SuppressTokens.always(suppressed));
        }
        List<Integer> suppressedFirst = config.get(ConstraintOptions.BEGIN_SUPPRESS_TOKENS);
        if (!suppressedFirst.isEmpty()) {
            chain.add(SuppressTokens.atBegin(suppressedFirst, bos != null));
        }
    }

    private static void addSampling(List<LogitsProcessor> chain, GenerationConfig config) {
        // beam search needs a token that does not end the sequence
        int beams = config.get(BeamOptions.NUM_BEAMS);
        int keep = beams == 1 ? 1 : Math.max(1, config.eosTokenIds().size()) + 1;
        double range = config.get(SamplingOptions.DYNATEMP_RANGE);
        if (range == 0) {
            addTemperature(chain, config);
        }
        double sigma = config.get(SamplingOptions.TOP_N_SIGMA);
        if (sigma > 0) {
            chain.add(new TopNSigma(sigma));
        }
        Double share = config.get(SamplingOptions.TOP_H);
        if (share != null) {
            chain.add(new TopH(share));
        }
        if (config.topK() > 0) {
            chain.add(new TopK(config.topK(), keep));
        }
        if (config.topP() < 1) {
            chain.add(new TopP(config.topP(), keep));
        }
        if (config.minP() > 0) {
            chain.add(new MinP(config.minP(), keep));
        }
        double typical = config.get(SamplingOptions.TYPICAL_P);
        if (typical < 1) {
            chain.add(new TypicalP(typical, keep));
        }
        double epsilon = config.get(SamplingOptions.EPSILON_CUTOFF);
        if (epsilon > 0) {
            chain.add(new EpsilonCutoff(epsilon, keep));
        }
        double eta = config.get(SamplingOptions.ETA_CUTOFF);
        if (eta > 0) {
            chain.add(new EtaCutoff(eta, keep));
        }
        double excluding = config.get(SamplingOptions.XTC_PROBABILITY);
        if (excluding > 0) {
            chain.add(new Xtc(excluding, config.get(SamplingOptions.XTC_THRESHOLD), config.seed()));
        }
        if (range > 0) {
            chain.add(
                    new DynamicTemperature(
                            config.temperature(),
                            range,
                            config.get(SamplingOptions.DYNATEMP_EXPONENT)));
        }
    }

    private static void addTemperature(List<LogitsProcessor> chain, GenerationConfig config) {
        if (config.temperature() != 1) {
            chain.add(new Temperature(config.temperature()));
        }
    }

    private static void require(List<Integer> ids, GenerationOption<?> option, int vocabSize) {
        for (int id : ids) {
            if (id >= vocabSize) {
                throw new IllegalArgumentException(
                        option.name()
                                + " contains the token id "
                                + id
                                + ", the vocabulary has 0 to "
                                + (vocabSize - 1));
            }
        }
    }
}
