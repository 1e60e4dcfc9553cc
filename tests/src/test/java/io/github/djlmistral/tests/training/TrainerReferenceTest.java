/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.nn.Parameter;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.adapter.Adapter;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.model.MistralCheckpoint;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.model.MistralForSequenceClassification;
import io.github.djlmistral.engine.model.MistralForTokenClassification;
import io.github.djlmistral.engine.model.MistralPreTrainedModel;
import io.github.djlmistral.engine.model.TrainingPass;
import io.github.djlmistral.engine.model.TrainingSequence;
import io.github.djlmistral.engine.training.CausalObjective;
import io.github.djlmistral.engine.training.DpoObjective;
import io.github.djlmistral.engine.training.LabeledSequence;
import io.github.djlmistral.engine.training.MistralTrainer;
import io.github.djlmistral.engine.training.Objective;
import io.github.djlmistral.engine.training.Objective.MicroBatch;
import io.github.djlmistral.engine.training.PreferencePair;
import io.github.djlmistral.engine.training.SequenceClassificationObjective;
import io.github.djlmistral.engine.training.StepReport;
import io.github.djlmistral.engine.training.TokenClassificationObjective;
import io.github.djlmistral.engine.training.TrainerCallback;
import io.github.djlmistral.engine.training.TrainingArguments;
import io.github.djlmistral.engine.training.TrainingArgumentsBuilder;
import io.github.djlmistral.engine.training.TrainingData;
import io.github.djlmistral.engine.weights.Safetensors;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.model.Fixture;
import io.github.djlmistral.tests.model.Reference;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Trainings have the losses, gradient norms, metrics and final weights that transformers, peft and
 * trl have recorded ({@code tests/reference/training.py}).
 */
class TrainerReferenceTest extends Fixture {

    /** The recorded numbers differ by up to 2e-6 if computed in another order. */
    private static final double RELATIVE = 2e-5;

    /** The same of weights, which differ by up to 5e-6: AdamW divides small numbers. */
    private static final float WEIGHTS = 2e-5f;

    private static final Set<String> OF_OBJECTIVES =
            Set.of("label_smoothing_factor", "loss_type", "label_smoothing", "loss_weights");

    private JsonObject expected = new JsonObject();
    private Path folder = Path.of("");

    private void open(String name) {
        folder = Reference.directory("training/" + name);
        expected = Reference.json(folder.resolve("expected.json"));
    }

    private MistralForCausalLM network() throws Exception {
        return MistralForCausalLM.load(
                Reference.directory(expected.get("checkpoint").getAsString()),
                manager,
                new ComputeOptions("torch", "float32"));
    }

    private TrainingArguments arguments() {
        TrainingArgumentsBuilder builder = TrainingArguments.builder().shuffle(false);
        JsonObject given = expected.getAsJsonObject("arguments");
        for (String name : given.keySet()) {
            if (!OF_OBJECTIVES.contains(name)) {
                builder.set(name, given.get(name).getAsString());
            }
        }
        return builder.build();
    }

    private static long[] ids(JsonObject record, String key) {
        return record.getAsJsonArray(key).asList().stream()
                .mapToLong(JsonElement::getAsLong)
                .toArray();
    }

    private <E> TrainingData<E> records(Function<JsonObject, E> read) {
        List<E> records =
                expected.getAsJsonArray("records").asList().stream()
                        .map(record -> read.apply(record.getAsJsonObject()))
                        .toList();
        return new TrainingData<>() {
            @Override
            public int size() {
                return records.size();
            }

            @Override
            public E get(int index) {
                return records.get(index);
            }
        };
    }

    private TrainingData<TrainingSequence> sequences() {
        return records(
                record -> new TrainingSequence(ids(record, "input_ids"), ids(record, "labels")));
    }

    private TrainingData<PreferencePair> pairs() {
        return records(
                record ->
                        new PreferencePair(
                                ids(record, "prompt_ids"),
                                ids(record, "chosen_ids"),
                                ids(record, "rejected_ids")));
    }

    private <E> void train(
            MistralPreTrainedModel network,
            Objective<E> objective,
            TrainingData<E> data,
            @Nullable MistralForCausalLM reference)
            throws IOException {
        train(network, objective, data, reference, arguments());
    }

    private <E> void train(
            MistralPreTrainedModel network,
            Objective<E> objective,
            TrainingData<E> data,
            @Nullable MistralForCausalLM reference,
            TrainingArguments arguments)
            throws IOException {
        List<StepReport> reports = new ArrayList<>();
        MistralTrainer<E> trainer = new MistralTrainer<>(network, objective, arguments);
        if (reference != null) {
            trainer.reference(reference);
        }
        trainer.addCallback(
                new TrainerCallback() {
                    @Override
                    public void onLog(StepReport report) {
                        reports.add(report);
                    }
                });
        trainer.train(data, null, null);
        List<JsonElement> steps = expected.getAsJsonArray("steps").asList();
        assertThat(reports).hasSameSizeAs(steps);
        for (int i = 0; i < steps.size(); i++) {
            assertStep(reports.get(i), steps.get(i).getAsJsonObject());
        }
    }

