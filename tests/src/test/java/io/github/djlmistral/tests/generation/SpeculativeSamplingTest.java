/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.generation;

import static org.assertj.core.api.Assertions.assertThat;

import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.engine.generation.SpeculationMetrics;
import io.github.djlmistral.engine.internal.generation.LogitsProcessors;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.tests.kernels.RandomNetwork;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Sampling with an assistant draws from the distribution of the network. */
class SpeculativeSamplingTest extends SpeculationFixture {

    private static final long[] PROMPT = {3, 1, 4, 1, 5};

    private final Map<String, double[]> distributions = new HashMap<>();

    /**
     * Chi-squared test of the last three of four tokens, of which the first two are drafted: with n
     * categories of at least 5 expected draws the statistic has mean n - 1 and variance about 2 (n
     * - 1); five standard deviations above are exceeded by chance for one in 10^5 seeds, and the
     * seeds are fixed. It finds what it should: draws of the assistant itself are far off.
     */
    @ParameterizedTest
    @CsvSource({"0, 1, 0.7", "3, 1, 1.5", "0, 1.3, 1"})
    void samplingHasTheDistributionOfTheNetwork(int topK, double penalty, double temperature)
            throws Exception {
        MistralConfig config = RandomNetwork.config(0).toBuilder().vocabSize(6).build();
        MistralForCausalLM network = network(config, "float32", "native");
        MistralForCausalLM assistant = network(config, OTHER, "native");
        GenerationConfig.Builder options =
                constant(options(4)).temperature(temperature).topK(topK).repetitionPenalty(penalty);
        double[] expected = new double[216];
        double[] first = distribution(network, PROMPT, options);
        for (int a = 0; a < 6; ++a) {
            for (int i = 0; i < 216; ++i) {
                double[] second = distribution(network, then(PROMPT, a), options);
                double[] third = distribution(network, then(PROMPT, a, i / 36), options);
                double[] fourth =
                        distribution(network, then(PROMPT, a, i / 36, i / 6 % 6), options);
                expected[i] += first[a] * second[i / 36] * third[i / 6 % 6] * fourth[i % 6];
            }
        }
        Generator assisted = generator(network, assistant);
        int[] counts = counts(assisted, options);
        assertThat(excess(counts, expected)).isLessThan(5);
        assertThat(excess(counts(generator(assistant, null), options), expected)).isGreaterThan(50);
        SpeculationMetrics metrics =
                generate(assisted, PROMPT, options.copy().seed(1)).speculation();
        assertThat(metrics.drafted()).isPositive();
    }

    private static long[] then(long[] ids, long... more) {
        long[] all = Arrays.copyOf(ids, ids.length + more.length);
        System.arraycopy(more, 0, all, ids.length, more.length);
        return all;
    }

    /** The distribution of the token after a text, from a pass without a cache. */
    private double[] distribution(
            MistralForCausalLM network, long[] ids, GenerationConfig.Builder options) {
        return distributions.computeIfAbsent(
                Arrays.toString(ids),
                key -> {
                    float[] scores = logits(network, ids)[ids.length - 1].clone();
                    Sequence sequence = new Sequence(ids);
                    LogitsProcessors.chain(
                                    options.build(),
                                    List.of(),
                                    new LogitsProcessors.Context(6, 2048, null))
                            .forEach(processor -> processor.process(scores, sequence));
                    return softmax(scores);
                });
    }

    /** How often the last three of four tokens were drawn. */
    private static int[] counts(Generator generator, GenerationConfig.Builder options) {
        int[] counts = new int[216];
        for (int seed = 0; seed < 32; ++seed) {
            GenerationConfig config = options.copy().seed(seed).build();
            for (Sequence row :
                    generator.generate(Collections.nCopies(128, PROMPT), config).sequences()) {
                long[] ids = row.generated();
                ++counts[(int) (36 * ids[1] + 6 * ids[2] + ids[3])];
            }
        }
        return counts;
    }

    /** The standard deviations of the chi-squared statistic above its mean. */
    private static double excess(int[] counts, double[] probabilities) {
        double total = Arrays.stream(counts).sum();
        double statistic = 0;
        int categories = 0;
        double rareExpected = 0;
        int rare = 0;
        for (int i = 0; i < counts.length; ++i) {
            double expected = probabilities[i] * total;
            if (expected == 0 && counts[i] > 0) {
                return Double.POSITIVE_INFINITY;
            }
            if (expected < 5) {
                rareExpected += expected;
                rare += counts[i];
            } else {
                statistic += Math.pow(counts[i] - expected, 2) / expected;
                ++categories;
            }
        }
        if (rareExpected > 0) {
            statistic += Math.pow(rare - rareExpected, 2) / rareExpected;
            ++categories;
        }
        int freedom = categories - 1;
        assertThat(freedom).isGreaterThan(5);
        return (statistic - freedom) / Math.sqrt(2.0 * freedom);
    }
}
