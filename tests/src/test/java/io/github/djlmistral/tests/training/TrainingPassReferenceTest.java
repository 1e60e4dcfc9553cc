/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.nn.Parameter;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.adapter.Adapter;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.model.TrainingPass;
import io.github.djlmistral.engine.model.TrainingSequence;
import io.github.djlmistral.engine.weights.Safetensors;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.model.Fixture;
import io.github.djlmistral.tests.model.Reference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The loss and all gradients of the first step equal those of transformers and peft. */
class TrainingPassReferenceTest extends Fixture {

    /** The first step reads two micro-batches of two records. */
    private static final int MICRO_BATCH = 2;

    /**
     * Relative error of a loss. Between two orders of computation in PyTorch it is up to 3e-7,
     * which the recordings state as rounding.
     */
    private static final double LOSS = 1e-6;

    /** The same of a gradient, to the largest of its tensor: the recordings state up to 1e-5. */
    private static final double GRADIENT = 1e-5;

    private static List<TrainingSequence> records(JsonObject recorded) {
        List<TrainingSequence> records = new ArrayList<>();
        for (JsonElement record : recorded.getAsJsonArray("records")) {
            JsonObject fields = record.getAsJsonObject();
            records.add(
                    new TrainingSequence(
                            Reference.ids(fields.get("input_ids")),
                            Reference.ids(fields.get("labels"))));
        }
        return records;
    }

    private MistralForCausalLM unfrozen(Path folder, JsonObject recorded, String kernels)
            throws Exception {
        MistralForCausalLM network =
                MistralForCausalLM.load(
                        Reference.directory(recorded.get("checkpoint").getAsString()),
                        manager,
                        new ComputeOptions(kernels, "float32"));
        if (Files.exists(folder.resolve("initial"))) {
            MistralForCausalLM adapted =
                    network.withAdapter(Adapter.load(folder.resolve("initial")), manager);
            adapted.unfreezeAdapter();
            return adapted;
        }
        network.freezeParameters(false);
        return network;
    }

    @ParameterizedTest
    @CsvSource({
        "sft-full, torch, false",
        "sft-full, torch, true",
        "sft-full, reference, false",
        "sft-full-tied, torch, false",
        "sft-full-tied, torch, true",
        "sft-lora, torch, true",
        "sft-lora-continued, torch, false",
        "sft-lora-continued, reference, true",
        "modules-to-save, torch, false",
        "modules-to-save, torch, true",
        "qlora-nf4, torch, false",
        "qlora-int4, torch, false",
        "qlora-int4, reference, false"
    })
    void firstStep(String name, String kernels, boolean checkpointing) throws Exception {
        Path folder = Reference.directory("training/" + name);
        JsonObject recorded = Reference.json(folder.resolve("expected.json"));
        MistralForCausalLM network = unfrozen(folder, recorded, kernels);
        List<TrainingSequence> records = records(recorded).subList(0, 2 * MICRO_BATCH);
        int counted = records.stream().mapToInt(TrainingSequence::counted).sum();
        TrainingPass.Options options =
                TrainingPass.Options.DEFAULT
                        .withGradientCheckpointing(checkpointing)
                        .withHeadRows(7);
        double loss = 0;
        for (int first = 0; first < records.size(); first += MICRO_BATCH) {
            List<TrainingSequence> batch = records.subList(first, first + MICRO_BATCH);
            try (TrainingPass pass = TrainingPass.forward(network, manager, batch, options)) {
                float[] logProbabilities = pass.logProbabilities();
                for (float logProbability : logProbabilities) {
                    loss -= logProbability / (double) counted;
                }
                pass.backward(TrainingPasses.filled(logProbabilities.length, -1.0 / counted), null);
            }
        }
        assertStep(folder, recorded, network, loss);
    }

    /** transformers takes the mean of each micro-batch, and the mean of these. */
    @ParameterizedTest
    @CsvSource({"torch", "reference"})
    void labelSmoothing(String kernels) throws Exception {
        Path folder = Reference.directory("training/label-smoothing");
        JsonObject recorded = Reference.json(folder.resolve("expected.json"));
        MistralForCausalLM network = unfrozen(folder, recorded, kernels);
        List<TrainingSequence> records = records(recorded);
        TrainingPass.Options options =
                TrainingPass.Options.DEFAULT.withMeanLogProbabilities(true).withHeadRows(5);
        int counted = records.stream().mapToInt(TrainingSequence::counted).sum();
        double epsilon = 0.1;
        double loss = 0;
        for (int first = 0; first < records.size(); first += MICRO_BATCH) {
            List<TrainingSequence> batch = records.subList(first, first + MICRO_BATCH);
            try (TrainingPass pass = TrainingPass.forward(network, manager, batch, options)) {
                float[] logProbabilities = pass.logProbabilities();
                float[] means = pass.meanLogProbabilities();
                for (int i = 0; i < means.length; ++i) {
                    loss -=
                            ((1 - epsilon) * logProbabilities[i] + epsilon * means[i])
                                    / (double) counted;
                }
                pass.backward(
                        TrainingPasses.filled(means.length, -(1 - epsilon) / counted),
                        TrainingPasses.filled(means.length, -epsilon / counted));
            }
        }
        assertStep(folder, recorded, network, loss);
    }

    private void assertStep(
            Path folder, JsonObject recorded, MistralForCausalLM network, double loss)
            throws Exception {
        double expected =
                recorded.getAsJsonArray("steps").get(0).getAsJsonObject().get("loss").getAsDouble();
        assertThat(loss).isCloseTo(expected, within(LOSS * expected));
        Map<String, Tensor> gradients = Safetensors.read(folder.resolve("gradients.safetensors"));
        Map<String, float[]> actual = TrainingPasses.gradients(network, manager);
        assertThat(actual.keySet()).containsExactlyInAnyOrderElementsOf(gradients.keySet());
        actual.forEach(
                (name, gradient) -> {
                    float[] wanted = new float[gradient.length];
                    gradients.get(name).data().asFloatBuffer().get(wanted);
                    assertThat(TrainingPasses.distance(gradient, wanted))
                            .as(name)
                            .isLessThanOrEqualTo(GRADIENT);
                });
    }

    /** Those of the whole file in one pass, and without a backward pass. */
    @Test
    void logProbabilities() throws Exception {
        Path folder = Reference.directory("training/sft-full");
        JsonObject recorded = Reference.json(folder.resolve("expected.json"));
        MistralForCausalLM network = load("window8-f32", "torch");
        List<Float> expected = new ArrayList<>();
        for (JsonElement row : recorded.getAsJsonArray("log_probabilities")) {
            row.getAsJsonArray().forEach(number -> expected.add(number.getAsFloat()));
        }
        float[] actual = TrainingPass.logProbabilities(network, manager, records(recorded));
        assertThat(actual).hasSize(expected.size());
        for (int i = 0; i < actual.length; ++i) {
            assertThat(actual[i]).isCloseTo(expected.get(i), within(LOG_PROBABILITIES));
        }
        assertThat(network.namedParameters().values()).noneMatch(Parameter::requiresGradient);
    }
}
