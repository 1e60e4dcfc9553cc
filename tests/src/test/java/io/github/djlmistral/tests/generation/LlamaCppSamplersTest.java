/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.generation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import io.github.djlmistral.engine.generation.Generation;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.engine.generation.TokenDecoder;
import io.github.djlmistral.engine.internal.generation.LogitsProcessors;
import io.github.djlmistral.tests.model.Fixture;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The options that llama.cpp and OpenAI's API have beyond the reference's. */
class LlamaCppSamplersTest extends Fixture {

    private static final float OUT = Float.NEGATIVE_INFINITY;
    private static final Sequence PROMPT = new Sequence(new long[] {0});

    private static List<LogitsProcessor> chain(
            int vocabulary, @Nullable TokenDecoder decoder, String... options) {
        GenerationConfig.Builder builder = GenerationConfig.builder();
        for (String option : options) {
            builder.option(
                    option.substring(0, option.indexOf('=')),
                    option.substring(option.indexOf('=') + 1));
        }
        if (builder.build().doSample()) {
            builder.topK(0);
        }
        return LogitsProcessors.chain(
                builder.build(),
                List.of(),
                new LogitsProcessors.Context(vocabulary, 10_000, decoder));
    }

    private static float[] process(
            List<LogitsProcessor> chain, Sequence sequence, float... scores) {
        float[] processed = scores.clone();
        chain.forEach(processor -> processor.process(processed, sequence));
        return processed;
    }

    private static float[] process(Sequence sequence, float[] scores, String... options) {
        return process(chain(scores.length, null, options), sequence, scores);
    }

    private static float[] logarithms(double... probabilities) {
        float[] scores = new float[probabilities.length];
        for (int i = 0; i < scores.length; ++i) {
            scores[i] = (float) Math.log(probabilities[i]);
        }
        return scores;
    }

    private static int[] kept(float[] scores) {
        return IntStream.range(0, scores.length).filter(i -> scores[i] != OUT).toArray();
    }

    @Test
    void presenceAndFrequencyOfGeneratedTokens() {
        Sequence sequence = new Sequence(new long[] {0, 3, 3}, new long[] {1, 2, 1, 1});
        assertThat(
                        process(
                                sequence,
                                new float[] {1, 1, 1, 1},
                                "presence_penalty=0.5",
                                "frequency_penalty=0.25"))
                .containsExactly(1, -0.25f, 0.25f, 1);
        assertThat(process(sequence, new float[] {1, 1, 1, 1}, "presence_penalty=-2"))
                .containsExactly(1, 3, 3, 1);
    }

    @Test
    void logitBias() {
        assertThat(process(PROMPT, new float[] {1, 2, 3}, "logit_bias=0:-100;2:0.5"))
                .containsExactly(-99, 2, 3.5f);
    }

    private static String penalties(float[] scores) {
        return IntStream.range(0, scores.length)
                .mapToObj(i -> Integer.toString((int) -scores[i]))
                .collect(Collectors.joining(" "));
    }

    /**
     * After {@code a b c c b c y a b c}: c would continue {@code a b c}, y would continue {@code b
     * c}, and b would continue c.
     */
    @ParameterizedTest
    @CsvSource({
        "1, -1, 0 1 4 2",
        "2, -1, 0 0 2 1",
        "3, -1, 0 0 1 0",
        "4, -1, 0 0 0 0",
        "1, 0, 0 0 0 0",
        // the last 5 tokens are c y a b c
        "1, 5, 0 0 0 1"
    })
    void dryPenalizesWhatWouldContinueARepetition(int allowed, int lastTokens, String expected) {
        Sequence sequence = new Sequence(new long[] {0, 1, 2, 2, 1}, new long[] {2, 3, 0, 1, 2});
        float[] scores =
                process(
                        sequence,
                        new float[4],
                        "dry_multiplier=1",
                        "dry_base=2",
                        "dry_allowed_length=" + allowed,
                        "dry_penalty_last_n=" + lastTokens);
        assertThat(penalties(scores)).isEqualTo(expected);
    }

