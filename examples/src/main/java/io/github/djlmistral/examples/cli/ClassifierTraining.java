/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.MalformedModelException;
import ai.djl.engine.Engine;
import ai.djl.ndarray.NDList;
import ai.djl.nn.Parameter;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.repository.zoo.ZooModel;
import io.github.djlmistral.engine.adapter.Adapter;
import io.github.djlmistral.engine.model.LabelConfig;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForQuestionAnswering;
import io.github.djlmistral.engine.model.MistralForSequenceClassification;
import io.github.djlmistral.engine.model.MistralForTokenClassification;
import io.github.djlmistral.engine.training.SequenceClassificationObjective;
import io.github.djlmistral.engine.training.TrainerResult;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import io.github.djlmistral.zoo.training.ClassificationRecordReader;
import io.github.djlmistral.zoo.training.TrainingTokenizer;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** A training of a sequence classifier by {@code mistral train}. */
final class ClassifierTraining implements Training {

    private static final String HEAD = MistralForSequenceClassification.class.getSimpleName();
    private static final List<String> HEADS =
            List.of(
                    HEAD,
                    MistralForTokenClassification.class.getSimpleName(),
                    MistralForQuestionAnswering.class.getSimpleName());

    private final TrainingSettings settings;
    private final ZooModel<NDList, NDList> loaded;
    private final @Nullable MistralTokenizer tokenizer;
    private final MistralForSequenceClassification network;
    private final TrainingSession session;

    ClassifierTraining(
            Terminal terminal,
            ModelOptions model,
            TrainingSettings settings,
            TrainingProgress progress)
            throws IOException, ModelNotFoundException, MalformedModelException {
        this.settings = settings;
        model.setThreads(terminal);
        Map<String, Object> head = head(terminal, model.path(terminal));
        Engine.getEngine(model.engine().engineName())
                .setRandomSeed((int) settings.arguments().seed()); // of a new head
        loaded = model.load(terminal, NDList.class, NDList.class, head);
        try {
            if (!(loaded.getBlock() instanceof MistralForSequenceClassification classifier)) {
                throw new IllegalArgumentException(
                        "the model is a "
                                + loaded.getBlock().getClass().getSimpleName()
                                + ", --method classify trains a "
                                + HEAD
                                + ", or a new head of a model without one");
            }
            network = network(classifier, model.model);
            tokenizer = tokenizer(MistralPipeline.checkpoint(loaded));
            session = new TrainingSession(terminal, settings, progress, loaded, network);
        } catch (IOException | RuntimeException e) {
            loaded.close();
            throw e;
        }
    }

    /** Returns the model arguments of a new head; none for a checkpoint that has one. */
    private Map<String, Object> head(Terminal terminal, Path path) throws IOException {
        List<String> given = settings.names("labels");
        if (hasHead(path)) {
            if (!given.isEmpty()) {
                throw terminal.usage(
                        "--labels are those of a new head, and the model has one: omit them");
            }
            return Map.of();
        }
        LabelConfig found = labels();
        Map<String, Object> arguments = new LinkedHashMap<>();
        arguments.put("head", HEAD);
        arguments.put("labels", given.isEmpty() ? found.names() : given);
        arguments.put("problem_type", String.valueOf(found.problemTypeOrDefault()));
        Long padding = padding(path);
        if (padding != null) {
            arguments.put("pad_token_id", padding);
        }
        return arguments;
    }

    /** Returns the classes of the adapter to continue with, or those of the data. */
    private LabelConfig labels() throws IOException {
        Path adapter = settings.adapterInit();
        return adapter != null && Files.exists(adapter.resolve("config.json"))
                ? MistralConfig.read(adapter).labels()
                : ClassificationRecordReader.labels(settings.data());
    }

    private static boolean hasHead(Path path) throws IOException {
        return Files.isDirectory(path) && HEADS.contains(MistralConfig.read(path).architecture());
    }

    /** Returns the padding token of the tokenizer, which config.json of a base model may lack. */
    private static @Nullable Long padding(Path path) throws IOException {
        if (Files.isDirectory(path) && MistralConfig.read(path).padTokenId() != null) {
            return null;
        }
        try (MistralTokenizer tokenizer = tokenizer(path)) {
            return tokenizer == null || tokenizer.padTokenId() < 0
                    ? null
                    : Long.valueOf(tokenizer.padTokenId());
        }
    }

    private static @Nullable MistralTokenizer tokenizer(Path checkpoint) throws IOException {
        return MistralTokenizer.isIn(checkpoint) ? MistralTokenizer.open(checkpoint) : null;
    }

    /** Returns the network to train, with its trainable parameters unfrozen. */
    private MistralForSequenceClassification network(
            MistralForSequenceClassification base, String name) throws IOException {
        if (settings.full()) {
            unfreeze(base);
            return base;
        }
        Adapter adapter =
                settings.adapterInit() == null
                        ? base.newAdapter(settings.lora(name), settings.arguments().seed())
                        : Adapter.load(settings.adapterInit());
        MistralForSequenceClassification adapted = base.withAdapter(adapter, loaded.getNDManager());
        adapted.unfreezeAdapter();
        return adapted;
    }

    private void unfreeze(MistralForSequenceClassification network) {
        Set<Parameter> trained = new HashSet<>();
        network.namedParameters()
                .forEach(
                        (name, parameter) -> {
                            if (!settings.freezeBackbone() || !name.startsWith("model.")) {
                                trained.add(parameter);
                            }
                        });
        network.freezeParameters(false, trained::contains);
    }

    @Override
    public TrainerResult run() throws IOException {
        MistralConfig config = network.config();
        int length = settings.maxLength(1024, config.maxPositionEmbeddings());
        return session.train(
                SequenceClassificationObjective.of(network),
                new ClassificationRecordReader(
                        new TrainingTokenizer(tokenizer, null, config.vocabSize()),
                        config.labels(),
                        length),
                data -> data,
                null);
    }

    @Override
    public void close() {
        if (tokenizer != null) {
            tokenizer.close();
        }
        loaded.close();
    }
}
