/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.nn.Parameter;
import com.google.common.jimfs.Configuration;
import com.google.common.jimfs.Jimfs;
import io.github.djlmistral.engine.adapter.LoraConfig;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.model.TrainingSequence;
import io.github.djlmistral.engine.training.CausalObjective;
import io.github.djlmistral.engine.training.DpoObjective;
import io.github.djlmistral.engine.training.EvaluationReport;
import io.github.djlmistral.engine.training.MistralTrainer;
import io.github.djlmistral.engine.training.NonFiniteLossException;
import io.github.djlmistral.engine.training.Objective;
import io.github.djlmistral.engine.training.PreferencePair;
import io.github.djlmistral.engine.training.StepReport;
import io.github.djlmistral.engine.training.TrainerCallback;
import io.github.djlmistral.engine.training.TrainerResult;
import io.github.djlmistral.engine.training.TrainingArguments;
import io.github.djlmistral.engine.training.TrainingArguments.Interval;
import io.github.djlmistral.engine.training.TrainingArguments.OptimizerName;
import io.github.djlmistral.engine.training.TrainingArgumentsBuilder;
import io.github.djlmistral.engine.training.TrainingData;
import io.github.djlmistral.tests.model.Fixture;
import io.github.djlmistral.tests.model.Reference;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.FileSystem;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.function.IntConsumer;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Trainings on a tiny network: steps, checkpoints, evaluation and what ends them. */
class TrainerTest extends Fixture {

    private static final String CHECKPOINT = "window8-f32";

    @TempDir private Path temporary;

    private MistralForCausalLM base;
    private Path output;

    @BeforeEach
    void loadBase() throws Exception {
        base = load(CHECKPOINT, "torch");
        output = temporary.resolve("out");
    }

    /** Examples that tell which are read. */
    private final class Data implements TrainingData<TrainingSequence> {

        private final List<TrainingSequence> sequences;
        private final List<Integer> read = new ArrayList<>();
        private IntConsumer onRead = index -> {};

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

    private Data data() {
        return new Data(5, 3, 9, 4, 12, 7, 5, 8, 6, 10, 11);
    }

    /** Records what callbacks are told. */
    private static final class Events implements TrainerCallback {

        private final List<StepReport> reports = new ArrayList<>();
        private final List<EvaluationReport> evaluations = new ArrayList<>();
        private final List<String> saved = new ArrayList<>();
        private IntConsumer onStep = step -> {};

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

    private MistralForCausalLM full() throws Exception {
        MistralForCausalLM network = load(CHECKPOINT, "torch");
        network.freezeParameters(false);
        return network;
    }

