/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.generation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.djlmistral.engine.cache.PrefixCache;
import io.github.djlmistral.engine.generation.AssistantTokensSchedule;
import io.github.djlmistral.engine.generation.Batching;
import io.github.djlmistral.engine.generation.FinishReason;
import io.github.djlmistral.engine.generation.Generation;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.GenerationResult;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.RequestLimits;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.engine.generation.SpeculationMetrics;
import io.github.djlmistral.engine.generation.SpeculationOptions;
import io.github.djlmistral.engine.generation.Token;
import io.github.djlmistral.engine.internal.generation.LogitsProcessors;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.tests.kernels.RandomNetwork;
import io.github.djlmistral.tests.model.Fixture;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Drafted tokens change the number of passes, and nothing else. */
class SpeculationTest extends Fixture {

    private static final long[] PROMPT = {3, 1, 4, 1, 5};

    private final Map<String, double[]> distributions = new HashMap<>();

    /** Similar to the network of type float32: most of its drafts are accepted. */
    private static final String SIMILAR = "bfloat16";

    /** Another network: few of its drafts are accepted. */
    private static final String OTHER = "int4 g32";

    private MistralForCausalLM network(MistralConfig config, String kind, String kernels)
            throws Exception {
        assumeAvailable(kernels);
        return MistralForCausalLM.of(
                config,
                RandomNetwork.weights(config, kind),
                kind,
                manager,
                new ComputeOptions(kernels, "float32"));
    }

    private MistralForCausalLM network(int window, String kind, String kernels) throws Exception {
        return network(RandomNetwork.config(window), kind, kernels);
    }

    private Generator generator(
            MistralForCausalLM network, @Nullable MistralForCausalLM assistant) {
        return new Generator(
                network,
                manager,
                null,
                RequestLimits.unlimited(),
                Batching.DEFAULT,
                null,
                assistant);
    }

    private static GenerationConfig.Builder options(int tokens) {
        return GenerationConfig.builder().maxNewTokens(tokens);
    }

    private static GenerationConfig.Builder lookup(GenerationConfig.Builder options, int tokens) {
        return options.copy().set(SpeculationOptions.PROMPT_LOOKUP_NUM_TOKENS, tokens);
    }

    private static GenerationConfig.Builder constant(GenerationConfig.Builder options) {
        return options.copy()
                .set(
                        SpeculationOptions.NUM_ASSISTANT_TOKENS_SCHEDULE,
                        AssistantTokensSchedule.CONSTANT)
                .set(SpeculationOptions.ASSISTANT_CONFIDENCE_THRESHOLD, 0.0);
    }

    /** A prompt that says the same twice, so that there is something to look up. */
    private static long[] repetitive(long seed) {
        long[] prompt = new Random(seed).longs(40, 3, 77).toArray();
        System.arraycopy(prompt, 0, prompt, 20, 17);
        return prompt;
    }

