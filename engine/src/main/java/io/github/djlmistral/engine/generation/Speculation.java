/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * How tokens of a sequence are drafted.
 *
 * @param drafter drafts the tokens
 * @param length chooses their number
 */
record Speculation(Drafter drafter, DraftLength length) {

    /** The most forced tokens in a pass. */
    private static final int FORCED_TOKENS = 32;

    /**
     * Returns whether an assistant drafts the tokens of a request.
     *
     * @param config the options
     * @param assistant the assistant; null for none
     */
    static boolean usesAssistant(GenerationConfig config, @Nullable MistralForCausalLM assistant) {
        return assistant != null
                && config.get(SpeculationOptions.PROMPT_LOOKUP_NUM_TOKENS) == null
                && config.get(BeamOptions.NUM_BEAMS) == 1
                && config.get(ConstraintOptions.GUIDANCE_SCALE) == 1;
    }

    /**
     * Returns whether tokens are drafted.
     *
     * @param config the options
     * @param assistant the assistant; null for none
     */
    static boolean applies(GenerationConfig config, @Nullable MistralForCausalLM assistant) {
        return assistant != null || config.get(SpeculationOptions.PROMPT_LOOKUP_NUM_TOKENS) != null;
    }

    /** Returns whether the response format forces tokens, which are drafted as well. */
    static boolean isConstrained(GenerationConfig config) {
        return config.get(ConstraintOptions.RESPONSE_FORMAT).grammar().isPresent();
    }

    /**
     * Returns the speculation that the options ask for, with the tokens that the response format
     * forces.
     *
     * @param config the options
     * @param assistant drafts unless the options ask for prompt lookup; null for none
     * @param manager closing it closes the assistant's KV cache
     * @param sampler the sampler of the sequence
     * @param processors the processors of the scores
     * @param stopping the stopping criteria
     * @return the speculation
     * @throws NullPointerException if it does not {@linkplain #applies apply}, and no token is
     *     forced
     */
    static Speculation of(
            GenerationConfig config,
            @Nullable MistralForCausalLM assistant,
            NDManager manager,
            Sampler sampler,
            ProcessorChain processors,
            StoppingCriteria stopping) {
        boolean constrained = isConstrained(config);
        if (constrained && !applies(config, assistant)) {
            return new Speculation(
                    new ConstrainedDrafter(null),
                    new DraftLength(FORCED_TOKENS, AssistantTokensSchedule.CONSTANT, true, false));
        }
        Speculation plain = plain(config, assistant, manager, sampler, processors, stopping);
        return constrained
                ? new Speculation(new ConstrainedDrafter(plain.drafter), plain.length)
                : plain;
    }

    private static Speculation plain(
            GenerationConfig config,
            @Nullable MistralForCausalLM assistant,
            NDManager manager,
            Sampler sampler,
            ProcessorChain processors,
            StoppingCriteria stopping) {
        AssistantTokensSchedule schedule =
                config.get(SpeculationOptions.NUM_ASSISTANT_TOKENS_SCHEDULE);
        Integer lookup = config.get(SpeculationOptions.PROMPT_LOOKUP_NUM_TOKENS);
        if (lookup != null) {
            return new Speculation(
                    new PromptLookup(config.get(SpeculationOptions.MAX_MATCHING_NGRAM_SIZE)),
                    new DraftLength(lookup, schedule, true, true));
        }
        // a random text depends on the length of its drafts, but one with a seed not on the time
        boolean measures = !config.doSample() || config.seed() == null;
        return new Speculation(
                new AssistantModel(
                        Objects.requireNonNull(assistant),
                        manager,
                        sampler.split(),
                        processors,
                        stopping,
                        config.prefillChunkSize(),
                        config.get(SpeculationOptions.ASSISTANT_CONFIDENCE_THRESHOLD)),
                new DraftLength(
                        config.get(SpeculationOptions.NUM_ASSISTANT_TOKENS),
                        schedule,
                        false,
                        measures));
    }
}
