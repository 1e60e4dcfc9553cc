/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.common.jimfs.Configuration;
import com.google.common.jimfs.Jimfs;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.training.CausalObjective;
import io.github.djlmistral.engine.training.MistralTrainer;
import io.github.djlmistral.engine.training.TrainerResult;
import io.github.djlmistral.engine.training.TrainingArguments.Interval;
import io.github.djlmistral.engine.training.TrainingArguments.OptimizerName;
import io.github.djlmistral.engine.training.TrainingArgumentsBuilder;
import io.github.djlmistral.tests.model.Reference;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.ClosedByInterruptException;
import java.nio.file.FileSystem;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Checkpoints of a training: they resume it, and are complete whatever ends it. */
class CheckpointsTest extends TrainerFixture {

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
                        .setMaxSize(((long) (checkpoints * blocks)) * block)
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
}