    @ParameterizedTest
    @CsvSource({
        // repetitions end at a, so that c and y continue 2 tokens
        "a, 0 1 2 2",
        // y is never penalized
        "y, 0 1 4 0",
        // the last token ends all repetitions
        "c, 0 0 0 0"
    })
    void dryStopsAtSequenceBreakers(String breaker, String expected) {
        Sequence sequence = new Sequence(new long[] {0, 1, 2, 2, 1}, new long[] {2, 3, 0, 1, 2});
        List<LogitsProcessor> chain =
                chain(
                        4,
                        ids -> " " + "abcy".charAt((int) ids[0]),
                        "dry_multiplier=1",
                        "dry_base=2",
                        "dry_allowed_length=1",
                        "dry_sequence_breakers=" + breaker);
        float[] scores = process(chain, sequence, new float[4]);
        assertThat(penalties(scores)).isEqualTo(expected);
    }

    /** Against the definition, in quadratic time. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6})
    void dryFindsTheLongestRepetitions(long seed) {
        Random random = new Random(seed);
        long[] ids = random.longs(200, 0, 2 + seed / 3).toArray();
        int vocabulary = 6;
        double[] expected = new double[vocabulary];
        for (int end = 1; end < ids.length; ++end) { // ids[end] would follow again
            int length = 0;
            while (length < end && ids[end - 1 - length] == ids[ids.length - 1 - length]) {
                ++length;
            }
            if (length >= 3) {
                int id = (int) ids[end];
                expected[id] = Math.max(expected[id], 0.5 * Math.pow(1.25, length - 3));
            }
        }
        float[] scores =
                process(
                        new Sequence(ids),
                        new float[vocabulary],
                        "dry_multiplier=0.5",
                        "dry_base=1.25",
                        "dry_allowed_length=3");
        for (int id = 0; id < vocabulary; ++id) {
            assertThat((double) -scores[id]).isCloseTo(expected[id], within(1e-5 * expected[id]));
        }
        assertThat(Arrays.stream(expected).sum()).isPositive();
    }

    /** The exponent is not bounded, the penalty is. */
    @Test
    void dryStaysFinite() {
        long[] ids = new long[5000];
        assertThat(process(new Sequence(ids), new float[2], "dry_multiplier=5", "dry_base=4"))
                .containsExactly(-Float.MAX_VALUE, 0);
    }

    @ParameterizedTest
    @CsvSource({"0.1, 2 3", "0.2, 1 2 3", "0.4, 0 1 2 3", "0.04, 3", "0, 3"})
    void xtcKeepsTheLeastLikelyTopChoice(double threshold, String expected) {
        int[] kept =
                kept(
                        process(
                                PROMPT,
                                logarithms(0.5, 0.3, 0.15, 0.05),
                                "xtc_probability=1",
                                "xtc_threshold=" + threshold));
        assertThat(kept)
                .containsExactly(
                        Arrays.stream(expected.split(" ")).mapToInt(Integer::parseInt).toArray());
    }

    /** The share of exclusions is within five standard deviations. */
    @Test
    void xtcHasItsProbabilityAndRepeatsItself() {
        List<LogitsProcessor> chain = chain(3, null, "xtc_probability=0.3", "seed=5");
        List<LogitsProcessor> same = chain(3, null, "xtc_probability=0.3", "seed=5");
        List<LogitsProcessor> other = chain(3, null, "xtc_probability=0.3", "seed=6");
        float[] scores = logarithms(0.4, 0.3, 0.3);
        int excluded = 0;
        int both = 0;
        int texts = 2000;
        for (int i = 0; i < texts; ++i) {
            Sequence sequence = new Sequence(new long[] {i / 40, i % 40});
            boolean drawn = kept(process(chain, sequence, scores)).length == 1;
            assertThat(kept(process(chain, sequence, scores)).length == 1).isEqualTo(drawn);
            assertThat(kept(process(same, sequence, scores)).length == 1).isEqualTo(drawn);
            excluded += drawn ? 1 : 0;
            both += drawn && kept(process(other, sequence, scores)).length == 1 ? 1 : 0;
        }
        assertThat(excluded).isCloseTo(600, within(5 * 21));
        // independent draws
        assertThat(both).isCloseTo(180, within(5 * 13));
    }

    @Test
    void topNSigma() {
        // mean 3, standard deviation 3
        float[] scores = {9, 5, 3, 2, 2, 1.5f, 1.5f, 0, OUT};
        assertThat(kept(process(PROMPT, scores, "top_n_sigma=1"))).containsExactly(0);
        for (String temperature : List.of("0.5", "1", "3")) {
            assertThat(kept(process(PROMPT, scores, "top_n_sigma=2", "temperature=" + temperature)))
                    .containsExactly(0, 1);
        }
        assertThat(process(PROMPT, scores, "top_n_sigma=-1")).containsExactly(scores);
        assertThat(process(PROMPT, scores, "top_n_sigma=0")).containsExactly(scores);
    }

