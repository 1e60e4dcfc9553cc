/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.generation;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.GenerationResult;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.tests.model.Fixture;
import io.github.djlmistral.tests.model.Reference;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Greedy generation equals the reference's, over 80 tokens and beyond the window. The recorded
 * logits decide every step by at least 1e-3, ten times {@link #LOGITS}: {@code smallest_gap}.
 */
class GreedyTest extends Fixture {

    static Stream<Arguments> cases() {
        return Stream.of("window8-f32", "nowindow-tied-sharded", "window4-bf16", "f16", "defaults")
                .flatMap(
                        checkpoint ->
                                Stream.of("reference", "torch")
                                        .flatMap(
                                                kernels ->
                                                        recorded(checkpoint)
                                                                .map(
                                                                        name ->
                                                                                Arguments.of(
                                                                                        checkpoint,
                                                                                        kernels,
                                                                                        name))));
    }

    private static Stream<String> recorded(String checkpoint) {
        List<String> names = new ArrayList<>();
        Reference.json(Reference.directory("checkpoints/" + checkpoint).resolve("expected.json"))
                .getAsJsonArray("greedy")
                .forEach(c -> names.add(c.getAsJsonObject().get("name").getAsString()));
        return names.stream();
    }

    @ParameterizedTest
    @MethodSource("cases")
    void equalsTheReference(String checkpoint, String kernels, String name) throws Exception {
        Reference reference = Reference.checkpoint(checkpoint);
        MistralForCausalLM network = load(checkpoint, kernels);
        JsonObject recorded = reference.greedy(name);
        assertThat(recorded.get("smallest_gap").getAsDouble()).isGreaterThan(2 * LOGITS);
        GenerationConfig.Builder options = GenerationConfig.builder().prefillChunkSize(6);
        for (Map.Entry<String, JsonElement> option :
                recorded.getAsJsonObject("options").entrySet()) {
            JsonElement value = option.getValue();
            if (value.isJsonArray()) {
                List<Integer> ids = new ArrayList<>();
                value.getAsJsonArray().forEach(id -> ids.add(id.getAsInt()));
                options.option(option.getKey(), ids);
            } else if (!value.isJsonNull()) {
                options.option(option.getKey(), value.getAsString());
            }
        }
        List<long[]> prompts = new ArrayList<>();
        recorded.getAsJsonArray("prompts").forEach(p -> prompts.add(Reference.ids(p)));

        GenerationResult result =
                new Generator(network, manager, null).generate(prompts, options.build());

        for (int i = 0; i < prompts.size(); ++i) {
            Sequence row = result.sequences().get(i);
            JsonElement output = recorded.getAsJsonArray("outputs").get(i);
            assertThat(row.generated()).isEqualTo(Reference.ids(output));
            if (recorded.has("logprobs")) {
                float[] actual = row.logProbabilities();
                JsonElement expected = recorded.getAsJsonArray("logprobs").get(i);
                for (int t = 0; t < actual.length; ++t) {
                    float wanted = expected.getAsJsonArray().get(t).getAsFloat();
                    assertThat(actual[t]).isCloseTo(wanted, within(2e-4f));
                }
            }
        }
    }
}
