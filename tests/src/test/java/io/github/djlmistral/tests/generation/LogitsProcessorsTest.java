/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.generation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.engine.internal.generation.LogitsProcessors;
import io.github.djlmistral.tests.model.Fixture;
import io.github.djlmistral.tests.model.Reference;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
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
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Logits processors equal the reference's. */
class LogitsProcessorsTest extends Fixture {

    private static final int VOCABULARY = 12;

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
        GenerationConfig.Builder builder = GenerationConfig.builder();
        JsonObject options = recorded.getAsJsonObject("options");
        options.entrySet()
                .forEach(option -> builder.option(option.getKey(), plain(option.getValue())));
        // the reference's cases have no default top_k of 50
        if (builder.build().doSample() && !options.has("top_k")) {
            builder.topK(0);
        }
        return chain(builder.build());
    }

    private static List<LogitsProcessor> chain(GenerationConfig config, LogitsProcessor... custom) {
        return LogitsProcessors.chain(
                config, List.of(custom), new LogitsProcessors.Context(VOCABULARY, 1000, null));
    }

    private static Object plain(JsonElement json) {
        if (json instanceof JsonArray array) {
            return array.asList().stream().map(LogitsProcessorsTest::plain).toList();
        }
        if (json instanceof JsonObject object) {
            Map<String, Object> map = new HashMap<>();
            object.entrySet().forEach(entry -> map.put(entry.getKey(), plain(entry.getValue())));
            return map;
        }
        return json.getAsString();
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
        return switch (element.getAsString()) {
            case "-inf" -> OUT;
            case "inf" -> Float.POSITIVE_INFINITY;
            case "nan" -> Float.NaN;
            default -> element.getAsFloat();
        };
    }

    /** Some roundings of float32: several processors calculate. */
    private static void assertScores(float[] actual, float[] expected) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < actual.length; ++i) {
            if (expected[i] == OUT) {
                assertThat(actual[i]).as("score %d", i).isEqualTo(OUT);
            } else {
                assertThat(actual[i])
                        .as("score %d", i)
                        .isCloseTo(expected[i], within(Math.max(1e-6f, 6 * Math.ulp(expected[i]))));
            }
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void equalsTheReference(JsonObject recorded) {
        JsonArray rows = recorded.getAsJsonArray("input_ids");
        int promptLength = recorded.get("prompt_length").getAsInt();
        List<LogitsProcessor> chain = chain(recorded);
        for (int i = 0; i < rows.size(); ++i) {
            long[] ids = Reference.ids(rows.get(i));
            Sequence sequence =
                    new Sequence(
                            Arrays.copyOf(ids, promptLength),
                            Arrays.copyOfRange(ids, promptLength, ids.length));
            float[] scores = floats(recorded.getAsJsonArray("scores").get(i));
            chain.forEach(processor -> processor.process(scores, sequence));
            assertScores(scores, floats(recorded.getAsJsonArray("expected").get(i)));
        }
    }

    /** Otherwise a processor could be missing in the chain without a failure. */
    @Test
    void everyOptionOfTheReferenceIsRecorded() {
        Set<String> recorded = new HashSet<>();
        cases().forEach(
                        named ->
                                recorded.addAll(
                                        named.getPayload().getAsJsonObject("options").keySet()));
        assertThat(recorded)
                .containsAll(
                        Stream.of(
                                        "sequence_bias",
                                        "bad_words_ids",
                                        "encoder_repetition_penalty",
                                        "repetition_penalty",
                                        "no_repeat_ngram_size",
                                        "encoder_no_repeat_ngram_size",
                                        "min_length",
                                        "min_new_tokens",
                                        "forced_bos_token_id",
                                        "forced_eos_token_id",
                                        "remove_invalid_values",
                                        "exponential_decay_length_penalty",
                                        "suppress_tokens",
                                        "begin_suppress_tokens",
                                        "temperature",
                                        "top_h",
                                        "top_k",
                                        "top_p",
                                        "min_p",
                                        "typical_p",
                                        "epsilon_cutoff",
                                        "eta_cutoff",
                                        "watermarking_config",
                                        "renormalize_logits")
                                .toList());
    }

    @ParameterizedTest
    @MethodSource("goldens")
    void equalsWhatTheReferencePublishes(JsonObject recorded) {
        Sequence row = new Sequence(new long[] {1});
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

    private static Set<Integer> kept(GenerationConfig.Builder options, float[] scores) {
        float[] changed = scores.clone();
        chain(options.build())
                .forEach(processor -> processor.process(changed, new Sequence(new long[] {1})));
        Set<Integer> kept = new HashSet<>();
        for (int i = 0; i < scores.length; ++i) {
            assertThat(changed[i]).isIn(scores[i], OUT);
            if (changed[i] != OUT) {
                kept.add(i);
            }
        }
        return kept;
    }

    /** Against the definitions in double precision, on scores without ties or near-ties. */
    @ParameterizedTest
    @ValueSource(longs = {1, 2, 3, 4, 5, 6, 7, 8})
    void keepsTheDefinedTokens(long seed) {
        float[] scores = random(seed);
        double[] probabilities = softmax(scores);
        List<Integer> order = new ArrayList<>();
        for (int i = 0; i < scores.length; ++i) {
            order.add(i);
        }
        order.sort((a, b) -> Float.compare(scores[b], scores[a]));
        for (int k : new int[] {1, 2, 17, 39, 40, 41}) {
            assertThat(kept(GenerationConfig.builder().topK(k), scores))
                    .containsExactlyInAnyOrderElementsOf(order.subList(0, Math.min(k, 40)));
        }
        for (double p : new double[] {0.001, 0.3, 0.62, 0.9, 0.999}) {
            double total = 0;
            int count = 0;
            while (total < p) {
                total += probabilities[order.get(count++)];
            }
            assertThat(kept(GenerationConfig.builder().topK(0).topP(p), scores))
                    .containsExactlyInAnyOrderElementsOf(order.subList(0, count));
        }
        for (double p : new double[] {0.01, 0.2, 0.77, 1}) {
            double least = p * probabilities[order.get(0)] * (1 - 1e-6);
            assertThat(kept(GenerationConfig.builder().topK(0).minP(p), scores))
                    .isEqualTo(
                            new HashSet<>(
                                    order.stream()
                                            .filter(i -> probabilities[i] >= least)
                                            .toList()));
        }
    }

    @Test
    void greedyDecodingIgnoresSamplingOptions() {
        GenerationConfig config =
                GenerationConfig.builder()
                        .doSample(false)
                        .temperature(0.5)
                        .topK(3)
                        .topP(0.5)
                        .minP(0.5)
                        .build();
        assertThat(chain(config)).isEmpty();
    }

    @Test
    void theCallersOwnComeAfterMeaningAndBeforeSampling() {
        GenerationConfig config =
                GenerationConfig.builder().repetitionPenalty(2).temperature(0.5).topK(0).build();
        LogitsProcessor addOne = (scores, row) -> scores[1] += 1;
        float[] scores = {0, 4};
        chain(config, addOne)
                .forEach(processor -> processor.process(scores, new Sequence(new long[] {1})));
        assertThat(scores[1]).isEqualTo((4 / 2f + 1) / 0.5f);
    }

    /** Published checkpoints name EOS ids outside the vocabulary. */
    @Test
    void endTokensOutsideTheVocabularyAreIgnored() {
        GenerationConfig config =
                GenerationConfig.builder()
                        .minNewTokens(2)
                        .eosTokenIds(List.of(2, 12, -1))
                        .option("exponential_decay_length_penalty", "0,2")
                        .build();
        float[] scores = new float[VOCABULARY];
        Arrays.fill(scores, 1);
        Sequence sequence = new Sequence(new long[] {1}, new long[] {3});
        chain(config).forEach(processor -> processor.process(scores, sequence));
        float[] expected = new float[VOCABULARY];
        Arrays.fill(expected, 1);
        expected[2] = OUT;
        assertThat(scores).containsExactly(expected);
    }

    @ParameterizedTest
    @CsvSource({
        "bad_words_ids, '5,12'",
        "sequence_bias, '12:1'",
        "logit_bias, '12:1'",
        "forced_bos_token_id, 12",
        "forced_eos_token_id, 12"
    })
    void idsOutsideTheVocabularyAreNamed(String option, String value) {
        GenerationConfig config = GenerationConfig.builder().option(option, value).build();
        assertThatIllegalArgumentException()
                .isThrownBy(() -> chain(config))
                .withMessage(option + " contains the token id 12, the vocabulary has 0 to 11");
    }
}