    private MistralForCausalLM adapted() {
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

    private TrainingArgumentsBuilder arguments() {
        return TrainingArguments.builder()
                .perDeviceTrainBatchSize(2)
                .gradientAccumulationSteps(2)
                .learningRate(1e-3)
                .warmupSteps(2)
                .weightDecay(0.1)
                .maxSteps(7)
                .saveSteps(100);
    }

    private static Events train(
            MistralForCausalLM network,
            TrainingArgumentsBuilder arguments,
            TrainingData<TrainingSequence> data)
            throws IOException {
        Events events = new Events();
        train(network, arguments, data, null, null, events);
        return events;
    }

    private static TrainerResult train(
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

    private static Map<String, float[]> values(MistralForCausalLM network) {
        Map<String, float[]> values = new HashMap<>();
        for (Map.Entry<String, Parameter> entry : network.namedParameters().entrySet()) {
            values.put(entry.getKey(), entry.getValue().getArray().toFloatArray());
        }
        return values;
    }

    private static void assertSameValues(MistralForCausalLM actual, MistralForCausalLM expected) {
        Map<String, float[]> other = values(expected);
        values(actual).forEach((name, value) -> assertThat(value).isEqualTo(other.get(name)));
    }

    private List<String> files() throws IOException {
        try (Stream<Path> entries = Files.list(output)) {
            return entries.map(entry -> String.valueOf(entry.getFileName())).sorted().toList();
        }
    }

    /** An epoch of 10 examples has steps of 4, 4 and 2; each epoch has another order. */
    @Test
    void eachEpochSeesAllExamplesInAnotherOrder() throws Exception {
        Data data = data();
        Events events = train(adapted(), arguments().maxSteps(-1).numTrainEpochs(2), data);
        assertThat(events.reports).hasSize(6);
        assertThat(events.reports.stream().map(StepReport::epoch).toList())
                .containsExactly(0.4, 0.8, 1.0, 1.4, 1.8, 2.0);
        List<Integer> all = IntStream.range(0, 10).boxed().toList();
        List<Integer> first = data.read.subList(0, 10);
        List<Integer> second = data.read.subList(10, 20);
        assertThat(first).containsExactlyInAnyOrderElementsOf(all).isNotEqualTo(all);
        assertThat(second).containsExactlyInAnyOrderElementsOf(all).isNotEqualTo(first);

        Data again = data();
        train(adapted(), arguments().maxSteps(5), again);
        assertThat(again.read).isEqualTo(data.read.subList(0, 18));
        Data other = data();
        train(adapted(), arguments().maxSteps(1).seed(43), other);
        assertThat(other.read).isNotEqualTo(data.read.subList(0, 4));
        Data ordered = data();
        train(adapted(), arguments().maxSteps(3).shuffle(false), ordered);
        assertThat(ordered.read).isEqualTo(all);
    }

    /** Half an epoch of 3 steps is 2 steps. */
    @Test
    void fractionsOfAnEpochAreRoundedUp() throws Exception {
        assertThat(train(adapted(), arguments().maxSteps(-1).numTrainEpochs(0.5), data()).reports)
                .hasSize(2);
    }

    /** Micro-batches have different numbers of tokens. */
    @ParameterizedTest
    @CsvSource({"1, 4, false", "2, 2, true"})
    void accumulatedIsOneLargeBatch(int batch, int accumulation, boolean checkpointing)
            throws Exception {
        MistralForCausalLM large = full();
        MistralForCausalLM small = full();
        Events expected =
                train(
                        large,
                        arguments().perDeviceTrainBatchSize(4).gradientAccumulationSteps(1),
                        data());
        Events actual =
                train(
                        small,
                        arguments()
                                .perDeviceTrainBatchSize(batch)
                                .gradientAccumulationSteps(accumulation)
                                .gradientCheckpointing(checkpointing),
                        data());
        for (int i = 0; i < 7; i++) {
            StepReport one = expected.reports.get(i);
            StepReport other = actual.reports.get(i);
            assertThat(other.loss()).isCloseTo(one.loss(), within(2e-5 * one.loss()));
            assertThat(other.gradNorm()).isCloseTo(one.gradNorm(), within(2e-5 * one.gradNorm()));
        }
    }

    /** A report is the mean of its steps; the last one may have fewer. */
    @Test
    void reportsAreMeansOverSteps() throws Exception {
        List<Double> single = train(adapted(), arguments(), data()).losses();
        Events events = train(adapted(), arguments().loggingSteps(3), data());
        assertThat(events.reports.stream().map(StepReport::step).toList()).containsExactly(3, 6, 7);
        assertThat(events.reports.get(1).loss())
                .isEqualTo((single.get(3) + single.get(4) + single.get(5)) / 3);
        assertThat(events.reports.get(2).loss()).isEqualTo(single.get(6));
    }

    /** From a checkpoint in the middle of an epoch, with dropout. */
    @ParameterizedTest
    @CsvSource({
        "true, ADAMW_TORCH",
        "true, ADAMW_8BIT",
        "true, LION_32BIT",
        "false, ADAMW_TORCH",
        "false, ADAMW_8BIT"
    })
    void resumedIsUninterrupted(boolean lora, OptimizerName optim) throws Exception {
        TrainingArgumentsBuilder arguments =
                arguments().outputDir(output).saveSteps(4).optim(optim).neftuneNoiseAlpha(5);
        MistralForCausalLM whole = lora ? adapted() : full();
        Events all = new Events();
        train(whole, arguments, data(), null, null, all);
        assertThat(files()).containsExactly("checkpoint-4", "checkpoint-7");
        assertThat(all.saved).containsExactly("checkpoint-4", "checkpoint-7");

        MistralForCausalLM resumed = lora ? adapted() : full();
        Events rest = new Events();
        TrainerResult result =
                train(resumed, arguments, data(), null, output.resolve("checkpoint-4"), rest);
        assertThat(rest.reports).isEqualTo(all.reports.subList(4, 7));
        assertSameValues(resumed, whole);
        assertThat(result.steps()).isEqualTo(7);
        assertThat(files()).containsExactly("checkpoint-4", "checkpoint-7");
        assertThat(MistralTrainer.lastCheckpoint(output)).isEqualTo(output.resolve("checkpoint-7"));
    }

    /** Weights in bfloat16 continue from their float32 copies. */
    @Test
    void bfloat16IsResumed() throws Exception {
        TrainingArgumentsBuilder arguments = arguments().outputDir(output).saveSteps(4);
        Events all = train(bfloat16(), arguments, data());
        Events rest = new Events();
        train(bfloat16(), arguments, data(), null, output.resolve("checkpoint-4"), rest);
        assertThat(rest.reports).isEqualTo(all.reports.subList(4, 7));
        assertThat(all.reports.get(6).loss()).isLessThan(all.reports.get(0).loss());
    }

    private MistralForCausalLM bfloat16() throws Exception {
        MistralForCausalLM network =
                MistralForCausalLM.load(
                        Reference.directory("checkpoints/" + CHECKPOINT),
                        manager,
                        new ComputeOptions("torch", "bfloat16"));
        network.freezeParameters(false);
        return network;
    }

    @Test
    void otherTrainingsAreNotResumed() throws Exception {
        TrainingArgumentsBuilder arguments = arguments().outputDir(output).maxSteps(1);
        train(adapted(), arguments, data());
        Path checkpoint = output.resolve("checkpoint-1");
        assertThatThrownBy(
                        () ->
                                train(
                                        adapted(),
                                        arguments.seed(1),
                                        data(),
                                        null,
                                        checkpoint,
                                        new Events()))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("its training has seed 42, this one 1");
        assertThatThrownBy(
                        () ->
                                train(
                                        adapted(),
                                        arguments.seed(42),
                                        new Data(5, 3, 4),
                                        null,
                                        checkpoint,
                                        new Events()))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("its training has examples 10, this one 2");
        assertThatThrownBy(() -> train(full(), arguments, data(), null, checkpoint, new Events()))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("model.safetensors");
    }

    /** The checkpoint is that of the step, and training goes on from it to the same losses. */
    @Test
    void interruptSavesAndStopsAtTheEndOfTheStep() throws Exception {
        List<Double> expected = train(adapted(), arguments(), data()).losses();
        TrainingArgumentsBuilder arguments = arguments().outputDir(output);
        Events events = new Events();
        events.onStep =
                step -> {
                    if (step == 3) {
                        Thread.currentThread().interrupt();
                    }
                };
        TrainerResult result = train(adapted(), arguments, data(), null, null, events);
        assertThat(Thread.interrupted()).isFalse();
        assertThat(result.end()).isEqualTo(TrainerResult.End.INTERRUPTED);
        assertThat(result.steps()).isEqualTo(3);
        assertThat(result.checkpoint()).isEqualTo(output.resolve("checkpoint-3"));
        events.onStep = step -> {};
        TrainerResult rest = train(adapted(), arguments, data(), null, result.checkpoint(), events);
        assertThat(rest.end()).isEqualTo(TrainerResult.End.COMPLETE);
        assertThat(events.losses()).isEqualTo(expected);
    }

    /** An interrupt closes channels of files: data that is read through one fails. */
    @Test
    void interruptWhileDataIsReadSavesToo() throws Exception {
        Data data = data();
        data.onRead =
                index -> {
                    if (data.read.size() == 7) {
                        Thread.currentThread().interrupt();
                        throw new UncheckedIOException(new ClosedByInterruptException());
                    }
                };
        Events events = new Events();
        TrainerResult result =
                train(adapted(), arguments().outputDir(output), data, null, null, events);
        assertThat(Thread.interrupted()).isFalse();
        assertThat(result.end()).isEqualTo(TrainerResult.End.INTERRUPTED);
        assertThat(files()).containsExactly("checkpoint-1");
    }

    @Test
    void interruptWhileHeldOutDataIsReadSavesToo() throws Exception {
        Data heldOut = new Data(9, 4, 5);
        heldOut.onRead =
                index -> {
                    Thread.currentThread().interrupt();
                    throw new UncheckedIOException(new ClosedByInterruptException());
                };
        TrainerResult result =
                train(
                        adapted(),
                        arguments().outputDir(output).evalStrategy(Interval.STEPS).evalSteps(2),
                        data(),
                        heldOut,
                        null,
                        new Events());
        assertThat(Thread.interrupted()).isFalse();
        assertThat(result.end()).isEqualTo(TrainerResult.End.INTERRUPTED);
        assertThat(files()).containsExactly("checkpoint-2");
    }

    /** A weight that is NaN stands for a network that has diverged. */
    @Test
    void lossThatIsNotANumberStops() throws Exception {
        MistralForCausalLM network = full();
        Events events = new Events();
        events.onStep =
                step -> {
                    if (step == 4) {
                        network.namedParameters()
                                .get("model.norm.weight")
                                .getArray()
                                .muli(Float.NaN);
                    }
                };
        assertThatThrownBy(
                        () ->
                                train(
                                        network,
                                        arguments().shuffle(false).outputDir(output).saveSteps(2),
                                        data(),
                                        null,
                                        null,
                                        events))
                .isInstanceOfSatisfying(
                        NonFiniteLossException.class, e -> assertThat(e.step()).isEqualTo(5))
                .hasMessageContaining("the loss is NaN at step 5")
                .hasMessageContaining("data.jsonl:5, data.jsonl:6.");
        assertThat(MistralTrainer.lastCheckpoint(output)).isEqualTo(output.resolve("checkpoint-4"));
        assertThat(events.reports).hasSize(4);
    }

    /** A loss of 1 whose derivatives are the largest float. */
    private static final class Steep implements Objective<TrainingSequence> {

        private final CausalObjective usual = new CausalObjective();

        @Override
        public List<TrainingSequence> sequences(TrainingSequence example) {
            return usual.sequences(example);
        }

        @Override
        public long items(List<TrainingSequence> sequences) {
            return usual.items(sequences);
        }

        @Override
        public Evaluation evaluate(List<TrainingSequence> examples, MicroBatch batch, long items) {
            int count = batch.outputs().length;
            float[] steep = TrainingPasses.filled(count, Float.MAX_VALUE);
            return new Evaluation(1, steep, null, Map.of());
        }
    }

    @Test
    void gradientsThatOverflowStop() throws Exception {
        MistralForCausalLM network = full();
        assertThatThrownBy(
                        () ->
                                new MistralTrainer<>(network, new Steep(), arguments().build())
                                        .train(data(), null, null))
                .isInstanceOf(NonFiniteLossException.class)
                .hasMessageContaining("the norm of the gradients is ")
                .hasMessageContaining("at step 1, with data.jsonl:");
        assertSameValues(network, full());
    }

    /**
     * A rate of 100 makes the held-out loss rise: the best weights are those of the first steps.
     */
    @Test
    void trainingStopsEarlyWithTheBestWeights() throws Exception {
        MistralForCausalLM network = full();
        Data heldOut = new Data(9, 8, 9, 10);
        Events events = new Events();
        TrainerResult result =
                train(
                        network,
                        arguments()
                                .outputDir(output)
                                .learningRate(100)
                                .warmupSteps(5)
                                .maxSteps(50)
                                .evalStrategy(Interval.STEPS)
                                .evalSteps(1)
                                .loadBestModelAtEnd(true)
                                .earlyStoppingPatience(2),
                        data(),
                        heldOut,
                        null,
                        events);
        assertThat(result.end()).isEqualTo(TrainerResult.End.EARLY_STOPPED);
        assertThat(result.steps()).isEqualTo(3);
        assertThat(result.best()).isEqualTo(output.resolve("checkpoint-1"));
        // the rate of the first step is 0
        assertThat(events.evaluations.stream().map(EvaluationReport::best).toList())
                .containsExactly(true, false, false);
        assertSameValues(network, full());
        double loss =
                new MistralTrainer<>(network, new CausalObjective(), arguments().build())
                        .evaluate(heldOut)
                        .loss();
        assertThat(loss).isEqualTo(events.evaluations.get(0).loss());
    }

    /** Evaluation does not depend on its batches, and the smoothed loss is not reported. */
    @Test
    void evaluationIsTheMeanOverAllTokens() {
        Data heldOut = new Data(9, 2, 9, 15, 4);
        MistralForCausalLM network = base; // frozen
        double all =
                new MistralTrainer<>(network, new CausalObjective(), arguments().build())
                        .evaluate(heldOut)
                        .loss();
        double single =
                new MistralTrainer<>(
                                network,
                                new CausalObjective(0.2),
                                arguments().perDeviceEvalBatchSize(1).build())
                        .evaluate(heldOut)
                        .loss();
        assertThat(single).isCloseTo(all, within(1e-5));
    }

    @Test
    void oldCheckpointsAreDeleted() throws Exception {
        train(adapted(), arguments().outputDir(output).saveSteps(1).saveTotalLimit(2), data());
        assertThat(files()).containsExactly("checkpoint-6", "checkpoint-7");
    }

    /** The second checkpoint fills the disk, at its weights, its optimizer's states or later. */
    @ParameterizedTest
    @ValueSource(doubles = {1.01, 1.2, 1.6, 1.95})
    void aFullDiskLeavesTheOldCheckpoint(double checkpoints) throws Exception {
        TrainingArgumentsBuilder arguments = arguments().saveSteps(2).maxSteps(4);
        train(adapted(), arguments.outputDir(output), data());
        Map<String, byte[]> expected = content(output.resolve("checkpoint-2"));
        int block = 64;
        int blocks =
                expected.values().stream()
                        .mapToInt(file -> (file.length + block - 1) / block)
                        .sum();
        Configuration disk =
                Configuration.unix().toBuilder()
                        .setBlockSize(block)
                        .setMaxSize((long) (checkpoints * blocks) * block)
                        .build();
        try (FileSystem full = Jimfs.newFileSystem(disk)) {
            output = full.getPath("/out");
            assertThatThrownBy(() -> train(adapted(), arguments.outputDir(output), data()))
                    .isInstanceOf(IOException.class)
                    .hasMessageContainingAll("checkpoint-4", "out of disk space");
            assertThat(files()).containsExactly("checkpoint-2");
            Map<String, byte[]> kept = content(output.resolve("checkpoint-2"));
            assertThat(kept.keySet()).isEqualTo(expected.keySet());
            expected.forEach((name, bytes) -> assertThat(kept.get(name)).isEqualTo(bytes));
        }
    }

    private static Map<String, byte[]> content(Path directory) throws IOException {
        Map<String, byte[]> content = new HashMap<>();
        try (Stream<Path> files = Files.list(directory)) {
            for (Path file : files.toList()) {
                content.put(String.valueOf(file.getFileName()), Files.readAllBytes(file));
            }
        }
        return content;
    }

    /** What a killed process has left is deleted at the next start. */
    @Test
    void incompleteCheckpointsAreDeletedAndNotResumed() throws Exception {
        Path left = output.resolve(".checkpoint-9.4b0e.tmp");
        Files.createDirectories(left);
        Files.createFile(left.resolve("optimizer.safetensors"));
        Files.createDirectories(output.resolve("checkpoint-8"));
        assertThat(MistralTrainer.lastCheckpoint(output)).isNull();
        train(adapted(), arguments().outputDir(output).maxSteps(1), data());
        assertThat(files()).containsExactly("checkpoint-1", "checkpoint-8");
        assertThat(MistralTrainer.lastCheckpoint(output)).isEqualTo(output.resolve("checkpoint-1"));
        assertThat(MistralTrainer.lastCheckpoint(temporary.resolve("none"))).isNull();
    }

    /** What is saved of all parameters is a checkpoint of the same logits. */
    @Test
    void savedWeightsAreLoaded() throws Exception {
        MistralForCausalLM network = full();
        train(network, arguments().maxSteps(2), data());
        new MistralTrainer<>(network, new CausalObjective(), arguments().build()).save(output);
        Files.copy(
                Reference.directory("checkpoints/" + CHECKPOINT).resolve("config.json"),
                output.resolve("config.json"));
        MistralForCausalLM loaded =
                MistralForCausalLM.load(output, manager, new ComputeOptions("torch", "float32"));
        assertSameValues(loaded, network);
    }

    @Test
    void badInputIsNamed() throws Exception {
        MistralForCausalLM network = adapted();
        TrainingData<PreferencePair> pairs =
                new TrainingData<>() {
                    @Override
                    public int size() {
                        return 1;
                    }

                    @Override
                    public PreferencePair get(int index) {
                        return new PreferencePair(new long[] {4}, new long[] {5}, new long[] {6});
                    }
                };
        assertThatThrownBy(
                        () ->
                                new MistralTrainer<>(
                                                full(), new DpoObjective(0.1), arguments().build())
                                        .train(pairs, null, null))
                .isInstanceOf(IllegalStateException.class)
                .hasMessageContaining("reference(..)");
        assertThatThrownBy(() -> train(base, arguments(), data()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("all parameters of the network are frozen");
        assertThatThrownBy(() -> train(network, arguments().evalStrategy(Interval.EPOCH), data()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("eval_strategy needs held-out examples");
        assertThatThrownBy(() -> train(network, arguments(), new Data(1)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("no examples");
        assertThatThrownBy(() -> train(network, arguments(), new Data(1, 1, 1)))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("nothing counts in the examples: data.jsonl:");
        base.freezeParameters(false);
        assertThatThrownBy(() -> train(network, arguments(), data()))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("parameters of the base are unfrozen");
        base.freezeParameters(true);
    }
}
