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
import io.github.djlmistral.engine.training.DpoObjective;
import io.github.djlmistral.engine.training.Objective;
import io.github.djlmistral.engine.training.TrainerResult;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.chat.ChatTemplate;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import io.github.djlmistral.zoo.training.BlockDataset;
import io.github.djlmistral.zoo.training.PackedDataset;
import io.github.djlmistral.zoo.training.PreferenceOptions;
import io.github.djlmistral.zoo.training.PreferenceRecordReader;
import io.github.djlmistral.zoo.training.RecordReader;
import io.github.djlmistral.zoo.training.SftOptions;
import io.github.djlmistral.zoo.training.SftRecordReader;
import io.github.djlmistral.zoo.training.TrainingTokenizer;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import java.io.IOException;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** A training of a causal language model by {@code mistral train}. */
final class CausalTraining implements Training {

    private final Terminal terminal;
    private final ModelOptions model;
    private final TrainingSettings settings;
    private final ZooModel<NDList, NDList> loaded;
    private final @Nullable MistralPipeline pipeline;
    private final MistralForCausalLM network;
    private final TrainingSession session;
    private @Nullable ZooModel<NDList, NDList> second;

    CausalTraining(
            Terminal terminal,
            ModelOptions model,
            TrainingSettings settings,
            TrainingProgress progress)
            throws IOException, ModelNotFoundException, MalformedModelException {
        this.terminal = terminal;
        this.model = model;
        this.settings = settings;
        loaded = model.load(terminal);
        try {
            pipeline =
                    MistralTokenizer.isIn(MistralPipeline.checkpoint(loaded))
                            ? MistralPipeline.open(loaded)
                            : null;
            network = network(Mistral.network(loaded));
            session = new TrainingSession(terminal, settings, progress, loaded, network);
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

    @Override
    public TrainerResult run() throws IOException, ModelNotFoundException, MalformedModelException {
        return switch (settings.method()) {
            case "dpo" -> preferences();
            case "lm" -> blocks();
            default -> settings.packing() ? packed() : sequences();
        };
    }

    private TrainerResult sequences() throws IOException {
        RecordReader<TrainingSequence> reader = reader(settings.sft(positions()));
        return session.train(settings.causal(), reader, data -> data, null);
    }

    private TrainerResult packed() throws IOException {
        SftOptions options = settings.sft(positions());
        return session.train(
                new PackedObjective(settings.causal()),
                reader(options),
                data -> new PackedDataset(data, options.maxLength()),
                null);
    }

    private TrainerResult blocks() throws IOException {
        int size = settings.blockSize(positions());
        return session.train(
                settings.causal(),
                reader(SftOptions.DEFAULT.withMaxLength(Integer.MAX_VALUE)),
                data -> new BlockDataset(data, size),
                null);
    }

    private TrainerResult preferences()
            throws IOException, ModelNotFoundException, MalformedModelException {
        DpoObjective objective = settings.dpo();
        MistralForCausalLM reference = null;
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
        return session.train(
                objective,
                new PreferenceRecordReader(tokenizer(), options),
                data -> data,
                reference);
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
}
