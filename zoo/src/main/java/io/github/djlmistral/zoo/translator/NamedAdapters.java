/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import ai.djl.Model;
import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.adapter.Adapter;
import io.github.djlmistral.engine.adapter.LoraConfig;
import io.github.djlmistral.engine.adapter.LoraConfig.TaskType;
import io.github.djlmistral.engine.model.LabelConfig;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.model.MistralPreTrainedModel;
import io.github.djlmistral.engine.weights.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * The adapters that a model is loaded with: the argument {@code adapter} is the directory of one
 * that all requests use, {@code adapters} names several, one of which a request may choose: {@code
 * sql=adapters/sql,poems=adapters/poems}.
 */
public final class NamedAdapters {

    static final String ADAPTER = "adapter";
    static final String ADAPTERS = "adapters";

    /** The networks with the named adapters of a model, by their names. */
    private record Loaded(Map<String, MistralForCausalLM> networks) {}

    private NamedAdapters() {}

    /** Returns the directory of the adapter that all requests use. */
    private static Optional<Path> single(Map<String, ?> arguments) {
        return ModelArguments.value(arguments, ADAPTER).map(value -> Path.of(value.toString()));
    }

    /**
     * Returns the directories of the named adapters.
     *
     * @throws IllegalArgumentException if the argument is not a list of NAME=DIRECTORY, a name
     *     occurs twice, or {@code adapter} is given as well
     */
    static Map<String, Path> named(Map<String, ?> arguments) {
        Object given = ModelArguments.value(arguments, ADAPTERS).orElse(null);
        if (given == null) {
            return Map.of();
        }
        Map<String, Path> named = new LinkedHashMap<>();
        for (String part : given.toString().split(",", -1)) {
            int equals = part.indexOf('=');
            String name = equals < 0 ? "" : part.substring(0, equals).trim();
            String directory = part.substring(equals + 1).trim();
            if (name.isEmpty() || directory.isEmpty()) {
                throw new IllegalArgumentException(
                        ADAPTERS
                                + " is \""
                                + given
                                + "\", must be a list such as name=directory,other=directory");
            }
            if (named.put(name, Path.of(directory)) != null) {
                throw new IllegalArgumentException(
                        ADAPTERS + " names \"" + name + "\" twice: choose another name");
            }
        }
        if (single(arguments).isPresent()) {
            throw new IllegalArgumentException(
                    ADAPTER
                            + " and "
                            + ADAPTERS
                            + " are both given: give one of the two; requests choose one of "
                            + named.keySet()
                            + " by their option "
                            + ADAPTER);
        }
        return named;
    }

    /**
     * Checks the configurations of the adapters, which are small, before weights are read.
     *
     * @param arguments the model's arguments
     * @throws IOException if there is no such adapter, or it is not supported
     */
    public static void check(Map<String, ?> arguments) throws IOException {
        Optional<Path> single = single(arguments);
        if (single.isPresent()) {
            LoraConfig.read(single.get());
        }
        for (Path directory : named(arguments).values()) {
            LoraConfig.read(directory);
        }
    }

    /**
     * Returns the network that a model computes with.
     *
     * @param network the network of the checkpoint
     * @param arguments the model's arguments
     * @param manager the manager of the model
     * @return the network with the adapter that all requests use; the given one if there is none
     * @throws IOException if the adapter cannot be read
     * @throws IllegalArgumentException if it does not match the network
     */
    public static MistralPreTrainedModel apply(
            MistralPreTrainedModel network, Map<String, ?> arguments, NDManager manager)
            throws IOException {
        Optional<Path> directory = single(arguments);
        if (directory.isEmpty() && named(arguments).isEmpty()) {
            return network;
        }
        if (directory.isPresent()) {
            return adapted(network, directory.get(), manager);
        }
        if (network instanceof MistralForCausalLM) {
            return network;
        }
        throw new IllegalArgumentException(
                "the model is a "
                        + network.getClass().getSimpleName()
                        + "; requests to causal language models choose an adapter: give one in "
                        + ADAPTER
                        + " instead of "
                        + ADAPTERS);
    }

    /**
     * Returns the head that the adapter of a classifier belongs to, for a checkpoint without one.
     * The names of its classes are those in {@code config.json} beside the adapter; peft writes
     * none.
     *
     * @param arguments the model's arguments
     * @return the head; empty if there is no such adapter
     * @throws IOException if the adapter cannot be read
     * @throws IllegalArgumentException if it has no head
     */
    public static Optional<NewHead> head(Map<String, ?> arguments) throws IOException {
        Path directory = single(arguments).orElse(null);
        TaskType task = directory == null ? null : LoraConfig.read(directory).taskType();
        if (directory == null || task == null || task == TaskType.CAUSAL_LM) {
            return Optional.empty();
        }
        Tensor weight = Adapter.load(directory).tensors().get("score.weight");
        if (weight == null) {
            throw new IllegalArgumentException(
                    directory
                            + " is the adapter of a classifier, without its head: give a checkpoint"
                            + " that has it");
        }
        boolean described = Files.exists(directory.resolve("config.json"));
        MistralConfig config = described ? MistralConfig.read(directory) : null;
        return Optional.of(
                new NewHead(
                        task == TaskType.SEQ_CLS
                                ? "MistralForSequenceClassification"
                                : "MistralForTokenClassification",
                        config == null
                                ? LabelConfig.ofSize(Math.toIntExact(weight.shape()[0]))
                                : config.labels(),
                        config == null ? null : config.padTokenId()));
    }

    private static MistralPreTrainedModel adapted(
            MistralPreTrainedModel network, Path directory, NDManager manager) throws IOException {
        Adapter adapter = Adapter.load(directory);
        try {
            return network.withAdapter(adapter, manager);
        } catch (UnsupportedOperationException | IllegalArgumentException e) {
            throw new IllegalArgumentException(directory + ": " + e.getMessage(), e);
        }
    }

    /** Returns the networks with the named adapters of a model, which all its pipelines share. */
    static Map<String, MistralForCausalLM> of(Model model, MistralForCausalLM network)
            throws IOException {
        Map<String, Path> named = named(model.getProperties());
        if (named.isEmpty()) {
            return Map.of();
        }
        return network.attachment(Loaded.class, ADAPTERS, () -> load(model, network, named))
                .networks();
    }

    private static Loaded load(Model model, MistralForCausalLM network, Map<String, Path> named)
            throws IOException {
        Map<String, MistralForCausalLM> networks = new LinkedHashMap<>();
        for (Map.Entry<String, Path> entry : named.entrySet()) {
            networks.put(
                    entry.getKey(),
                    (MistralForCausalLM) adapted(network, entry.getValue(), model.getNDManager()));
        }
        return new Loaded(Collections.unmodifiableMap(networks));
    }

    /**
     * Returns the adapter that a request chooses.
     *
     * @param options the options of the request
     * @return its name; null for the network without an adapter
     */
    static @Nullable String chosen(Map<String, ?> options) {
        return ModelArguments.value(options, ADAPTER).map(Object::toString).orElse(null);
    }
}