    private static void assertStep(StepReport report, JsonObject step) {
        Map<String, Double> actual = new LinkedHashMap<>(report.metrics());
        actual.remove("accuracy"); // which Trainer does not compute in training
        actual.put("step", (double) report.step());
        actual.put("loss", report.loss());
        actual.put("grad_norm", report.gradNorm());
        actual.put("learning_rate", report.learningRate());
        assertThat(actual.keySet()).containsExactlyInAnyOrderElementsOf(step.keySet());
        for (String name : step.keySet()) {
            double value = step.get(name).getAsDouble();
            // rewards are differences of log-probabilities of up to 60, rounded to 4e-6
            double tolerance = name.startsWith("rewards/") ? 2e-5 : RELATIVE * Math.abs(value);
            assertThat(actual.get(name))
                    .as("%s of step %s", name, report.step())
                    .isCloseTo(value, within(tolerance));
        }
    }

    private void assertParameters(MistralForCausalLM network) throws IOException {
        Map<String, Tensor> tensors = Safetensors.read(folder.resolve("parameters.safetensors"));
        Map<String, Parameter> parameters = network.namedParameters();
        assertThat(parameters.keySet()).containsExactlyInAnyOrderElementsOf(tensors.keySet());
        parameters.forEach(
                (name, parameter) ->
                        assertClose(
                                parameter.getArray().toFloatArray(),
                                floats(tensors.get(name)),
                                WEIGHTS));
    }

    private void assertAdapter(MistralPreTrainedModel network) throws IOException {
        Map<String, Tensor> tensors = Adapter.load(folder.resolve("final")).tensors();
        Map<String, Tensor> actual = network.adapter().tensors();
        assertThat(actual.keySet()).containsExactlyInAnyOrderElementsOf(tensors.keySet());
        actual.forEach(
                (name, tensor) -> assertClose(floats(tensor), floats(tensors.get(name)), WEIGHTS));
    }

    private static float[] floats(Tensor tensor) {
        FloatBuffer buffer = tensor.data().asFloatBuffer();
        float[] values = new float[buffer.remaining()];
        buffer.get(values);
        return values;
    }

    private MistralForCausalLM adapted(MistralForCausalLM base) throws IOException {
        return (MistralForCausalLM) adapted((MistralPreTrainedModel) base);
    }

    private MistralPreTrainedModel adapted(MistralPreTrainedModel base) throws IOException {
        Path initial = folder.resolve("initial");
        Path shared = folder.resolveSibling("initial");
        Adapter adapter = Adapter.load(Files.exists(initial) ? initial : shared);
        MistralPreTrainedModel network = base.withAdapter(adapter, manager);
        network.unfreezeAdapter();
        return network;
    }

