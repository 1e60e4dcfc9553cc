/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;
import static org.junit.jupiter.api.Assumptions.assumeFalse;

import ai.djl.engine.Engine;
import ai.djl.inference.Predictor;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.repository.zoo.ZooModel;
import io.github.djlmistral.engine.kernels.DjlEngine;
import io.github.djlmistral.tests.ForkedJava;
import io.github.djlmistral.zoo.Mistral;
import java.io.File;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** The engine of a model: the preferred one, the one asked for, or an error that says why not. */
class EngineChoiceTest extends ZooFixture {

    /** Loads the embedded model on the engine that is there. */
    public static final class Program {

        /** Prints engine and answer. */
        public static void main(String[] arguments) throws Exception {
            try (ZooModel<String, String> model = texts();
                    Predictor<String, String> predictor = model.newPredictor()) {
                System.out.println(
                        model.getNDManager().getEngine().getEngineName()
                                + ": "
                                + predictor.predict(QUESTION));
            }
        }
    }

    /** Without the examples as well: their manifest names all jars that the command line needs. */
    private static String withoutPyTorch() {
        return Stream.of(System.getProperty("java.class.path").split(File.pathSeparator))
                .filter(
                        entry ->
                                !entry.matches(
                                        ".*[/\\\\](pytorch|mxnet|djl-mistral-examples)-[^/\\\\]*\\.jar"))
                .collect(Collectors.joining(File.pathSeparator));
    }

    @Test
    void pyTorchIsPreferred() throws Exception {
        assertThat(DjlEngine.preferred()).isEqualTo(DjlEngine.PYTORCH);
        try (ZooModel<String, String> model = texts()) {
            assertThat(model.getNDManager().getEngine().getEngineName()).isEqualTo("PyTorch");
        }
    }

    /** Nothing of ours needs PyTorch's classes where its jars are left out. */
    @Test
    void rustWithoutPyTorchOnTheClassPath() throws Exception {
        assertThat(ForkedJava.run(List.of(), withoutPyTorch(), Program.class))
                .contains("Rust: " + ANSWER);
    }

    @Test
    void anUnknownEngine() {
        for (Criteria.Builder<String, String> criteria :
                List.of(
                        Mistral.criteria(String.class, String.class),
                        Mistral.criteria(withoutTokenizer()),
                        Mistral.criteria(String.class, String.class)
                                .optArtifactId("mistral-7b-v0.1"))) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> criteria.optEngine("Candle").build().loadModel())
                    .withMessageContaining("\"Candle\"")
                    .withMessageContaining("[PyTorch, Rust, MXNet]");
        }
    }

    /** DJL goes on to other zoos where the criteria do not name our model. */
    @Test
    void anEngineOfOtherZoos() {
        Criteria<String, String> criteria =
                Criteria.builder()
                        .setTypes(String.class, String.class)
                        .optFilter("precision", "int4")
                        .optEngine("Candle")
                        .build();
        assertThatExceptionOfType(ModelNotFoundException.class).isThrownBy(criteria::loadModel);
    }

    @Test
    void anEngineThatIsNotOnTheClassPath() {
        assumeFalse(Engine.hasEngine("MXNet"));
        assertThatIllegalStateException()
                .isThrownBy(
                        () ->
                                Mistral.criteria(String.class, String.class)
                                        .optEngine("MXNet")
                                        .build()
                                        .loadModel())
                .withMessageContaining("MXNet engine is not on the class path")
                .withMessageContaining("ai.djl.mxnet:mxnet-engine");
    }
}
