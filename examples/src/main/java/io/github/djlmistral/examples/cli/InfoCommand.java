/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.engine.Engine;
import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.kernels.KernelChoice;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.quantization.Quantization;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.zoo.chat.ChatTemplate;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;

/**
 * {@code mistral info}. Reads only the headers of the weights, so it is fast for checkpoints of any
 * size.
 */
@Command(
        name = "info",
        description =
                "Describes a checkpoint: configuration, parameters, memory, and which kernels would"
                        + " run it and why. Loads no weights.",
        customSynopsis = "mistral info [OPTIONS]",
        footer = {"  mistral info", "  mistral info --model path/to/checkpoint --json"})
public final class InfoCommand implements Callable<Integer> {

    @Mixin private final Terminal terminal = new Terminal();

    @ArgGroup(validate = false, heading = "%nModel:%n", order = 1)
    private ModelOptions model = new ModelOptions();

    @Mixin private final JsonOption json = new JsonOption();

    /** Used by picocli. */
    public InfoCommand() {}

    @Override
    public Integer call() throws IOException {
        model.setThreads(terminal);
        Path path = model.path(terminal);
        StoredWeights stored = StoredWeights.of(path);
        MistralConfig config = stored.config();
        try (NDManager manager = model.newManager(terminal)) {
            KernelChoice choice =
                    KernelChoice.of(
                            manager, model.computeOptions(), stored.dtype(), stored.bytes());
            Map<String, Object> sections = new LinkedHashMap<>();
            sections.put("model", model(path));
            sections.put("config", ConfigFields.of(config));
            sections.put("weights", weights(stored, choice));
            sections.put("kv_cache", cache(config, choice.kernels().dtype()));
            sections.put("kernels", ModelOptions.describe(choice.kernels(), choice.reason()));
            sections.put("system", system(manager));
            if (json.wanted) {
                json.print(terminal, sections);
            } else {
                sections.forEach(this::print);
            }
        }
        return 0;
    }

    private Map<String, Object> model(Path path) throws IOException {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("name", model.model);
        map.put(Files.isDirectory(path) ? "directory" : "file", path.toAbsolutePath().toString());
        map.put("tokenizer", tokenizer(path));
        map.put("chat_template", ChatTemplate.open(path).isPresent());
        return map;
    }

    private static String tokenizer(Path path) {
        try (MistralTokenizer tokenizer = MistralTokenizer.open(path)) {
            return tokenizer.vocabularySize()
                    + " tokens, begins with "
                    + tokenizer.bosToken()
                    + ", ends with "
                    + tokenizer.eosToken();
        } catch (IOException e) {
            // a checkpoint without a tokenizer can still be run on token IDs
            return ErrorReporter.message(e);
        }
    }

    private Map<String, Object> weights(StoredWeights stored, KernelChoice choice) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("parameters", stored.config().parameterCount());
        map.put("tensors", stored.types());
        map.put("stored_bytes", stored.bytes());
        Quantization quantization =
                model.quantization == null ? null : Quantization.parse(model.quantization);
        map.put("loaded_bytes", stored.loadedBytes(choice.kernels().dtype(), quantization));
        return map;
    }

    private static Map<String, Object> cache(MistralConfig config, Dtype dtype) {
        long perToken = config.cacheElements() * dtype.bytes();
        int positions = config.maxPositionEmbeddings();
        int kept = config.window() == 0 ? positions : Math.min(config.window(), positions);
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("bytes_per_token", perToken);
        map.put("tokens_kept_at_most", kept);
        map.put("full_bytes", perToken * kept);
        return map;
    }

    private Map<String, Object> system(NDManager manager) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("device", manager.getDevice().toString());
        map.put("threads", model.threadCount());
        map.put("java", Runtime.version().toString());
        map.put("djl", Engine.getDjlVersion());
        map.put("engine", manager.getEngine().getEngineName());
        map.put("engine_version", manager.getEngine().getVersion());
        map.put("os", System.getProperty("os.name") + " " + System.getProperty("os.arch"));
        return map;
    }

    private void print(String section, Object fields) {
        terminal.out().println(section.replace('_', ' '));
        ((Map<?, ?>) fields)
                .forEach(
                        (name, value) ->
                                terminal.out()
                                        .printf("  %-24s %s%n", name, readable(name + "", value)));
    }

    private static String readable(String name, Object value) {
        if (value instanceof Long number) {
            return name.contains("bytes")
                    ? Units.bytes(number)
                    : String.format(Locale.ROOT, "%,d", number);
        }
        return String.valueOf(value);
    }
}
