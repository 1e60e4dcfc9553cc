/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDList;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.repository.zoo.ZooModel;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.model.MistralPreTrainedModel;
import io.github.djlmistral.examples.server.ModelServer;
import io.github.djlmistral.examples.server.ServerOptions;
import io.github.djlmistral.zoo.openai.OpenAi;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import io.github.djlmistral.zoo.translator.TextEmbedder;
import java.io.IOException;
import java.time.Duration;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.stream.Collectors;
import org.jline.utils.Signals;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** {@code mistral serve}. */
@Command(
        name = "serve",
        description = {
            "Serves the model over HTTP: OpenAI's API, and a page to chat with it. A model that"
                    + " generates no text is served for its embeddings.",
            "Without API keys only programs of this machine can use it. Options of generation are"
                    + " the defaults of requests. Ctrl-C and SIGTERM let answers under way end."
        },
        modelTransformer = GenerationOptions.class,
        customSynopsis = "mistral serve [OPTIONS]",
        footer = {
            "  mistral serve",
            "  mistral serve --port 9000 --max-new-tokens 500 --temperature 0.7",
            "  MISTRAL_API_KEYS=$(openssl rand -hex 32) mistral serve --host 0.0.0.0 --tls-keystore"
                    + " keys.p12"
        })
public final class ServeCommand implements Callable<Integer> {

    @Mixin private final Terminal terminal = new Terminal();

    @ArgGroup(validate = false, heading = "%nServer:%n", order = 0)
    private ServingOptions serving = new ServingOptions();

    @ArgGroup(validate = false, heading = "%nModel:%n", order = 2)
    private ModelOptions model = new ModelOptions();

    @Mixin private final AdapterOption adapter = new AdapterOption();
    @Mixin private final AssistantOption assistant = new AssistantOption();

    @Option(
            names = "--adapters",
            paramLabel = "NAME=DIR,..",
            description =
                    "LoRA adapters that requests choose by name, as their model. Each has batches"
                            + " and KV caches of its own, with the limits below.")
    private @Nullable String adapters;

    @Option(
            names = "--max-batch-size",
            paramLabel = "N",
            description = "Maximum sequences that are computed together. Default: 32.")
    private @Nullable Integer maxBatchSize;

    @Option(
            names = "--max-cache-bytes",
            paramLabel = "SIZE",
            description =
                    "Maximum memory of the KV caches of all requests, such as 4GB; others wait."
                            + " Default: half of the memory.")
    private @Nullable String maxCacheBytes;

    @Option(
            names = "--prefix-cache-bytes",
            paramLabel = "SIZE",
            description =
                    "Maximum memory for beginnings of prompts that are kept for later requests; 0"
                            + " for none. Default: 1GB, at most an eighth of the memory.")
    private @Nullable String prefixCacheBytes;

    /** Used by picocli. */
    public ServeCommand() {}

    @Override
    public Integer call() throws IOException, ModelNotFoundException, MalformedModelException {
        try {
            serve(serving.options(terminal)); // reports faults before the model loads
        } finally {
            serving.close();
        }
        return 0;
    }

    private void serve(ServerOptions options)
            throws IOException, ModelNotFoundException, MalformedModelException {
        GenerationOptions.config(GenerationConfig.builder(), terminal);
        Map<String, Object> arguments = arguments();
        try (ZooModel<NDList, NDList> loaded =
                model.load(terminal, NDList.class, NDList.class, arguments)) {
            MistralPreTrainedModel network = (MistralPreTrainedModel) loaded.getBlock();
            TextEmbedder embedder = TextEmbedder.open(loaded);
            String name = serving.alias == null ? model.name() : serving.alias;
            if (generates(network)) {
                serveText(loaded, name, embedder, options);
            } else {
                requireNoGeneration(arguments.keySet());
                OpenAi api = new OpenAi(name, null, GenerationConfig.builder(), embedder);
                run(ModelServer.start(embedder.tokenizer(), api, options), name, network);
            }
        }
    }

    private static boolean generates(MistralPreTrainedModel network) {
        return network instanceof MistralForCausalLM && network.config().isCausal();
    }

    private void serveText(
            ZooModel<?, ?> loaded, String name, TextEmbedder embedder, ServerOptions options)
            throws IOException {
        try (MistralPipeline pipeline = MistralPipeline.open(loaded)) {
            GenerationConfig.Builder defaults = pipeline.defaults();
            GenerationOptions.config(defaults, terminal);
            OpenAi api = new OpenAi(name, pipeline, defaults, embedder);
            run(ModelServer.start(pipeline, api, options), name, pipeline.network());
        }
    }

    /** Refuses options without an effect on a model that only embeds. */
    private void requireNoGeneration(Set<String> arguments) {
        Set<String> given = new LinkedHashSet<>(arguments);
        given.addAll(GenerationOptions.given(terminal).keySet());
        given.removeAll(adapter.arguments().keySet());
        if (!given.isEmpty()) {
            throw terminal.usage(
                    model.model
                            + " embeds texts and generates none: omit "
                            + given.stream()
                                    .map(option -> "--" + option.replace('_', '-'))
                                    .collect(Collectors.joining(", ")));
        }
    }

    /** Serves until Ctrl-C or SIGTERM. */
    private void run(ModelServer started, String name, MistralPreTrainedModel network) {
        try (ModelServer server = started) {
            String limit = generates(network) ? "" : "; embeddings only";
            terminal.note(name + "; " + network.kernelReason() + limit);
            terminal.note("listening on " + server.uri() + " (OpenAI's API at /v1)");
            awaitSignal();
            terminal.note("stopping; a second signal stops at once");
            server.close(Duration.ofSeconds(serving.shutdownTimeout));
        }
    }

    private Map<String, Object> arguments() throws IOException {
        Map<String, Object> arguments = new LinkedHashMap<>(assistant.arguments(terminal));
        arguments.putAll(adapter.arguments());
        put(arguments, "adapters", adapters);
        put(arguments, "max_batch_size", maxBatchSize);
        put(arguments, "max_cache_bytes", maxCacheBytes);
        put(arguments, "prefix_cache_bytes", prefixCacheBytes);
        return arguments;
    }

    private static void put(Map<String, Object> arguments, String name, @Nullable Object value) {
        if (value != null) {
            arguments.put(name, value);
        }
    }

    /** Waits for Ctrl-C or SIGTERM; after one of them, they end the JVM as usual. */
    private static void awaitSignal() {
        CountDownLatch signal = new CountDownLatch(1);
        Object interrupt = Signals.register("INT", signal::countDown);
        Object terminate = Signals.register("TERM", signal::countDown);
        try {
            signal.await();
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        } finally {
            Signals.unregister("INT", interrupt);
            Signals.unregister("TERM", terminate);
        }
    }
}
