/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.generation;

import io.github.djlmistral.tests.model.Fixture;
import io.github.djlmistral.tests.model.Reference;
import java.util.ArrayList;
import java.util.List;
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
        assertGreedy(load(checkpoint, kernels), Reference.checkpoint(checkpoint), name);
    }
}
