/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.training.ParameterStore;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.zoo.Mistral;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code optArgument("quantization", ..)}: weights are quantized at load time. */
class QuantizedLoadingTest extends ZooFixture {

    private static ZooModel<String, String> load(String quantization) throws Exception {
        return Mistral.criteria(String.class, String.class)
                .optArgument("quantization", quantization)
                .build()
                .loadModel();
    }

    @ParameterizedTest
    @ValueSource(strings = {"int4", "int4-g32-sym-head4", "nf4"})
    void theModelStillKnowsWhatALighthouseIs(String quantization) throws Exception {
        try (ZooModel<String, String> model = load(quantization)) {
            assertAnswers(model);
        }
    }

    /**
     * Relative error of the logits: the weights' relative errors of 8 and 9 per cent add up over 6
     * layers to about twice that; 8 bits would give a tenth.
     */
    @ParameterizedTest
    @CsvSource({"int4, 0.02, 0.3", "nf4, 0.02, 0.35"})
    void logitsAreNearThoseOfThePlainModel(String quantization, double least, double most)
            throws Exception {
        try (ZooModel<String, String> plain = texts();
                ZooModel<String, String> quantized = load(quantization)) {
            float[] expected = logits(plain);
            float[] actual = logits(quantized);
            double error = 0;
            double all = 0;
            for (int i = 0; i < expected.length; ++i) {
                error += Math.pow((double) actual[i] - expected[i], 2);
                all += Math.pow(expected[i], 2);
            }
            assertThat(Math.sqrt(error / all)).isBetween(least, most);
        }
    }

    private static float[] logits(ZooModel<String, String> model) {
        MistralForCausalLM network = Mistral.network(model);
        try (NDManager scope = model.getNDManager().newSubManager()) {
            long[] ids = {1, 500, 400, 300, 1000, 2000, 3000, 44, 55, 66};
            NDArray input = scope.create(ids, new Shape(1, ids.length));
            ParameterStore values = new ParameterStore(scope, false);
            return network.forward(values, ForwardInput.ofIds(input), false)
                    .logits()
                    .toFloatArray();
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"int3", "int4-g16", "true"})
    void unknownQuantizationIsRejected(String quantization) {
        assertThatThrownBy(() -> load(quantization).close())
                .hasStackTraceContaining("quantization is '" + quantization + "'")
                .hasStackTraceContaining("nf4");
    }
}
