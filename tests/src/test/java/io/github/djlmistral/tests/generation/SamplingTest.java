/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.generation;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.djlmistral.engine.generation.FinishReason;
import io.github.djlmistral.engine.generation.Generation;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.GenerationResult;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.engine.generation.Token;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.tests.model.Fixture;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Token selection, and the end of a row. */
class SamplingTest extends Fixture {

    private MistralForCausalLM network;
    private Generator generator;
    private long[] prompt;

    @BeforeEach
    void open() throws Exception {
        network = load("window8-f32", "auto");
        generator = new Generator(network, manager, null);
        prompt = prompt(network, 5, 6);
    }

    private static GenerationConfig.Builder options(int tokens) {
        return GenerationConfig.builder().maxNewTokens(tokens);
    }

    private long[] text(GenerationConfig.Builder options) {
        return row(options).generated();
    }

    /** A text that may be compared: see {@link #assertDecided}. */
    private long[] decided(GenerationConfig.Builder options) {
        Sequence row = row(options);
        assertDecided(network, List.of(prompt), options.build(), List.of(row));
        return row.generated();
    }

    private Sequence row(GenerationConfig.Builder options) {
        return generator.generate(List.of(prompt), options.build()).sequences().get(0);
    }

    /**
     * Chi-squared test on many first tokens. For n categories of at least 5 expected draws the
     * statistic has mean n - 1 and variance about 2 (n - 1); five standard deviations above are
     * exceeded by chance for one in 10^5 seeds, and the seeds are fixed.
     */
    @ParameterizedTest
    @CsvSource({"1, 0, 1", "0.5, 0, 1", "2, 0, 1", "1, 12, 1", "1.3, 0, 0.8"})
    void drawsFollowTheSoftmax(double temperature, int topK, double topP) {
        int batch = 128;
        int seeds = 32;
        int[] counts = new int[network.config().vocabSize()];
        for (int seed = 0; seed < seeds; ++seed) {
            GenerationConfig config =
                    options(1).temperature(temperature).topK(topK).topP(topP).seed(seed).build();
            generator
                    .generate(Collections.nCopies(batch, prompt), config)
                    .sequences()
                    .forEach(row -> ++counts[(int) row.id(row.length() - 1)]);
        }
        double[] probabilities = expected(temperature, topK, topP);
        double statistic = 0;
        int categories = 0;
        double rareExpected = 0;
        int rare = 0;
        for (int i = 0; i < counts.length; ++i) {
            double expected = probabilities[i] * batch * seeds;
            if (expected == 0) {
                assertThat(counts[i]).isZero();
            } else if (expected < 5) {
                rareExpected += expected;
                rare += counts[i];
            } else {
                statistic += Math.pow(counts[i] - expected, 2) / expected;
                ++categories;
            }
        }
        if (rareExpected >= 5) {
            statistic += Math.pow(rare - rareExpected, 2) / rareExpected;
            ++categories;
        }
        int freedom = categories - 1;
        assertThat(freedom).isGreaterThan(5);
        assertThat(statistic).isLessThan(freedom + 5 * Math.sqrt(2.0 * freedom));
    }

    private double[] expected(double temperature, int topK, double topP) {
        float[] scores = logits(network, prompt)[prompt.length - 1].clone();
        for (int i = 0; i < scores.length; ++i) {
            scores[i] = (float) (scores[i] / temperature);
        }
        double[] probabilities = softmax(scores);
        double[] sorted = Arrays.stream(probabilities).map(p -> -p).sorted().map(p -> -p).toArray();
        int count = topK == 0 ? sorted.length : topK;
        double reached = 0;
        for (int i = 0; i < count; ++i) {
            reached += sorted[i];
            if (topP < 1 && reached >= topP) {
                count = i + 1;
            }
        }
        // no other order of additions moves a token over the border
        assertThat(count == sorted.length || sorted[count] < sorted[count - 1] * (1 - 1e-3))
                .isTrue();
        assertThat(Math.abs(reached - topP)).isGreaterThan(topP < 1 ? 1e-3 : -1);
        double least = sorted[count - 1];
        double total = reached;
        return Arrays.stream(probabilities).map(p -> p < least ? 0 : p / total).toArray();
    }

    @Test
    void aSeedGivesOneText() {
        long[] text = decided(options(30).topK(0).doSample(true).seed(7));
        assertThat(text(options(30).topK(0).doSample(true).seed(7))).isEqualTo(text);
        assertThat(text(options(30).topK(0).doSample(true).seed(8))).isNotEqualTo(text);
        assertThat(text(options(30).topK(0).doSample(true)))
                .isNotEqualTo(text(options(30).topK(0).doSample(true)));
    }

