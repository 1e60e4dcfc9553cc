/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDList;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.repository.zoo.ZooModel;
import io.github.djlmistral.engine.adapter.Adapter;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.model.TrainingSequence;
import io.github.djlmistral.engine.training.CausalObjective;
import io.github.djlmistral.engine.training.MistralTrainer;
import io.github.djlmistral.engine.training.DpoObjective;
import io.github.djlmistral.engine.training.EvaluationReport;
import io.github.djlmistral.engine.training.Objective;
import io.github.djlmistral.engine.training.TrainerResult;
import io.github.djlmistral.engine.training.TrainingData;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.chat.ChatTemplate;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import io.github.djlmistral.zoo.training.BlockDataset;
import io.github.djlmistral.zoo.training.JsonlDataset;
import io.github.djlmistral.zoo.training.JsonlDataset.OnBadRecord;
import io.github.djlmistral.zoo.training.PackedDataset;
import io.github.djlmistral.zoo.training.PreferenceOptions;
import io.github.djlmistral.zoo.training.PreferenceRecordReader;
import io.github.djlmistral.zoo.training.RecordMessages;
import io.github.djlmistral.zoo.training.RecordReader;
import io.github.djlmistral.zoo.training.SftOptions;
import io.github.djlmistral.zoo.training.SftRecordReader;
import io.github.djlmistral.zoo.training.TrainingTokenizer;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A training of a causal language model by {@code mistral train}. */
final class CausalTraining implements AutoCloseable {

    private final Terminal terminal;
    private final ModelOptions model;
    private final TrainingSettings settings;
    private final TrainingProgress progress;
    private final ZooModel<NDList, NDList> loaded;
    private final @Nullable MistralPipeline pipeline;
    private final MistralForCausalLM network;
    private @Nullable ZooModel<NDList, NDList> second;
    private @Nullable MistralForCausalLM reference;

    CausalTraining(
            Terminal terminal,
            ModelOptions model,
            TrainingSettings settings,
            TrainingProgress progress)
            throws IOException, ModelNotFoundException, MalformedModelException {
        this.terminal = terminal;
        this.model = model;
        this.settings = settings;
        this.progress = progress;
        loaded = model.load(terminal);
        try {
            pipeline =
                    MistralTokenizer.isIn(MistralPipeline.checkpoint(loaded))
                            ? MistralPipeline.open(loaded)
                            : null;
            network = network(Mistral.network(loaded));
        } catch (IOException | RuntimeException e) {
            loaded.close();
            throw e;
        }
    }

    /** Returns the network to train, with its trainable parameters unfrozen. */
    private MistralForCausalLM network(MistralForCausalLM base) throws IOException {
        if (settings.full()) {
            base.freezeParameters(false);
            return base;
        }
        Adapter adapter =
                settings.adapterInit() == null
                        ? base.newAdapter(settings.lora(model.model), settings.arguments().seed())
                        : Adapter.load(settings.adapterInit());
        MistralForCausalLM adapted = base.withAdapter(adapter, loaded.getNDManager());
        adapted.unfreezeAdapter();
        return adapted;
    }

    /**
     * Trains.
     *
     * @return how training ended
     */
    TrainerResult run() throws IOException, ModelNotFoundException, MalformedModelException {
        return switch (settings.method()) {
            case "dpo" -> preferences();
            case "lm" -> blocks();
            default -> settings.packing() ? packed() : sequences();
        };
    }

    private TrainerResult sequences() throws IOException {
        RecordReader<TrainingSequence> reader = reader(settings.sft(positions()));
        return train(settings.causal(), reader, data -> data);
    }

    private TrainerResult packed() throws IOException {
        SftOptions options = settings.sft(positions());
        return train(
                new PackedObjective(settings.causal()),
                reader(options),
                data -> new PackedDataset(data, options.maxLength()));
    }