    private static GenerationResult generate(
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

    private static void assertSame(GenerationResult actual, GenerationResult expected) {
        Sequence text = actual.sequences().get(0);
        Sequence plain = expected.sequences().get(0);
        assertThat(text.generated()).isEqualTo(plain.generated());
        assertThat(text.logProbabilities()).isEqualTo(plain.logProbabilities());
        assertThat(text.finishReason()).isEqualTo(plain.finishReason());
    }

    /**
     * The window is shorter and longer than the drafts, and rolls. Every bit of the log-probability
     * of each token is the same.
     */
    @ParameterizedTest
    @CsvSource({
        "0, float32, 1",
        "0, int4 g32, 1",
        "0, bfloat16, 1.3",
        "5, float32, 1",
        "16, bfloat16, 1",
        "40, float32, 1.3"
    })
    void greedyTextIsThatOfPlainDecoding(int window, String kind, double penalty) throws Exception {
        MistralForCausalLM network = network(window, kind, "native");
        MistralForCausalLM similar = network(window, SIMILAR, "native");
        MistralForCausalLM other = network(0, OTHER, "native");
        GenerationConfig.Builder options = options(100).repetitionPenalty(penalty);
        long[] prompt = repetitive(3);
        GenerationResult plain = generate(generator(network, null), prompt, options);
        assertThat(plain.speculation()).isEqualTo(SpeculationMetrics.NONE);
        for (int tokens : new int[] {1, 11}) {
            GenerationConfig.Builder more =
                    options.copy().set(SpeculationOptions.NUM_ASSISTANT_TOKENS, tokens);
            for (GenerationConfig.Builder each : List.of(more, constant(more))) {
                Generator generator = generator(network, null);
                assertSame(generate(generator, prompt, lookup(each, tokens)), plain);
                assertSame(generate(generator(network, similar), prompt, each), plain);
                assertSame(generate(generator(network, other), prompt, each), plain);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"torch", "reference"})
    void greedyTextIsThatOfPlainDecodingWithinTolerance(String kernels) throws Exception {
        MistralForCausalLM network = network(16, "float32", kernels);
        GenerationConfig.Builder options = options(40);
        long[] prompt = repetitive(5);
        Sequence plain = generate(generator(network, null), prompt, options).sequences().get(0);
        assertDecided(network, List.of(prompt), options.build(), List.of(plain));
        Generator assisted = generator(network, network(0, SIMILAR, kernels));
        for (GenerationResult result :
                List.of(
                        generate(assisted, prompt, constant(lookup(options, 6))),
                        generate(assisted, prompt, constant(options)))) {
            Sequence text = result.sequences().get(0);
            assertThat(text.generated()).isEqualTo(plain.generated());
            assertClose(text.logProbabilities(), plain.logProbabilities(), LOG_PROBABILITIES);
            assertThat(result.speculation().accepted()).isPositive();
        }
    }

    /** Drawing from the network's distribution is how a token that was looked up is verified. */
    @Test
    void promptLookupDrawsTheTokensThatPlainSamplingDraws() throws Exception {
        MistralForCausalLM network = network(16, "float32", "native");
        Generator generator = generator(network, null);
        GenerationConfig.Builder options = options(80).temperature(0.3).topP(0.9).seed(4);
        GenerationResult plain = generate(generator, repetitive(7), options);
        GenerationResult result = generate(generator, repetitive(7), constant(lookup(options, 5)));
        assertSame(result, plain);
        assertThat(result.speculation().accepted()).isPositive();
    }

    /** The schedule decides how much is drafted; a prompt longer than a chunk takes several. */
    @ParameterizedTest
    @EnumSource(AssistantTokensSchedule.class)
    void schedulesAndChunksDoNotChangeTheText(AssistantTokensSchedule schedule) throws Exception {
        MistralForCausalLM network = network(0, "float32", "native");
        Generator assisted = generator(network, network(0, SIMILAR, "native"));
        GenerationConfig.Builder options =
                options(60)
                        .prefillChunkSize(7)
                        .set(SpeculationOptions.NUM_ASSISTANT_TOKENS_SCHEDULE, schedule);
        GenerationResult plain = generate(generator(network, null), repetitive(1), options);
        assertSame(generate(assisted, repetitive(1), options), plain);
        assertSame(generate(assisted, repetitive(1), lookup(options, 4)), plain);
    }

    /** Several sequences at once, each with drafts of its own. */
    @Test
    void aBatchGivesTheTextsOfItsPrompts() throws Exception {
        MistralForCausalLM network = network(16, "float32", "native");
        Generator plain = generator(network, null);
        Generator assisted = generator(network, network(0, SIMILAR, "native"));
        List<long[]> prompts = List.of(repetitive(1), new long[] {5}, repetitive(2));
        GenerationConfig.Builder options = constant(options(30));
        for (GenerationConfig config : List.of(options.build(), lookup(options, 3).build())) {
            List<Sequence> rows = assisted.generate(prompts, config).sequences();
            for (int i = 0; i < prompts.size(); ++i) {
                long[] alone =
                        generate(plain, prompts.get(i), options).sequences().get(0).generated();
                assertThat(rows.get(i).generated()).isEqualTo(alone);
            }
        }
    }

    /** With itself as the assistant every draft is right: n + 1 tokens a pass. */
    @Test
    void anAssistantThatIsRightSavesPasses() throws Exception {
        MistralForCausalLM network = network(0, "float32", "native");
        GenerationConfig.Builder options =
                constant(options(61)).set(SpeculationOptions.NUM_ASSISTANT_TOKENS, 4);
        SpeculationMetrics metrics =
                generate(generator(network, network), repetitive(1), options).speculation();
        // the first pass only lets the assistant's cache catch up; 59 = 11 * 5 + 4
        assertThat(metrics).isEqualTo(new SpeculationMetrics(47, 47, 13));
        assertThat(metrics.acceptance()).isEqualTo(1);
        assertThat(metrics.tokensPerPass()).isEqualTo(60 / 13.0);
    }

    /** The drafts are those of a search through the whole text. */
    @ParameterizedTest
    @CsvSource({"1, 3", "2, 5", "3, 2", "4, 10"})
    void promptLookupFindsTheLatestOccurrenceOfTheLongestNGram(int longest, int tokens)
            throws Exception {
        MistralForCausalLM network = network(0, "float32", "native");
        GenerationConfig.Builder options =
                constant(lookup(options(80).repetitionPenalty(1.1), tokens))
                        .set(SpeculationOptions.MAX_MATCHING_NGRAM_SIZE, longest);
        GenerationResult result = generate(generator(network, null), repetitive(9), options);
        Sequence text = result.sequences().get(0);
        List<Long> ids = new ArrayList<>();
        for (int i = 0; i < text.length(); ++i) {
            ids.add(text.id(i));
        }
        int end = text.promptLength() + 1;
        int drafted = 0;
        int accepted = 0;
        int passes = 0;
        while (end < ids.size()) {
            int most = Math.min(tokens, ids.size() - end - 1);
            List<Long> draft = search(ids.subList(0, end), longest, most);
            int matches = 0;
            while (matches < draft.size() && draft.get(matches).equals(ids.get(end + matches))) {
                ++matches;
            }
            drafted += draft.size();
            accepted += matches;
            ++passes;
            end += matches + 1;
        }
        assertThat(accepted).isBetween(10, drafted - 5);
        assertThat(result.speculation())
                .isEqualTo(new SpeculationMetrics(drafted, accepted, passes));
    }

    private static List<Long> search(List<Long> ids, int longest, int most) {
        int end = ids.size();
        for (int n = Math.min(longest, end - 1); n > 0; --n) {
            for (int at = end - 1; at >= n; --at) {
                if (ids.subList(at - n, at).equals(ids.subList(end - n, end))) {
                    List<Long> draft = new ArrayList<>(ids);
                    while (draft.size() < end + most) {
                        draft.add(draft.get(draft.size() - (end - at)));
                    }
                    return draft.subList(end, end + most);
                }
            }
        }
        return List.of();
    }

    /** What a processor sees: the length of the sequence and its last token. */
    @Test
    void processorsSeeTheSequenceUpToTheirToken() throws Exception {
        MistralForCausalLM network = network(0, "float32", "native");
        List<List<Long>> plain = new ArrayList<>();
        List<List<Long>> speculative = new ArrayList<>();
        Generator generator = generator(network, null);
        generate(generator, repetitive(1), options(50), (scores, row) -> plain.add(seen(row)));
        GenerationResult result =
                generate(
                        generator,
                        repetitive(1),
                        constant(lookup(options(50), 6)),
                        (scores, row) -> speculative.add(seen(row)));
        assertThat(result.speculation().accepted()).isPositive();
        assertThat(speculative).isEqualTo(plain);
    }

    private static List<Long> seen(Sequence row) {
        return List.of((long) row.length(), row.id(row.length() - 1));
    }

    /** The draft goes on behind the token that ends the text. */
    @Test
    void nothingFollowsTheEnd() throws Exception {
        MistralForCausalLM network = network(0, "float32", "native");
        GenerationConfig.Builder options = options(60);
        long[] text =
                generate(generator(network, null), repetitive(1), options)
                        .sequences()
                        .get(0)
                        .generated();
        Generator assisted =
                new Generator(
                        network,
                        manager,
                        SpeculationTest::decode,
                        RequestLimits.unlimited(),
                        null,
                        new PrefixCache(1 << 20),
                        network);
        for (int at : new int[] {20, 21, 22, 23}) {
            for (GenerationConfig.Builder each :
                    List.of(constant(options), constant(lookup(options, 9)))) {
                Sequence ended =
                        generate(
                                        assisted,
                                        repetitive(1),
                                        each.copy().eosTokenIds(List.of((int) text[at])))
                                .sequences()
                                .get(0);
                assertThat(ended.finishReason()).isEqualTo(FinishReason.EOS);
                assertThat(text).startsWith(ended.generated());
                assertThat(ended.generated()).endsWith(text[at]);
                assertThat(ended.generated()).containsOnlyOnce(text[at]);
                Sequence stopped =
                        generate(
                                        assisted,
                                        repetitive(1),
                                        each.copy().stopStrings(List.of(decode(text[at]))))
                                .sequences()
                                .get(0);
                assertThat(stopped.finishReason()).isEqualTo(FinishReason.STOP);
                assertThat(stopped.generated()).isEqualTo(ended.generated());
            }
        }
        for (int tokens = 1; tokens < 12; ++tokens) {
            GenerationConfig.Builder each = constant(options(tokens));
            Sequence row = generate(assisted, repetitive(1), each).sequences().get(0);
            assertThat(row.generated()).isEqualTo(Arrays.copyOf(text, tokens));
            assertThat(row.finishReason()).isEqualTo(FinishReason.LENGTH);
        }
    }

    private static String decode(long... ids) {
        StringBuilder text = new StringBuilder();
        for (long id : ids) {
            text.append('<').append(id).append('>');
        }
        return text.toString();
    }

    /** The tokens before the failure are delivered; the call that fails can be repeated. */
    @Test
    void aProcessorThatFailsAtADraftedTokenFailsThere() throws Exception {
        MistralForCausalLM network = network(0, "float32", "native");
        long[] prompt = repetitive(1);
        List<Long> plain = new ArrayList<>();
        for (long id :
                generate(generator(network, null), prompt, options(40))
                        .sequences()
                        .get(0)
                        .generated()) {
            plain.add(id);
        }
        boolean[] fails = {true};
        LogitsProcessor processor =
                (scores, row) -> {
                    if (fails[0] && row.generatedLength() == 23) {
                        throw new IllegalStateException("no");
                    }
                };
        for (GenerationConfig.Builder each :
                List.of(constant(options(40)), constant(lookup(options(40), 9)))) {
            fails[0] = true;
            List<Long> ids = new ArrayList<>();
            try (Generation generation =
                    generator(network, network).start(List.of(prompt), each.build(), processor)) {
                while (ids.size() < 23) {
                    generation.next().stream().map(Token::id).forEach(ids::add);
                }
                assertThat(ids).isEqualTo(plain.subList(0, 23));
                assertThatExceptionOfType(IllegalStateException.class)
                        .isThrownBy(generation::next)
                        .withMessage("no");
                fails[0] = false;
                List<Token> tokens = generation.next();
                while (!tokens.isEmpty()) {
                    tokens.stream().map(Token::id).forEach(ids::add);
                    tokens = generation.next();
                }
            }
            assertThat(ids).isEqualTo(plain);
        }
    }

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

    /** The assistant has fewer positions: the text goes on without its drafts. */
    @Test
    void anAssistantOfAShorterContextStopsDrafting() throws Exception {
        MistralForCausalLM network = network(0, "float32", "native");
        MistralConfig shorter =
                RandomNetwork.config(0).toBuilder().maxPositionEmbeddings(60).build();
        Generator assisted = generator(network, network(shorter, "float32", "native"));
        GenerationConfig.Builder options = constant(options(60));
        GenerationResult plain = generate(generator(network, null), repetitive(1), options);
        GenerationResult result = generate(assisted, repetitive(1), options);
        assertSame(result, plain);
        assertThat(result.speculation().drafted()).isBetween(10, 30);
    }

    @Test
    void vocabulariesMustBeEqual() throws Exception {
        MistralForCausalLM network = network(0, "float32", "reference");
        MistralConfig other = RandomNetwork.config(0).toBuilder().vocabSize(78).build();
        MistralForCausalLM assistant = network(other, "float32", "reference");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> generator(network, assistant))
                .withMessage(
                        "the vocabulary of the assistant model has 78 tokens, that of the model"
                                + " 77: choose an assistant model with the same tokenizer");
    }

    @Test
    void optionsHaveARange() {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> lookup(options(1), 129).build())
                .withMessage("prompt_lookup_num_tokens is 129, must be between 1 and 128");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> lookup(options(1), 2).option("num_beams", 3).build())
                .withMessageContaining("num_beams is 3, must be 1 with prompt_lookup_num_tokens");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> lookup(options(1), 2).option("guidance_scale", 1.5).build())
                .withMessageContaining("must be 1 with prompt_lookup_num_tokens");
    }
}
