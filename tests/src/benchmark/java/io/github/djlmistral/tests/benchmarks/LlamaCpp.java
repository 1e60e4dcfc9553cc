/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.benchmarks;

import com.google.gson.Gson;
import de.kherud.llama.InferenceParameters;
import de.kherud.llama.LlamaModel;
import de.kherud.llama.LlamaOutput;
import de.kherud.llama.ModelParameters;
import de.kherud.llama.args.LogFormat;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Times llama.cpp in a JVM, through the binding {@code de.kherud:llama}, and prints one JSON
 * object.
 *
 * <p>The binding only generates texts. The time until the first token is that of a prompt (and of
 * choosing a token, some microseconds); each token after it is a pass of its own.
 */
@Command(name = "llama.cpp", description = "Times llama.cpp on a GGUF file.")
final class LlamaCpp implements Runnable {

    private static final String VERSION = "4.2.0";

    @Option(names = "--gguf", required = true)
    private String gguf = "";

    @Option(names = "--prompt")
    private int prompt = 512;

    @Option(names = "--generate")
    private int generate = 32;

    @Option(names = "--repetitions")
    private int repetitions = 3;

    @Option(names = "--threads")
    private int threads = 2;

    /** Seconds from the request to each token. */
    private static List<Double> generate(LlamaModel model, int prompt, int tokens) {
        InferenceParameters parameters =
                new InferenceParameters("A".repeat(prompt))
                        .setNPredict(tokens)
                        .setTemperature(0)
                        .setIgnoreEos(true)
                        .setCachePrompt(false);
        long started = System.nanoTime();
        List<Double> times = new ArrayList<>();
        for (LlamaOutput unused : model.generate(parameters)) {
            times.add((System.nanoTime() - started) * 1e-9);
        }
        return times;
    }

    @Override
    public void run() {
        // it would print to standard output
        LlamaModel.setLogger(LogFormat.TEXT, (level, message) -> {});
        long started = System.nanoTime();
        ModelParameters parameters =
                new ModelParameters()
                        .setModel(gguf)
                        .setCtxSize(prompt + generate + 64)
                        .setBatchSize(512)
                        .setThreads(threads)
                        .setThreadsBatch(threads)
                        .setGpuLayers(0);
        try (LlamaModel model = new LlamaModel(parameters)) {
            double loaded = (System.nanoTime() - started) * 1e-9;
            int length = model.encode("A".repeat(prompt)).length;
            if (length != prompt) {
                throw new IllegalStateException(
                        prompt + " letters are " + length + " tokens: another tokenizer?");
            }
            List<Double> prompts = new ArrayList<>();
            List<Double> generations = new ArrayList<>();
            for (int i = -1; i < repetitions; ++i) {
                List<Double> times = generate(model, prompt, generate + 1);
                // the last one says only that the text is over
                if (times.size() != generate + 2) {
                    throw new IllegalStateException(
                            times.size() + " answers for " + (generate + 1) + " tokens");
                }
                if (i >= 0) {
                    prompts.add(times.get(0));
                    generations.add(times.get(generate) - times.get(0));
                }
            }
            Map<String, Object> result = new LinkedHashMap<>();
            result.put("name", "llama.cpp (de.kherud:llama " + VERSION + ")");
            result.put("threads", threads);
            result.put("load_seconds", loaded);
            result.put(
                    "tests",
                    List.of(test("pp", prompt, prompts), test("tg", generate, generations)));
            System.out.println(new Gson().toJson(result));
        }
    }

    private static Map<String, Object> test(String kind, int tokens, List<Double> seconds) {
        double mean = seconds.stream().mapToDouble(s -> tokens / s).average().orElseThrow();
        return Map.of(
                "test", kind + tokens,
                "tokens", tokens,
                "tokens_per_second", mean,
                "seconds", seconds);
    }

    public static void main(String[] arguments) {
        System.exit(new CommandLine(new LlamaCpp()).execute(arguments));
    }
}
