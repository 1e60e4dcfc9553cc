/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.generation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.generation.Generation;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.LogitsProcessors;
import io.github.djlmistral.engine.generation.Row;
import io.github.djlmistral.tests.model.Fixture;
import io.github.djlmistral.tests.model.Reference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.Set;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Scores come out of the processors as out of the reference's. */
class LogitsProcessorsTest extends Fixture {

    private static final float OUT = Float.NEGATIVE_INFINITY;

    private static Stream<Named<JsonObject>> recorded(String list) {
        JsonObject json = Reference.json(Reference.directory("processors.json"));
        return StreamSupport.stream(json.getAsJsonArray(list).spliterator(), false)
                .map(JsonElement::getAsJsonObject)
                .map(c -> Named.of(c.get("name") + " " + c.get("options"), c));
    }

    static Stream<Named<JsonObject>> cases() {
        return recorded("cases");
    }

    static Stream<Named<JsonObject>> goldens() {
        return recorded("goldens");
    }

    private static List<LogitsProcessor> chain(JsonObject recorded) {
        // the reference's cases have no limit of 50 where they do not say so
        GenerationConfig.Builder builder = GenerationConfig.builder();
        JsonObject options = recorded.getAsJsonObject("options");
        for (Map.Entry<String, JsonElement> option : options.entrySet()) {
            JsonElement value = option.getValue();
            builder.option(
                    option.getKey(),
                    value.isJsonArray()
                            ? Arrays.stream(Reference.ids(value)).boxed().toList()
                            : value.getAsString());
        }
        if (builder.build().doSample() && !options.has("top_k")) {
            builder.topK(0);
        }
        return LogitsProcessors.chain(builder.build(), List.of());
    }

    private static float[] floats(JsonElement array) {
        List<Float> values = new ArrayList<>();
        array.getAsJsonArray().forEach(e -> values.add(number(e)));
        float[] floats = new float[values.size()];
        for (int i = 0; i < floats.length; ++i) {
            floats[i] = values.get(i);
        }
        return floats;
    }

    private static float number(JsonElement element) {
        return element.getAsString().equals("-inf") ? OUT : element.getAsFloat();
    }