    @ParameterizedTest
    @ValueSource(strings = {"sft-full", "sft-full-tied"})
    void supervisedFineTuningOfAllParameters(String name) throws Exception {
        open(name);
        MistralForCausalLM network = network();
        network.freezeParameters(false);
        train(network, new CausalObjective(), sequences(), null);
        assertParameters(network);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "sft-lora",
                "sft-lora-continued",
                "modules-to-save",
                "qlora-nf4",
                "qlora-int4"
            })
    void supervisedFineTuningOfAdapters(String name) throws Exception {
        open(name);
        MistralForCausalLM network = adapted(network());
        train(network, new CausalObjective(), sequences(), null);
        assertAdapter(network);
    }

    @ParameterizedTest
    @ValueSource(strings = {"classification-single-label", "classification-multi-label"})
    void sequenceClassifiers(String name) throws Exception {
        open(name);
        for (boolean checkpointing : new boolean[] {false, true}) {
            MistralForSequenceClassification network = sequenceClassifier();
            network.freezeParameters(false);
            train(network, checkpointing);
        }
    }

    private MistralForSequenceClassification sequenceClassifier() throws Exception {
        return MistralForSequenceClassification.load(
                Reference.directory(expected.get("checkpoint").getAsString()),
                manager,
                new ComputeOptions("torch", "float32"));
    }

    private void train(MistralForSequenceClassification network, boolean checkpointing)
            throws IOException {
        SequenceClassificationObjective objective = SequenceClassificationObjective.of(network);
        TrainingData<LabeledSequence> data =
                records(record -> labeled(record, objective.classes()));
        train(network, objective, data, checkpointing);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void tokenClassifiers(boolean checkpointing) throws Exception {
        open("classification-token");
        MistralForTokenClassification network = tokenClassifier();
        network.freezeParameters(false);
        train(network, TokenClassificationObjective.of(network), sequences(), checkpointing);
    }

    /** Without dropout, as recorded. */
    private MistralForTokenClassification tokenClassifier() throws Exception {
        Path directory = Reference.directory(expected.get("checkpoint").getAsString());
        MistralCheckpoint stored = MistralCheckpoint.open(directory);
        return MistralForTokenClassification.of(
                new MistralCheckpoint(
                        stored.config().toBuilder().classifierDropout(0).build(), stored.weights()),
                directory.toString(),
                manager,
                new ComputeOptions("torch", "float32"));
    }

    @Test
    void adapterOfASequenceClassifier() throws Exception {
        open("classification-single-label-lora");
        var network = (MistralForSequenceClassification) adapted(sequenceClassifier());
        train(network, false);
        assertAdapter(network);
    }

    @Test
    void adapterOfATokenClassifier() throws Exception {
        open("classification-token-lora");
        var network = (MistralForTokenClassification) adapted(tokenClassifier());
        train(network, TokenClassificationObjective.of(network), sequences(), false);
        assertAdapter(network);
    }

    private static LabeledSequence labeled(JsonObject record, int classes) {
        long[] ids = ids(record, "input_ids");
        JsonElement labels = record.get("labels");
        if (labels.isJsonPrimitive()) {
            return LabeledSequence.of(ids, labels.getAsInt(), classes);
        }
        float[] targets = new float[classes];
        for (int i = 0; i < classes; i++) {
            targets[i] = labels.getAsJsonArray().get(i).getAsFloat();
        }
        return new LabeledSequence(ids, targets);
    }

    /** Compares the gradients of the first step, then trains. */
    private <E> void train(
            MistralPreTrainedModel network,
            Objective<E> objective,
            TrainingData<E> data,
            boolean checkpointing)
            throws IOException {
        List<E> first = new ArrayList<>();
        List<TrainingSequence> sequences = new ArrayList<>();
        for (int i = 0; i < arguments().perDeviceTrainBatchSize(); i++) {
            first.add(data.get(i));
            sequences.addAll(objective.sequences(data.get(i)));
        }
        TrainingPass.Options options =
                TrainingPass.Options.DEFAULT.withGradientCheckpointing(checkpointing);
        try (TrainingPass pass = TrainingPass.forward(network, manager, sequences, options)) {
            MicroBatch batch = new MicroBatch(sequences, pass.logits(), null, null);
            pass.backward(
                    objective.evaluate(first, batch, objective.items(sequences)).gradients(), null);
        }
        Map<String, Tensor> gradients = Safetensors.read(folder.resolve("gradients.safetensors"));
        Map<String, float[]> actual = TrainingPasses.gradients(network, manager);
        assertThat(actual.keySet()).containsExactlyInAnyOrderElementsOf(gradients.keySet());
        actual.forEach(
                (name, gradient) ->
                        assertThat(TrainingPasses.distance(gradient, floats(gradients.get(name))))
                                .as(name)
                                .isLessThan(RELATIVE));
        expected.getAsJsonObject("arguments").addProperty("gradient_checkpointing", checkpointing);
        train(network, objective, data, (MistralForCausalLM) null);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void labelSmoothing(boolean checkpointing) throws Exception {
        open("label-smoothing");
        MistralForCausalLM network = network();
        network.freezeParameters(false);
        double smoothing =
                expected.getAsJsonObject("arguments").get("label_smoothing_factor").getAsDouble();
        JsonObject given = expected.getAsJsonObject("arguments");
        given.addProperty("gradient_checkpointing", checkpointing);
        train(network, new CausalObjective(smoothing), sequences(), null);
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void preferencesWithAllParameters(boolean precomputed) throws Exception {
        open("dpo-full");
        expected.getAsJsonObject("arguments").addProperty("precompute_ref_log_probs", precomputed);
        MistralForCausalLM network = network();
        network.freezeParameters(false);
        train(network, new DpoObjective(0.1), pairs(), network());
        assertParameters(network);
    }

    /** The one that continues is compared with the adapter at the beginning. */
    @ParameterizedTest
    @ValueSource(strings = {"dpo-lora", "dpo-lora-continued"})
    void preferencesWithAdapters(String name) throws Exception {
        open(name);
        MistralForCausalLM base = network();
        MistralForCausalLM network = adapted(base);
        MistralForCausalLM reference = null;
        if (expected.get("reference").getAsString().equals("initial")) {
            reference = base.withAdapter(network.adapter(), manager);
        }
        train(network, new DpoObjective(0.1), pairs(), reference);
        assertAdapter(network);
    }

    @ParameterizedTest
    @ValueSource(strings = {"sigmoid", "hinge", "ipo", "conservative"})
    void lossesOfPreferences(String name) throws Exception {
        open("dpo-losses/" + name);
        DpoObjective objective =
                name.equals("conservative")
                        ? new DpoObjective(DpoObjective.Loss.SIGMOID, 0.1, 0.1)
                        : new DpoObjective(
                                DpoObjective.Loss.valueOf(name.toUpperCase(Locale.ROOT)), 0.1, 0);
        train(adapted(network()), objective, pairs(), null);
    }
}
