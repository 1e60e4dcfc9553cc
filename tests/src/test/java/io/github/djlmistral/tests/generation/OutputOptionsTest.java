/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.generation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.djlmistral.engine.generation.ConstraintOptions;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.generation.OutputOptions;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.engine.generation.Token;
import io.github.djlmistral.engine.generation.TokenLogProbability;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.tests.model.Fixture;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.Test;

/** The log-probabilities of the most likely tokens, and the scores of the vocabulary. */
class OutputOptionsTest extends Fixture {

    @Test
    void mostLikelyTokensAndScores() throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        long[] prompt = prompt(network, 5, 6);
        GenerationConfig.Builder options =
                GenerationConfig.builder()
                        .maxNewTokens(4)
                        .set(ConstraintOptions.SUPPRESS_TOKENS, List.of(7))
                        .set(OutputOptions.TOP_LOGPROBS, 5)
                        .set(OutputOptions.OUTPUT_SCORES, true);
        Generator generator = new Generator(network, manager, null);
        List<Token> tokens = new ArrayList<>();
        Sequence sequence =
                generator
                        .generate(List.of(prompt), options.build(), token -> tokens.add(token))
                        .sequences()
                        .get(0);
        float[] logits = logits(network, prompt)[prompt.length - 1];
        double[] probabilities = softmax(logits);

        List<TokenLogProbability> first = sequence.topLogProbabilities().get(0);
        assertThat(first).hasSize(5);
        assertThat(first)
                .isSortedAccordingTo(Comparator.comparingDouble(token -> -token.logProbability()));
        for (TokenLogProbability token : first) {
            assertThat((double) token.logProbability())
                    .isCloseTo(
                            Math.log(probabilities[(int) token.id()]),
                            within(LOG_PROBABILITIES * 1.0));
        }
        double fifth = Math.exp(first.get(4).logProbability());
        assertThat(Arrays.stream(probabilities).filter(p -> p > fifth + 1e-5).count())
                .isLessThanOrEqualTo(4);

        assertThat(tokens)
                .extracting(Token::topLogProbabilities)
                .isEqualTo(sequence.topLogProbabilities());
        assertThat(sequence.scores()).hasSize(4);
        assertThat(sequence.scores().get(0)).hasSize(network.config().vocabSize());
        assertThat(sequence.scores().get(0)[7]).isEqualTo(Float.NEGATIVE_INFINITY);
        assertThat(sequence.scores().get(0)[8]).isCloseTo(logits[8], within(LOGITS));
        assertThat(sequence.scores().get(0)).isNotSameAs(sequence.scores().get(1));
    }

    @Test
    void notThereByDefault() throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        Sequence sequence =
                new Generator(network, manager, null)
                        .generate(
                                List.of(prompt(network, 5, 6)),
                                GenerationConfig.builder().maxNewTokens(2).build())
                        .sequences()
                        .get(0);
        assertThat(sequence.topLogProbabilities()).containsExactly(List.of(), List.of());
        assertThat(sequence.scores()).isEmpty();
    }
}
