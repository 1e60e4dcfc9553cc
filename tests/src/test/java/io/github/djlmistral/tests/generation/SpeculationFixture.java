/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.generation;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.djlmistral.engine.generation.AssistantTokensSchedule;
import io.github.djlmistral.engine.generation.Batching;
import io.github.djlmistral.engine.generation.Generation;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.GenerationResult;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.RequestLimits;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.engine.generation.SpeculationOptions;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.tests.kernels.RandomNetwork;
import io.github.djlmistral.tests.model.Fixture;
import java.util.List;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** Generators with drafts and without. */
abstract class SpeculationFixture extends Fixture {

    /** Similar to the network of type float32: most of its drafts are accepted. */
    static final String SIMILAR = "bfloat16";

    /** Another network: few of its drafts are accepted. */
    static final String OTHER = "int4 g32";

    MistralForCausalLM network(MistralConfig config, String kind, String kernels) throws Exception {
        assumeAvailable(kernels);
        return RandomNetwork.load(config, kind, manager, new ComputeOptions(kernels, "float32"));
    }

    MistralForCausalLM network(int window, String kind, String kernels) throws Exception {
        return network(RandomNetwork.config(window), kind, kernels);
    }

    Generator generator(MistralForCausalLM network, @Nullable MistralForCausalLM assistant) {
        return new Generator(
                network,
                manager,
                null,
                RequestLimits.unlimited(),
                Batching.DEFAULT,
                null,
                assistant);
    }

    static GenerationConfig.Builder options(int tokens) {
        return GenerationConfig.builder().maxNewTokens(tokens);
    }

    static GenerationConfig.Builder lookup(GenerationConfig.Builder options, int tokens) {
        return options.copy().set(SpeculationOptions.PROMPT_LOOKUP_NUM_TOKENS, tokens);
    }

    static GenerationConfig.Builder constant(GenerationConfig.Builder options) {
        return options.copy()
                .set(
                        SpeculationOptions.NUM_ASSISTANT_TOKENS_SCHEDULE,
                        AssistantTokensSchedule.CONSTANT)
                .set(SpeculationOptions.ASSISTANT_CONFIDENCE_THRESHOLD, 0.0);
    }

    /** A prompt that says the same twice, so that there is something to look up. */
    static long[] repetitive(long seed) {
        long[] prompt = new Random(seed).longs(40, 3, 77).toArray();
        System.arraycopy(prompt, 0, prompt, 20, 17);
        return prompt;
    }

    static GenerationResult generate(
            Generator generator,
            long[] prompt,
            GenerationConfig.Builder options,
            LogitsProcessor... processors) {
        try (Generation generation =
                generator.start(List.of(prompt), options.build(), processors)) {
            while (!generation.next().isEmpty()) {
                // until the sequence is finished
            }
            return generation.result();
        }
    }

    static void assertSame(GenerationResult actual, GenerationResult expected) {
        Sequence text = actual.sequences().get(0);
        Sequence plain = expected.sequences().get(0);
        assertThat(text.generated()).isEqualTo(plain.generated());
        assertThat(text.logProbabilities()).isEqualTo(plain.logProbabilities());
        assertThat(text.finishReason()).isEqualTo(plain.finishReason());
    }
}
