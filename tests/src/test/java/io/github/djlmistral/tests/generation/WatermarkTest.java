/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.generation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.generation.ConstraintOptions;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.LogitsProcessor;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.engine.generation.WatermarkDetector;
import io.github.djlmistral.engine.generation.WatermarkingConfig;
import io.github.djlmistral.engine.internal.generation.LogitsProcessors;
import io.github.djlmistral.tests.model.Reference;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Green lists and the detector's scores equal the reference's on a CPU. */
class WatermarkTest {

    private static final int VOCABULARY = 99;
    private static final JsonObject RECORDED =
            Reference.json(Reference.directory("watermark.json"));

    static Stream<Named<JsonObject>> cases() {
        return StreamSupport.stream(RECORDED.getAsJsonArray("cases").spliterator(), false)
                .map(JsonElement::getAsJsonObject)
                .map(c -> Named.of(c.get("options").toString(), c));
    }

    private static WatermarkingConfig config(JsonObject recorded) {
        Map<String, Object> options = new HashMap<>();
        recorded.getAsJsonObject("options")
                .entrySet()
                .forEach(entry -> options.put(entry.getKey(), entry.getValue().getAsString()));
        GenerationConfig config =
                GenerationConfig.builder().option("watermarking_config", options).build();
        return Objects.requireNonNull(config.get(ConstraintOptions.WATERMARKING_CONFIG));
    }

    private static LogitsProcessor processor(WatermarkingConfig watermark) {
        List<LogitsProcessor> chain =
                LogitsProcessors.chain(
                        GenerationConfig.builder()
                                .set(ConstraintOptions.WATERMARKING_CONFIG, watermark)
                                .build(),
                        List.of(),
                        new LogitsProcessors.Context(VOCABULARY, 1000, null));
        assertThat(chain).hasSize(1);
        return chain.get(0);
    }

    private static float[] floats(JsonElement array) {
        float[] floats = new float[array.getAsJsonArray().size()];
        for (int i = 0; i < floats.length; ++i) {
            floats[i] = array.getAsJsonArray().get(i).getAsFloat();
        }
        return floats;
    }

    @ParameterizedTest
    @MethodSource("cases")
    void scoresOfTheReference(JsonObject recorded) {
        LogitsProcessor processor = processor(config(recorded));
        for (JsonElement element : recorded.getAsJsonArray("scores")) {
            JsonObject expected = element.getAsJsonObject();
            float[] scores = floats(RECORDED.get("scores"));
            processor.process(scores, new Sequence(Reference.ids(expected.get("ids"))));
            assertThat(scores).containsExactly(floats(expected.get("expected")));
        }
    }

    @ParameterizedTest
    @MethodSource("cases")
    void detectionOfTheReference(JsonObject recorded) {
        WatermarkDetector detector = new WatermarkDetector(config(recorded), VOCABULARY);
        for (JsonElement element : recorded.getAsJsonArray("detected")) {
            JsonObject expected = element.getAsJsonObject();
            WatermarkDetector.Result result =
                    detector.detect(Reference.ids(expected.get("ids")), false);
            assertThat(result.tokens()).isEqualTo(expected.get("tokens").getAsInt());
            assertThat(result.greenTokens()).isEqualTo(expected.get("green_tokens").getAsInt());
            assertThat(result.zScore())
                    .isCloseTo(expected.get("z_score").getAsDouble(), within(1e-9));
            assertThat(result.pValue())
                    .isCloseTo(expected.get("p_value").getAsDouble(), within(1e-9));
        }
    }

    @Test
    void repeatedNgramsCountOnceOnRequest() {
        WatermarkDetector detector = new WatermarkDetector(WatermarkingConfig.DEFAULT, VOCABULARY);
        long[] ids = {5, 6, 5, 6, 5, 6, 7};
        WatermarkDetector.Result all = detector.detect(ids, false);
        WatermarkDetector.Result once = detector.detect(ids, true);
        assertThat(all.tokens()).isEqualTo(6);
        assertThat(once.tokens()).isEqualTo(3);
        assertThat(once.greenFraction()).isEqualTo(once.greenTokens() / 3.0);
    }

    @Test
    void textsThatCannotBeScored() {
        WatermarkDetector detector = new WatermarkDetector(WatermarkingConfig.DEFAULT, VOCABULARY);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> detector.detect(new long[] {5}, false))
                .withMessage("the text has 1 tokens, must have more than context_width, 1");
        assertThatIllegalArgumentException()
                .isThrownBy(() -> detector.detect(new long[] {5, 99}, false))
                .withMessageContaining("token id 99");
    }
}