    @Test
    void dynamicTemperatureFollowsTheEntropy() {
        float[] scores = logarithms(0.5, 0.25, 0.25, 0);
        double entropy = 1.5 * Math.log(2) / Math.log(3); // of at most 1
        for (double exponent : new double[] {1, 2, 0.5}) {
            double temperature = 0.75 + 0.5 * Math.pow(entropy, exponent);
            float[] processed =
                    process(PROMPT, scores, "dynatemp_range=0.25", "dynatemp_exponent=" + exponent);
            for (int i = 0; i < 3; ++i) {
                assertThat((double) processed[i]).isCloseTo(scores[i] / temperature, within(1e-6));
            }
            assertThat(processed[3]).isEqualTo(OUT);
        }
        // all tokens equally likely: the highest temperature
        assertThat(process(PROMPT, new float[] {1, 1}, "temperature=1.5", "dynatemp_range=0.5"))
                .containsExactly(0.5f, 0.5f);
        // certainty: the lowest one, and none where a single token is left
        assertThat(process(PROMPT, new float[] {500, 1}, "dynatemp_range=0.5"))
                .containsExactly(1000, 2);
        assertThat(process(PROMPT, new float[] {1, OUT}, "dynatemp_range=0.5"))
                .containsExactly(1, OUT);
    }

    /** The surprises of the scores are 1, 2, 3, 4, 5, 5 bits; mu starts with 2 tau. */
    @Test
    void mirostatAllowsASurpriseOfMu() {
        float[] scores = logarithms(0.5, 0.25, 0.125, 0.0625, 0.03125, 0.03125);
        List<LogitsProcessor> chain =
                chain(6, null, "mirostat=2", "mirostat_tau=2.001", "top_p=0.1", "typical_p=0.1");
        // again and again if the token could not be selected
        for (int repeated = 0; repeated < 3; ++repeated) {
            assertThat(kept(process(chain, PROMPT, scores))).containsExactly(0, 1, 2, 3);
        }
        assertThat(kept(process(PROMPT, scores, "mirostat=2", "mirostat_tau=0.1")))
                .containsExactly(0);
    }

    /**
     * Generates from constant probabilities, and follows mu with the surprises of the generated
     * tokens.
     */
    @Test
    void mirostatAdaptsMuToTheSurprise() throws Exception {
        double tau = 2.5;
        double eta = 0.4;
        GenerationConfig config =
                GenerationConfig.builder()
                        .maxNewTokens(400)
                        .seed(4)
                        .option("mirostat", 2)
                        .option("mirostat_tau", tau)
                        .option("mirostat_eta", eta)
                        .option("output_scores", true)
                        .build();
        int vocabulary = 99;
        double[] probabilities = new double[vocabulary];
        Arrays.setAll(probabilities, i -> 1.0 / (i + 1));
        double norm = Arrays.stream(probabilities).sum();
        Arrays.setAll(probabilities, i -> probabilities[i] / norm);
        float[] constant = logarithms(probabilities);
        LogitsProcessor custom =
                (scores, row) -> System.arraycopy(constant, 0, scores, 0, vocabulary);
        Generator generator = new Generator(load("window8-f32", "torch"), manager, null);
        List<Sequence> sequences;
        try (Generation generation =
                generator.start(List.of(new long[] {1}, new long[] {2, 3}), config, custom)) {
            while (!generation.next().isEmpty()) {
                // to the end
            }
            sequences = generation.result().sequences();
        }
        for (Sequence sequence : sequences) {
            double mu = 2 * tau;
            double total = 0;
            for (int i = 0; i < sequence.generatedLength(); ++i) {
                double mass = 0;
                int count = 0;
                while (count == 0 || -Math.log(probabilities[count]) / Math.log(2) <= mu) {
                    mass += probabilities[count++];
                }
                assertThat(kept(sequence.scores().get(i)))
                        .as("token %d", i)
                        .containsExactly(IntStream.range(0, count).toArray());
                int id = (int) sequence.generated()[i];
                double surprise = -Math.log(probabilities[id] / mass) / Math.log(2);
                mu -= eta * (surprise - tau);
                total += surprise;
            }
            assertThat(sequence.generatedLength()).isEqualTo(400);
            assertThat(total / 400).isCloseTo(tau, within(0.05));
        }
        assertThat(sequences.get(0).generated()).isNotEqualTo(sequences.get(1).generated());
    }
}
