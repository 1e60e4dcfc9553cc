/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.ndarray.NDList;
import ai.djl.repository.zoo.ZooModel;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.model.MistralPreTrainedModel;
import io.github.djlmistral.engine.training.EvaluationReport;
import io.github.djlmistral.engine.training.MistralTrainer;
import io.github.djlmistral.engine.training.Objective;
import io.github.djlmistral.engine.training.TrainerResult;
import io.github.djlmistral.engine.training.TrainingData;
import io.github.djlmistral.engine.weights.StagingDirectory;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.training.JsonlDataset;
import io.github.djlmistral.zoo.training.JsonlDataset.OnBadRecord;
import io.github.djlmistral.zoo.training.RecordMessages;
import io.github.djlmistral.zoo.training.RecordReader;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.function.Function;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Trains a network on the records of files.
 *
 * @param terminal shows what is left out
 * @param settings what was asked for
 * @param progress shows the progress
 * @param loaded the model
 * @param network its network, or a view of it with an adapter; what is trained is unfrozen
 */
record TrainingSession(
        Terminal terminal,
        TrainingSettings settings,
        TrainingProgress progress,
        ZooModel<NDList, NDList> loaded,
        MistralPreTrainedModel network) {

    /**
     * Trains, evaluates, and saves the result.
     *
     * @param objective what to minimize
     * @param reader converts the records
     * @param arrange makes examples of records
     * @param reference see {@link MistralTrainer#reference}; null for the default
     * @return how training ended
     */
    <R, E> TrainerResult train(
            Objective<E> objective,
            RecordReader<R> reader,
            Function<JsonlDataset<R>, TrainingData<E>> arrange,
            @Nullable MistralForCausalLM reference)
            throws IOException {
        try (JsonlDataset<R> records = open(settings.data(), reader);
                JsonlDataset<R> others =
                        settings.eval() == null ? null : open(settings.eval(), reader)) {
            TrainingData<E> data = new Counted<>(arrange.apply(records), objective, progress);
            TrainingData<E> heldOut = others == null ? null : arrange.apply(others);
            MistralTrainer<E> trainer =
                    new MistralTrainer<>(network, objective, settings.arguments())
                            .addCallback(progress);
            if (reference != null) {
                trainer.reference(reference);
            }
            if (heldOut != null && settings.evalOnStart()) {
                progress.onEvaluate(trainer.evaluate(heldOut));
            }
            TrainerResult result = trainer.train(data, heldOut, settings.resumeFrom());
            if (result.end() != TrainerResult.End.INTERRUPTED) {
                if (heldOut != null && !progress.hasEvaluated(result.steps())) {
                    EvaluationReport end = trainer.evaluate(heldOut);
                    progress.onEvaluate(
                            new EvaluationReport(
                                    result.steps(),
                                    settings.arguments().numTrainEpochs(),
                                    end.loss(),
                                    false,
                                    end.metrics()));
                }
                save();
            }
            return result;
        }
    }

    private <R> JsonlDataset<R> open(Path file, RecordReader<R> reader) throws IOException {
        JsonlDataset<R> records = JsonlDataset.open(file, reader, OnBadRecord.SKIP);
        note(file, "skipped", records.skipped());
        note(file, "used with a warning", records.warnings());
        return records;
    }

    private void note(Path file, String how, RecordMessages messages) {
        if (messages.count() > 0) {
            terminal.note(file + ": " + messages.count() + " records are " + how + ":");
            messages.toString().lines().forEach(terminal::note);
        }
    }

    /** Writes the adapter, or the whole checkpoint. */
    private void save() throws IOException {
        Path output = settings.output();
        Files.createDirectories(output);
        if (settings.full()) {
            saveCheckpoint(output);
        } else {
            Mistral.saveAdapter(loaded, network, output);
        }
        if (settings.chatTemplate() != null) {
            Files.writeString(output.resolve("chat_template.jinja"), settings.chatTemplate());
        }
    }

    /** The files appear beside the checkpoints of the trainer when all are complete. */
    private void saveCheckpoint(Path output) throws IOException {
        try (StagingDirectory staging = StagingDirectory.of(output.resolve("saved"))) {
            Mistral.save(loaded, staging.path());
            Path config = staging.path().resolve("config.json");
            try (Stream<Path> files = Files.list(staging.path())) {
                for (Path file : files.filter(file -> !file.equals(config)).toList()) {
                    move(file, output);
                }
            }
            move(config, output); // last: without it the directory is no checkpoint
        }
    }

    private static void move(Path file, Path directory) throws IOException {
        Files.move(
                file,
                directory.resolve(String.valueOf(file.getFileName())),
                StandardCopyOption.ATOMIC_MOVE);
    }

    /** Counts the tokens of the examples that training asks for. */
    private record Counted<E>(
            TrainingData<E> data, Objective<E> objective, TrainingProgress progress)
            implements TrainingData<E> {

        @Override
        public int size() {
            return data.size();
        }

        @Override
        public E get(int index) {
            E example = data.get(index);
            progress.count(
                    objective.sequences(example).stream()
                            .mapToLong(sequence -> sequence.ids().length)
                            .sum());
            return example;
        }

        @Override
        public String name(int index) {
            return data.name(index);
        }
    }
}