    /** A rounding of float32 for each of the three processors that calculate. */
    private static void assertScores(float[] actual, float[] expected) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < actual.length; ++i) {
            if (expected[i] == OUT) {
                assertThat(actual[i]).as("score %d", i).isEqualTo(OUT);
            } else {
                assertThat(actual[i])
                        .as("score %d", i)
                        .isCloseTo(expected[i], within(3 * Math.ulp(expected[i])));
            }
        }
    }

    /** Rows with these tokens, the first of them as the prompt: generated, because forced. */
    private List<Row> rows(long[][] ids, int promptLength) throws Exception {
        List<long[]> prompts = Stream.of(ids).map(r -> Arrays.copyOf(r, promptLength)).toList();
        LogitsProcessor force =
                (scores, row) -> {
                    long[] wanted =
                            Stream.of(ids)
                                    .filter(r -> startsWith(r, row))
                                    .findFirst()
                                    .orElseThrow();
                    Arrays.fill(scores, OUT);
                    scores[(int) wanted[row.length()]] = 0;
                };
        Generator generator = new Generator(load("window8-f32", "torch"), manager, null);
        GenerationConfig config = GenerationConfig.builder().maxNewTokens(9).build();
        try (Generation generation = generator.start(prompts, config, force)) {
            for (int i = promptLength; i < ids[0].length; ++i) {
                assertThat(generation.next()).hasSize(ids.length);
            }
            return generation.result().rows();
        }
    }

    private static boolean startsWith(long[] ids, Row row) {
        for (int i = 0; i < row.length(); ++i) {
            if (ids[i] != row.id(i)) {
                return false;
            }
        }
        return true;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void equalsTheReference(JsonObject recorded) throws Exception {
        long[][] ids =
                StreamSupport.stream(recorded.getAsJsonArray("input_ids").spliterator(), false)
                        .map(Reference::ids)
                        .toArray(long[][]::new);
        List<Row> rows = rows(ids, recorded.get("prompt_length").getAsInt());
        List<LogitsProcessor> chain = chain(recorded);
        for (int i = 0; i < ids.length; ++i) {
            Row row = rows.get(i);
            assertThat(row.length()).isEqualTo(ids[i].length);
            float[] scores = floats(recorded.getAsJsonArray("scores").get(i));
            chain.forEach(processor -> processor.process(scores, row));
            assertScores(scores, floats(recorded.getAsJsonArray("expected").get(i)));
        }
    }

    @ParameterizedTest
    @MethodSource("goldens")
    void equalsWhatTheReferencePublishes(JsonObject recorded) {
        Row row = new Row(new long[] {1});
        for (int i = 0; i < recorded.getAsJsonArray("probabilities").size(); ++i) {
            float[] scores = floats(recorded.getAsJsonArray("probabilities").get(i));
            for (int j = 0; j < scores.length; ++j) {
                scores[j] = (float) Math.log(scores[j]);
            }
            chain(recorded).forEach(processor -> processor.process(scores, row));
            float[] expected = floats(recorded.getAsJsonArray("expected").get(i));
            for (int j = 0; j < scores.length; ++j) {
                assertThat((float) Math.exp(scores[j])).isCloseTo(expected[j], within(1e-6f));
            }
        }
    }

    private static float[] random(long seed) {
        Random random = new Random(seed);
        float[] scores = new float[40];
        for (int i = 0; i < scores.length; ++i) {
            scores[i] = (float) (3 * random.nextGaussian());
        }
        return scores;
    }

    private static Set<Integer> kept(LogitsProcessor processor, float[] scores) {
        float[] changed = scores.clone();
        processor.process(changed, new Row(new long[] {1}));
        Set<Integer> kept = new HashSet<>();
        for (int i = 0; i < scores.length; ++i) {
            assertThat(changed[i]).isIn(scores[i], OUT);
            if (changed[i] != OUT) {
                kept.add(i);
            }
        }
        return kept;
    }

    /** The definitions, in double precision, on scores where nothing ties or is close to. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void keepsWhatTheDefinitionSays(long seed) {
        float[] scores = random(seed);
        double[] probabilities = softmax(scores);
        List<Integer> order = new ArrayList<>();
        for (int i = 0; i < scores.length; ++i) {
            order.add(i);
        }
        order.sort((a, b) -> Float.compare(scores[b], scores[a]));
        for (int k : new int[] {1, 2, 17, 39, 40, 41}) {
            assertThat(kept(LogitsProcessors.topK(k), scores))
                    .containsExactlyInAnyOrderElementsOf(order.subList(0, Math.min(k, 40)));
        }
        for (double p : new double[] {0.001, 0.3, 0.62, 0.9, 0.999}) {
            double total = 0;
            int count = 0;
            while (total < p) {
                total += probabilities[order.get(count++)];
            }
            assertThat(kept(LogitsProcessors.topP(p), scores))
                    .containsExactlyInAnyOrderElementsOf(order.subList(0, count));
        }
        for (double p : new double[] {0.01, 0.2, 0.77, 1}) {
            double least = p * probabilities[order.get(0)] * (1 - 1e-6);
            assertThat(kept(LogitsProcessors.minP(p), scores))
                    .isEqualTo(
                            new HashSet<>(
                                    order.stream()
                                            .filter(i -> probabilities[i] >= least)
                                            .toList()));
        }
    }

    @Test
    void theOptionsOfSamplingDoNothingToTheLikeliestToken() {
        GenerationConfig config =
                GenerationConfig.builder()
                        .doSample(false)
                        .temperature(0.5)
                        .topK(3)
                        .topP(0.5)
                        .minP(0.5)
                        .build();
        assertThat(LogitsProcessors.chain(config, List.of())).isEmpty();
    }

    @Test
    void theCallersOwnComeAfterMeaningAndBeforeSampling() {
        GenerationConfig config =
                GenerationConfig.builder().repetitionPenalty(2).temperature(0.5).topK(0).build();
        LogitsProcessor addOne = (scores, row) -> scores[1] += 1;
        float[] scores = {0, 4};
        LogitsProcessors.chain(config, List.of(addOne))
                .forEach(processor -> processor.process(scores, new Row(new long[] {1})));
        assertThat(scores[1]).isEqualTo((4 / 2f + 1) / 0.5f);
    }

    /** Published checkpoints name end tokens that later vocabularies do not have. */
    @Test
    void endTokensOutsideTheVocabularyAreNotThere() {
        float[] scores = {1, 2, 3};
        LogitsProcessors.minNewTokens(1, List.of(2, 3, -1))
                .process(scores, new Row(new long[] {1}));
        assertThat(scores).containsExactly(1, 2, OUT);
    }
}