    @Test
    void aRowsTextDoesNotDependOnTheOtherRows() {
        GenerationConfig.Builder options = options(20).topK(0).doSample(true).seed(3);
        long[] alone = decided(options);
        List<Sequence> rows =
                generator
                        .generate(List.of(prompt, prompt(network, 8, 11), prompt), options.build())
                        .sequences();
        assertThat(rows.get(0).generated()).isEqualTo(alone);
        assertThat(rows.get(2).generated()).isNotEqualTo(alone);
    }

    /**
     * Rows and neighbouring seeds have independent random numbers: with equal scores a draw is the
     * random number itself, so overlapping sequences would be shifted copies. Of 80 draws of 99
     * about one is equal by chance, and 10 in one of 10^7 cases.
     */
    @Test
    void rowsAndNeighbouringSeedsDrawIndependently() {
        long[][] draws =
                IntStream.range(0, 2)
                        .boxed()
                        .flatMap(seed -> flatDraws(seed).stream())
                        .toArray(long[][]::new);
        for (int a = 0; a < draws.length; ++a) {
            for (int b = a + 1; b < draws.length; ++b) {
                for (int shift = -8; shift <= 8; ++shift) {
                    int equal = 0;
                    for (int i = 8; i < draws[a].length - 8; ++i) {
                        equal += draws[a][i] == draws[b][i + shift] ? 1 : 0;
                    }
                    assertThat(equal).as("rows %d, %d, shift %d", a, b, shift).isLessThan(10);
                }
            }
        }
    }

    private List<long[]> flatDraws(long seed) {
        GenerationConfig config = options(96).topK(0).doSample(true).seed(seed).build();
        List<long[]> prompts = Collections.nCopies(4, prompt);
        try (Generation generation =
                generator.start(prompts, config, (scores, row) -> Arrays.fill(scores, 0))) {
            List<Token> tokens = generation.next();
            while (!tokens.isEmpty()) {
                tokens = generation.next();
            }
            return generation.result().sequences().stream().map(Sequence::generated).toList();
        }
    }

    @ParameterizedTest
    @ValueSource(doubles = {1e-6, 1e-30, 1e-45, Double.MIN_VALUE})
    void lowTemperatureIsGreedy(double temperature) {
        assertThat(text(options(40).temperature(temperature).topK(0).seed(1)))
                .isEqualTo(decided(options(40)));
    }

    /** Masked tokens stay masked, and no score becomes NaN. */
    @Test
    void infiniteTemperatureIsUniform() {
        GenerationConfig.Builder options =
                options(300)
                        .temperature(Double.MAX_VALUE)
                        .topK(0)
                        .seed(1)
                        .minNewTokens(300)
                        .eosTokenIds(List.of(0, 50));
        Set<Long> drawn = Arrays.stream(text(options)).boxed().collect(Collectors.toSet());
        assertThat(drawn).doesNotContain(0L, 50L).hasSizeGreaterThan(70);
    }

    @Test
    void theBestOfOneIsTheLikeliest() {
        long[] likeliest = decided(options(40));
        assertThat(text(options(40).topK(1).temperature(5).seed(1))).isEqualTo(likeliest);
        assertThat(text(options(40).minP(1).seed(1))).isEqualTo(likeliest);
        assertThat(text(options(40).topP(1e-9).seed(1))).isEqualTo(likeliest);
    }

    @Test
    void endTokensEndARowAndStayInIt() {
        long[] text = decided(options(40));
        int last = 12;
        int first = 0;
        while (text[first] != text[last]) {
            ++first;
        }
        Sequence row = row(options(40).eosTokenIds(List.of(0, (int) text[last])));
        assertThat(row.generated()).isEqualTo(Arrays.copyOf(text, first + 1));
        assertThat(row.finishReason()).isEqualTo(FinishReason.EOS);
    }

    @Test
    void endTokensRespectMinNewTokens() {
        long[] text = decided(options(40));
        GenerationConfig.Builder options = options(40).eosTokenIds(List.of((int) text[0]));
        assertThat(text(options)).hasSize(1);
        long[] longer = text(options.minNewTokens(7));
        assertThat(longer.length).isGreaterThanOrEqualTo(7);
        assertThat(Arrays.copyOf(longer, 7)).doesNotContain(text[0]);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 9})
    void noMoreThanTheGreatestLength(int tokens) {
        GenerationResult result = generator.generate(List.of(prompt), options(tokens).build());
        Sequence row = result.sequences().get(0);
        assertThat(row.generated()).isEqualTo(Arrays.copyOf(decided(options(20)), tokens));
        assertThat(row.finishReason()).isEqualTo(FinishReason.LENGTH);
        assertThat(row.logProbabilities()).hasSize(tokens);
        assertThat(result.decodedTokens()).isEqualTo(tokens - 1);
        assertThat(result.promptTokens()).isEqualTo(prompt.length);
    }
}
