/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.GenerationResult;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.RequestLimits;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.engine.generation.SpeculationMetrics;
import io.github.djlmistral.engine.generation.SpeculationOptions;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/**
 * Speculative decoding beside plain decoding of the same text, in turns.
 *
 * <p>With an assistant model, the text is what the network generates after random tokens. For
 * prompt lookup it is given, so that the acceptance does not depend on the weights: {@value #RUN}
 * tokens that are copied from a random place in the prompt, {@value #NEW} random ones, and so on,
 * as in a summary or an edited file. An assistant with random weights is given the same text, but
 * for every {@value #WRONG}th token. The networks compute each token; only their choice is
 * replaced.
 */
final class SpeculationTest {

    private static final int RUN = 12;
    private static final int NEW = 2;

    /** Fewest tokens of a prompt. */
    static final int LEAST_PROMPT = RUN + 1;

    private static final int DRAFT = 10;
    private static final int WRONG = 5;

    private final MistralForCausalLM network;
    private final @Nullable MistralForCausalLM assistant;
    private final boolean isGiven;
    private final long[] prompt;
    private final long[] text;
    private final List<Double> plain = new ArrayList<>();
    private final List<Double> speculative = new ArrayList<>();
    private SpeculationMetrics metrics = SpeculationMetrics.NONE;

    /**
     * Creates a test.
     *
     * @param network the network
     * @param assistant the assistant; null for prompt lookup
     * @param isGiven whether the text is given also with an assistant
     * @param promptTokens tokens of the prompt
     * @param tokens tokens to generate
     */
    SpeculationTest(
            MistralForCausalLM network,
            @Nullable MistralForCausalLM assistant,
            boolean isGiven,
            int promptTokens,
            int tokens) {
        this.network = network;
        this.assistant = assistant;
        this.isGiven = isGiven || assistant == null;
        Random random = new Random(1);
        int vocabulary = network.config().vocabSize();
        prompt = random.longs(promptTokens, 0, vocabulary).toArray();
        text = random.longs(tokens, 0, vocabulary).toArray();
        for (int i = 0; i + RUN <= tokens; i += RUN + NEW) {
            System.arraycopy(prompt, random.nextInt(prompt.length - RUN), text, i, RUN);
        }
    }

    String name() {
        return (assistant == null ? "lookup" : "assistant") + text.length;
    }

    /** Runs the warm-up, then the timed repetitions. */
    void run(NDManager manager, int warmup, int repetitions, Terminal.Progress progress) {
        for (int i = 0; i < warmup + repetitions; ++i) {
            GenerationResult without = generate(manager, false);
            GenerationResult with = generate(manager, true);
            if (i >= warmup) {
                plain.add(without.decodeTokensPerSecond());
                speculative.add(with.decodeTokensPerSecond());
                metrics = with.speculation();
            }
            progress.stepBy(1);
        }
    }

    private GenerationResult generate(NDManager manager, boolean speculates) {
        GenerationConfig.Builder options = GenerationConfig.builder().maxNewTokens(text.length);
        if (assistant == null && speculates) {
            options.set(SpeculationOptions.PROMPT_LOOKUP_NUM_TOKENS, DRAFT);
        }
        Generator generator =
                new Generator(
                        network,
                        manager,
                        null,
                        RequestLimits.unlimited(),
                        null,
                        null,
                        speculates ? assistant : null);
        LogitsProcessor[] processors =
                isGiven ? new LogitsProcessor[] {new Script()} : new LogitsProcessor[0];
        try (var generation = generator.start(List.of(prompt), options.build(), processors)) {
            return generation.run(token -> true);
        }
    }

    /** Selects the tokens of the text, for an assistant with errors. */
    private final class Script implements LogitsProcessor {

        /** The sequence of the network; what is drafted is in copies of it. */
        private @Nullable Sequence verified;

        @Override
        @SuppressWarnings("ReferenceEquality") // a copy is another one
        public void process(float[] scores, Sequence row) {
            if (verified == null) {
                verified = row;
            }
            int at = row.generatedLength();
            boolean wrong = row != verified && at % WRONG == 0;
            scores[(int) (text[at] + (wrong ? 1 : 0)) % scores.length] = 1e30f;
        }
    }

    private static double median(List<Double> values) {
        return values.stream().sorted().skip(values.size() / 2).findFirst().orElseThrow();
    }

    /** Returns the result as a sentence. */
    String describe() {
        return String.format(
                Locale.ROOT,
                "%s: %.2f tokens/s, %.2f without: %.2f times; %.2f tokens a pass, %.0f %% of %d"
                        + " drafted tokens accepted",
                name(),
                median(speculative),
                median(plain),
                median(speculative) / median(plain),
                metrics.tokensPerPass(),
                100 * metrics.acceptance(),
                metrics.drafted());
    }

    /** Returns the JSON fields. */
    Map<String, Object> result() {
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("test", name());
        result.put("tokens_per_second", median(speculative));
        result.put("plain_tokens_per_second", median(plain));
        result.put("gain", median(speculative) / median(plain));
        result.put("drafted_tokens", metrics.drafted());
        result.put("accepted_tokens", metrics.accepted());
        result.put("passes", metrics.passes());
        result.put("tokens_per_pass", metrics.tokensPerPass());
        return result;
    }
}
