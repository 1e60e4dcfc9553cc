/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.generation;

import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Chooses how the prompts of a request are decoded: beam search, speculative decoding, or greedy
 * decoding and sampling.
 *
 * @param config the options
 * @param processors the processors of the scores
 * @param stopping the stopping criteria
 * @param caches the source of the KV caches
 * @param assistant the assistant model; null for none
 * @param manager closing it closes the KV caches of the assistant
 */
record DecodingFactory(
        GenerationConfig config,
        ProcessorChain processors,
        StoppingCriteria stopping,
        CacheSource caches,
        @Nullable MistralForCausalLM assistant,
        NDManager manager) {

    /** Returns the decodings of prompts, in their order. */
    List<Decoding> of(Prompts prompts) {
        int count = config.get(BeamOptions.NUM_RETURN_SEQUENCES);
        TokenAppender appender = new TokenAppender(config, stopping);
        List<Decoding> decodings = new ArrayList<>();
        int first = 0;
        for (long[] prompt : prompts.ids()) {
            decodings.addAll(of(prompts.contexts(prompt), first, count, appender));
            first += count;
        }
        return decodings;
    }

    private List<Decoding> of(List<long[]> contexts, int first, int count, TokenAppender appender) {
        if (config.get(BeamOptions.NUM_BEAMS) > 1) {
            return List.of(
                    new BeamDecoding(
                            contexts, first, config, processors, appender, stopping, caches));
        }
        boolean drafts =
                Speculation.applies(config, assistant)
                        || (count == 1 && Speculation.isConstrained(config));
        if (contexts.size() == 1 && drafts) {
            // a decoding for each sequence, since each accepts as many tokens as it does
            return IntStream.range(first, first + count)
                    .mapToObj(index -> speculative(contexts.get(0), index, appender))
                    .toList();
        }
        List<Sampler> samplers =
                IntStream.range(first, first + count)
                        .mapToObj(index -> Sampler.of(config, index))
                        .toList();
        return List.of(
                new SamplingDecoding(contexts, first, samplers, processors, appender, caches));
    }

    private Decoding speculative(long[] prompt, int index, TokenAppender appender) {
        Sampler sampler = Sampler.of(config, index);
        return new SpeculativeDecoding(
                prompt,
                index,
                sampler,
                processors,
                appender,
                stopping,
                caches,
                Speculation.of(config, assistant, manager, sampler, processors, stopping));
    }
}