    private TrainerResult blocks() throws IOException {
        int size = settings.blockSize(positions());
        return train(
                settings.causal(),
                reader(SftOptions.DEFAULT.withMaxLength(Integer.MAX_VALUE)),
                data -> new BlockDataset(data, size));
    }

    private TrainerResult preferences()
            throws IOException, ModelNotFoundException, MalformedModelException {
        DpoObjective objective = settings.dpo();
        PreferenceOptions options = settings.preferences(positions());
        if (settings.full()) {
            second = model.load(terminal); // frozen, and mapped from the same files
            reference = Mistral.network(second);
        } else if (settings.adapterInit() != null) {
            reference =
                    Mistral.network(loaded)
                            .withAdapter(
                                    Adapter.load(settings.adapterInit()), loaded.getNDManager());
        }
        return train(objective, new PreferenceRecordReader(tokenizer(), options), data -> data);
    }

    private int positions() {
        return network.config().maxPositionEmbeddings();
    }

    private SftRecordReader reader(SftOptions options) {
        return new SftRecordReader(tokenizer(), options);
    }

    private TrainingTokenizer tokenizer() {
        int vocabulary = network.config().vocabSize();
        return pipeline == null
                ? new TrainingTokenizer(null, null, vocabulary)
                : new TrainingTokenizer(pipeline.tokenizer(), template(pipeline), vocabulary);
    }

    /** Returns the template of the recipe, or that of the model. */
    private @Nullable ChatTemplate template(MistralPipeline pipeline) {
        if (settings.chatTemplate() == null) {
            return pipeline.chatTemplate().orElse(null);
        }
        MistralTokenizer tokenizer = pipeline.tokenizer();
        Map<String, String> tokens = new LinkedHashMap<>();
        OptimizationOptions.put(tokens, "bos_token", tokenizer.bosToken());
        OptimizationOptions.put(tokens, "eos_token", tokenizer.eosToken());
        return new ChatTemplate(settings.chatTemplate(), tokens);
    }

    private <R, E> TrainerResult train(
            Objective<E> objective,
            RecordReader<R> reader,
            Function<JsonlDataset<R>, TrainingData<E>> arrange)
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
            network.adapter().save(output);
        }
        if (settings.chatTemplate() != null) {
            Files.writeString(output.resolve("chat_template.jinja"), settings.chatTemplate());
        }
    }

    private void saveCheckpoint(Path output) throws IOException {
        // beside the checkpoints of the trainer, complete or not at all
        Path whole = Files.createTempDirectory(output, ".saving");
        Mistral.save(loaded, whole);
        List<Path> files;
        try (var list = Files.list(whole)) {
            files = list.toList();
        }
        Path config = whole.resolve("config.json");
        for (Path file : files) {
            if (!file.equals(config)) { // written last: without it the directory is no checkpoint
                move(file, output);
            }
        }
        move(config, output);
        Files.delete(whole);
    }

    private static void move(Path file, Path directory) throws IOException {
        Files.move(
                file,
                directory.resolve(String.valueOf(file.getFileName())),
                StandardCopyOption.ATOMIC_MOVE);
    }

    @Override
    public void close() {
        if (pipeline != null) {
            pipeline.close();
        }
        if (second != null) {
            second.close();
        }
        loaded.close();
    }

    /** Sequences of a packed row; each row is an example. */
    private record PackedObjective(CausalObjective causal)
            implements Objective<List<TrainingSequence>> {

        @Override
        public List<TrainingSequence> sequences(List<TrainingSequence> example) {
            return example;
        }

        @Override
        public long items(List<TrainingSequence> sequences) {
            return causal.items(sequences);
        }

        @Override
        public boolean needsMeans() {
            return causal.needsMeans();
        }

        @Override
        public Evaluation evaluate(
                List<List<TrainingSequence>> examples, MicroBatch batch, long items) {
            return causal.evaluate(batch.sequences(), batch, items);
        }
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
