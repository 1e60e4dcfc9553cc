/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.generation;

import static io.github.djlmistral.tests.Leaks.resources;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.generation.BeamOptions;
import io.github.djlmistral.engine.generation.ConstraintOptions;
import io.github.djlmistral.engine.generation.FinishReason;
import io.github.djlmistral.engine.generation.Generation;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.engine.generation.Token;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.tests.model.Fixture;
import io.github.djlmistral.tests.model.Reference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Beam search, beam sampling and guidance give the sequences and scores that transformers does,
 * recorded where noise of twice {@link #LOGITS} changes no token.
 */
class BeamSearchTest extends Fixture {

    private static final JsonObject RECORDED = Reference.json(Reference.directory("beams.json"));

    static Stream<Arguments> cases() {
        return RECORDED.keySet().stream()
                .flatMap(
                        checkpoint ->
                                RECORDED.getAsJsonArray(checkpoint).asList().stream()
                                        .map(c -> c.getAsJsonObject())
                                        .filter(c -> c.has("outputs"))
                                        .flatMap(
                                                c ->
                                                        Stream.of("reference", "torch", "native")
                                                                .map(
                                                                        kernels ->
                                                                                Arguments.of(
                                                                                        checkpoint,
                                                                                        kernels,
                                                                                        name(c)))));
    }

    private static String name(JsonObject recorded) {
        return recorded.get("name").getAsString();
    }

    private static JsonObject recorded(String checkpoint, String name) {
        return RECORDED.getAsJsonArray(checkpoint).asList().stream()
                .map(c -> c.getAsJsonObject())
                .filter(c -> name(c).equals(name))
                .findFirst()
                .orElseThrow();
    }

    private static GenerationConfig.Builder options(JsonObject recorded) {
        GenerationConfig.Builder options = GenerationConfig.builder();
        recorded.getAsJsonObject("options")
                .asMap()
                .forEach(
                        (name, value) -> {
                            if (value.isJsonArray()) {
                                List<Integer> ids = new ArrayList<>();
                                value.getAsJsonArray().forEach(id -> ids.add(id.getAsInt()));
                                options.option(name, ids);
                            } else {
                                options.option(name, value.getAsString());
                            }
                        });
        return options;
    }

    private static List<long[]> prompts(JsonObject recorded) {
        return recorded.getAsJsonArray("prompts").asList().stream().map(Reference::ids).toList();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void equalsTheReference(String checkpoint, String kernels, String name) throws Exception {
        assumeAvailable(kernels);
        MistralForCausalLM network = load(checkpoint, kernels);
        JsonObject recorded = recorded(checkpoint, name);
        GenerationConfig config = options(recorded).prefillChunkSize(5).build();
        List<Sequence> sequences =
                new Generator(network, manager, null)
                        .generate(prompts(recorded), config)
                        .sequences();
        JsonArray outputs = recorded.getAsJsonArray("outputs");
        assertThat(sequences).hasSize(outputs.size());
        for (int i = 0; i < outputs.size(); ++i) {
            Sequence sequence = sequences.get(i);
            assertThat(sequence.generated()).isEqualTo(Reference.ids(outputs.get(i)));
            boolean ended = config.eosTokenIds().contains((int) sequence.id(sequence.length() - 1));
            assertThat(sequence.finishReason())
                    .isEqualTo(ended ? FinishReason.EOS : FinishReason.LENGTH);
            if (recorded.has("scores")) {
                double penalty = config.get(BeamOptions.LENGTH_PENALTY);
                int length = sequence.generatedLength();
                // each log-probability of the sum may differ
                double tolerance = LOG_PROBABILITIES * length / Math.pow(length, penalty);
                double score = recorded.getAsJsonArray("scores").get(i).getAsDouble();
                assertThat(Math.abs(sequence.beamScore() - score)).isLessThan(tolerance);
            } else {
                assertThat(sequence.beamScore()).isNull();
            }
        }
    }

    /** The two caches of a sequence are forked and continued together. */
    @ParameterizedTest
    @CsvSource({"1, 1, false", "1, 3, true", "3, 2, false"})
    void guidanceByThePromptItselfChangesNothing(int beams, int count, boolean sample)
            throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        long[] prompt = prompt(network, 6, 11);
        GenerationConfig.Builder options =
                GenerationConfig.builder()
                        .maxNewTokens(12)
                        .set(BeamOptions.NUM_BEAMS, beams)
                        .set(BeamOptions.NUM_RETURN_SEQUENCES, count)
                        .doSample(sample)
                        .seed(3)
                        .prefillChunkSize(4);
        GenerationConfig guided =
                options.copy()
                        .set(ConstraintOptions.GUIDANCE_SCALE, 2.5)
                        .set(
                                ConstraintOptions.NEGATIVE_PROMPT_IDS,
                                Arrays.stream(prompt).mapToObj(id -> (int) id).toList())
                        .build();
        Generator generator = new Generator(network, manager, null);
        List<Sequence> plain = generator.generate(List.of(prompt), options.build()).sequences();
        List<Sequence> sequences = generator.generate(List.of(prompt), guided).sequences();
        assertThat(sequences).hasSize(count);
        for (int i = 0; i < count; ++i) {
            assertThat(sequences.get(i).generated()).isEqualTo(plain.get(i).generated());
        }
    }

    /** Without processors the score is the mean log-probability of the tokens. */
    @Test
    void scoreIsTheMeanLogProbability() throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        GenerationConfig config = options(recorded("window8-f32", "beams")).build();
        Sequence best =
                new Generator(network, manager, null)
                        .generate(List.of(prompt(network, 3, 7)), config)
                        .sequences()
                        .get(0);
        float sum = 0;
        for (float logProbability : best.logProbabilities()) {
            sum += logProbability;
        }
        assertThat(Math.abs(best.beamScore() - sum / best.generatedLength())).isLessThan(1e-4f);
    }

    /** One call computes all: tokens are final only at the end. */
    @Test
    void tokensAreGivenAtTheEnd() throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        JsonObject recorded = recorded("window8-f32", "batch");
        int before = resources(manager);
        try (Generation generation =
                new Generator(network, manager, null)
                        .start(prompts(recorded), options(recorded).build())) {
            List<Token> tokens = generation.next();
            List<Sequence> sequences = generation.result().sequences();
            List<Long> ids =
                    sequences.stream()
                            .flatMap(sequence -> Arrays.stream(sequence.generated()).boxed())
                            .toList();
            assertThat(tokens).extracting(Token::id).isEqualTo(ids);
            assertThat(tokens.stream().filter(token -> token.finishReason() != null))
                    .extracting(Token::batchIndex)
                    .containsExactly(0, 1, 2, 3, 4, 5);
            assertThat(generation.next()).isEmpty();
            assertThat(resources(manager)).isLessThan(before + 10);
        }
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 6})
    void cancelledBeamSearchHasTheBestSoFar(int pass) throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        JsonObject recorded = recorded("window8-f32", "beams");
        GenerationConfig config = options(recorded).build();
        new Generator(network, manager, null).generate(prompts(recorded), config);
        int before = resources(manager);
        Generation[] generation = new Generation[1];
        int[] passes = new int[1];
        Kernels kernels =
                before(
                        network.kernels(),
                        "embedding",
                        () -> {
                            if (++passes[0] == pass) {
                                generation[0].cancel();
                            }
                        });
        try (Generation started =
                new Generator(through(kernels, network), manager, null)
                        .start(prompts(recorded), config)) {
            generation[0] = started;
            assertThat(started.next()).isEmpty();
            Sequence row = started.result().sequences().get(0);
            assertThat(row.generatedLength()).isEqualTo(pass - 1);
            assertThat(row.finishReason()).isEqualTo(FinishReason.CANCELLED);
            assertThat(passes[0]).isEqualTo(pass);
        }
        assertThat(resources(manager)).isEqualTo(before);
    }

    /** A failed pass or processor is repeated, and caches are neither lost nor used twice. */
    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 7})
    void failuresAreRepeated(int pass) throws Exception {
        MistralForCausalLM network = load("nowindow-tied-sharded", "torch");
        JsonObject recorded = recorded("nowindow-tied-sharded", "beams");
        GenerationConfig config = options(recorded).build();
        int[] calls = new int[2];
        int layers = network.config().numHiddenLayers();
        Kernels kernels =
                before(
                        network.kernels(),
                        "swiGlu",
                        () -> {
                            if (++calls[0] == (pass - 1) * layers + 2) {
                                throw new IllegalCallerException("no memory");
                            }
                        });
        LogitsProcessor failing =
                (scores, row) -> {
                    if (++calls[1] == 4 * pass + 2) {
                        throw new IllegalCallerException("not now");
                    }
                };
        new Generator(network, manager, null).generate(prompts(recorded), config);
        int before = resources(manager);
        try (Generation generation =
                new Generator(through(kernels, network), manager, null)
                        .start(prompts(recorded), config, failing)) {
            for (int failure = 0; failure < 2; ++failure) {
                assertThatThrownBy(generation::next).isInstanceOf(IllegalCallerException.class);
            }
            assertThat(generation.next()).isNotEmpty();
            assertThat(generation.result().sequences().get(0).generated())
                    .isEqualTo(Reference.ids(recorded.getAsJsonArray("outputs").get(0)));
        }
        assertThat(resources(manager)).isEqualTo(before);
    }

    @Test
    void aStepThatAllowsNoTokenIsAnError() throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        GenerationConfig config =
                GenerationConfig.builder().set(BeamOptions.NUM_BEAMS, 3).maxNewTokens(5).build();
        LogitsProcessor none =
                (scores, row) -> {
                    if (row.generatedLength() == 2) {
                        Arrays.fill(scores, Float.NEGATIVE_INFINITY);
                    }
                };
        try (Generation generation =
                new Generator(network, manager, null)
                        .start(List.of(prompt(network, 1, 4)), config, none)) {
            assertThatIllegalStateException()
                    .isThrownBy(generation::next)
                    .withMessageContaining("for token 6 are all -Infinity");
        }
    }

    /**
     * Chi-squared test of the sets of three tokens that are drawn without replacement; see {@link
     * SamplingTest#drawsFollowTheSoftmax} for the limit.
     */
    @Test
    void beamSamplingDrawsWithoutReplacement() throws Exception {
        MistralForCausalLM network = load("window8-f32", "auto");
        JsonObject recorded = recorded("window8-f32", "beam sampling");
        JsonArray probabilities = recorded.getAsJsonArray("probabilities");
        double[] p = new double[probabilities.size()];
        Arrays.setAll(p, i -> probabilities.get(i).getAsDouble());
        int[] allowed = IntStream.range(0, p.length).filter(i -> p[i] > 0).toArray();
        Map<Set<Long>, Double> expected = new HashMap<>();
        for (long a : allowed) {
            for (long b : allowed) {
                for (long c : allowed) {
                    if (a != b && b != c && a != c) {
                        double second = p[(int) b] / (1 - p[(int) a]);
                        double third = p[(int) c] / (1 - p[(int) a] - p[(int) b]);
                        expected.merge(Set.of(a, b, c), p[(int) a] * second * third, Double::sum);
                    }
                }
            }
        }
        Map<Set<Long>, Integer> counts = new HashMap<>();
        Generator generator = new Generator(network, manager, null);
        int batch = 100;
        int seeds = 30;
        List<long[]> prompts = Collections.nCopies(batch, prompts(recorded).get(0));
        for (int seed = 0; seed < seeds; ++seed) {
            GenerationConfig config = options(recorded).seed(seed).build();
            List<Sequence> sequences = generator.generate(prompts, config).sequences();
            for (int i = 0; i < batch; ++i) {
                Set<Long> drawn =
                        sequences.subList(3 * i, 3 * i + 3).stream()
                                .map(sequence -> sequence.generated()[0])
                                .collect(Collectors.toSet());
                counts.merge(drawn, 1, Integer::sum);
            }
        }
        assertThat(expected.keySet()).containsAll(counts.keySet());
        double statistic = 0;
        int categories = 0;
        for (Map.Entry<Set<Long>, Double> entry : expected.entrySet()) {
            double count = entry.getValue() * batch * seeds;
            if (count >= 5) {
                statistic += Math.pow(counts.getOrDefault(entry.getKey(), 0) - count, 2) / count;
                ++categories;
            }
        }
        int freedom = categories - 1;
        assertThat(freedom).isGreaterThan(5);
        assertThat(statistic).isLessThan(freedom + 5 * Math.sqrt(2.0 * freedom));
    }
}
