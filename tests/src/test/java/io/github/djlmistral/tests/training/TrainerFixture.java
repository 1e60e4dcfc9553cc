/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.training;

import static org.assertj.core.api.Assertions.assertThat;

import ai.djl.nn.Parameter;
import io.github.djlmistral.engine.adapter.LoraConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.model.TrainingSequence;
import io.github.djlmistral.engine.training.CausalObjective;
import io.github.djlmistral.engine.training.EvaluationReport;
import io.github.djlmistral.engine.training.MistralTrainer;
import io.github.djlmistral.engine.training.StepReport;
import io.github.djlmistral.engine.training.TrainerCallback;
import io.github.djlmistral.engine.training.TrainerResult;
import io.github.djlmistral.engine.training.TrainingArguments;
import io.github.djlmistral.engine.training.TrainingArgumentsBuilder;
import io.github.djlmistral.engine.training.TrainingData;
import io.github.djlmistral.tests.model.Fixture;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;

/** A tiny network to train, its data, and what trainers report. */
abstract class TrainerFixture extends Fixture {

    static final String CHECKPOINT = "window8-f32";

    @TempDir Path temporary;

    MistralForCausalLM base;
    Path output;

    @BeforeEach
    void loadBase() throws Exception {
        base = load(CHECKPOINT, "torch");
        output = temporary.resolve("out");
    }

    /** Examples that tell which are read. */
    final class Data implements TrainingData<TrainingSequence> {

        private final List<TrainingSequence> sequences;
        final List<Integer> read = new ArrayList<>();
        IntConsumer onRead = index -> {};

        Data(long seed, int... lengths) {
            sequences = TrainingPasses.sequences(base, seed, lengths);
        }

        @Override
        public int size() {
            return sequences.size();
        }

        @Override
        public TrainingSequence get(int index) {
            read.add(index);
            onRead.accept(index);
            return sequences.get(index);
        }

        @Override
        public String name(int index) {
            return "data.jsonl:" + (index + 1);
        }
    }

    Data data() {
        return new Data(5, 3, 9, 4, 12, 7, 5, 8, 6, 10, 11);
    }

    /** Records what callbacks are told. */
    static final class Events implements TrainerCallback {

        final List<StepReport> reports = new ArrayList<>();
        final List<EvaluationReport> evaluations = new ArrayList<>();
        final List<String> saved = new ArrayList<>();
        IntConsumer onStep = step -> {};

        @Override
        public void onLog(StepReport report) {
            reports.add(report);
            onStep.accept(report.step());
        }

        @Override
        public void onEvaluate(EvaluationReport report) {
            evaluations.add(report);
        }

        @Override
        public void onSave(Path checkpoint) {
            saved.add(String.valueOf(checkpoint.getFileName()));
        }

        List<Double> losses() {
            return reports.stream().map(StepReport::loss).toList();
        }
    }

    MistralForCausalLM full() throws Exception {
        MistralForCausalLM network = load(CHECKPOINT, "torch");
        network.freezeParameters(false);
        return network;
    }

    MistralForCausalLM adapted() {
        LoraConfig config =
                LoraConfig.builder()
                        .r(3)
                        .alpha(6)
                        .dropout(0.2)
                        .targetModules(List.of("q_proj", "down_proj"))
                        .build();
        MistralForCausalLM network = base.withAdapter(base.newAdapter(config, 7), manager);
        network.unfreezeAdapter();
        return network;
    }

    TrainingArgumentsBuilder arguments() {
        return TrainingArguments.builder()
                .perDeviceTrainBatchSize(2)
                .gradientAccumulationSteps(2)
                .learningRate(1e-3)
                .warmupSteps(2)
                .weightDecay(0.1)
                .maxSteps(7)
                .saveSteps(100);
    }

    static Events train(
            MistralForCausalLM network,
            TrainingArgumentsBuilder arguments,
            TrainingData<TrainingSequence> data)
            throws IOException {
        Events events = new Events();
        train(network, arguments, data, null, null, events);
        return events;
    }

    static TrainerResult train(
            MistralForCausalLM network,
            TrainingArgumentsBuilder arguments,
            TrainingData<TrainingSequence> data,
            @Nullable TrainingData<TrainingSequence> heldOut,
            @Nullable Path resumeFrom,
            Events events)
            throws IOException {
        return new MistralTrainer<>(network, new CausalObjective(), arguments.build())
                .addCallback(events)
                .train(data, heldOut, resumeFrom);
    }

    static Map<String, float[]> values(MistralForCausalLM network) {
        Map<String, float[]> values = new HashMap<>();
        for (Map.Entry<String, Parameter> entry : network.namedParameters().entrySet()) {
            values.put(entry.getKey(), entry.getValue().getArray().toFloatArray());
        }
        return values;
    }

    static void assertSameValues(MistralForCausalLM actual, MistralForCausalLM expected) {
        Map<String, float[]> other = values(expected);
        values(actual).forEach((name, value) -> assertThat(value).isEqualTo(other.get(name)));
    }

    List<String> files() throws IOException {
        try (Stream<Path> entries = Files.list(output)) {
            return entries.map(entry -> String.valueOf(entry.getFileName())).sorted().toList();
        }
    }
}
