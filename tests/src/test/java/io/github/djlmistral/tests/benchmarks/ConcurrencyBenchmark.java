/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.benchmarks;

import ai.djl.ndarray.NDList;
import ai.djl.repository.zoo.ZooModel;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.djlmistral.engine.generation.BatchingMetrics;
import io.github.djlmistral.engine.generation.Generation;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.tests.benchmarks.SyntheticGguf.Format;
import io.github.djlmistral.zoo.Mistral;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Random;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Measures requests that come at the same time, each on a thread of its own: tokens per second of
 * all together, and the time to the first token of each. Beside llama.cpp's sequences of one
 * context, on the same file.
 */
@Command(
        name = "ConcurrencyBenchmark",
        mixinStandardHelpOptions = true,
        description = "Measures concurrent requests, beside llama.cpp.")
final class ConcurrencyBenchmark implements Callable<Integer> {

    @Option(names = "--gguf", required = true, description = "The model, made if it is not there.")
    private Path gguf = Path.of("");

    @Option(names = "--format", description = "Its weights: ${COMPLETION-CANDIDATES}.")
    private Format format = Format.Q4_0;

    @Option(names = "--layers", description = "Layers of 7B's shape. Default: ${DEFAULT-VALUE}.")
    private int layers = 4;

    @Option(
            names = "--requests",
            split = ",",
            description = "Numbers of concurrent requests. Default: ${DEFAULT-VALUE}.")
    private List<Integer> requests = List.of(1, 2, 4, 8, 16, 32);

    @Option(names = "--prompt", description = "Tokens of a prompt. Default: ${DEFAULT-VALUE}.")
    private int prompt = 32;

    @Option(names = "--generate", description = "Tokens to generate. Default: ${DEFAULT-VALUE}.")
    private int generate = 32;

    @Option(names = "--repetitions", description = "Runs of each. Default: ${DEFAULT-VALUE}.")
    private int repetitions = 2;

    @Option(names = "--node", description = "Path of tests/reference/llama_cpp.mjs; none: only us.")
    private Path node = Path.of("");

    /** Instantiated by picocli. */
    private ConcurrencyBenchmark() {}

    /** Seconds of a run, and until the first token of each request. */
    private record Run(double seconds, List<Double> first) {}

    @Override
    public Integer call() throws Exception {
        if (!Files.exists(gguf)) {
            System.err.println("writing " + gguf);
            MistralConfig config = SyntheticGguf.mistral7b(layers);
            SyntheticGguf.write(gguf, config, format);
        }
        System.out.println("| requests | side | t/s | first token, p50 | p95 | sequences a pass |");
        System.out.println("|---:|---|---:|---:|---:|---:|");
        for (int count : requests) {
            ours(count);
            if (!node.toString().isEmpty()) {
                llama(count);
            }
        }
        return 0;
    }

    private void ours(int count) throws Exception {
        try (ZooModel<NDList, NDList> model =
                Mistral.criteria(gguf, NDList.class, NDList.class).build().loadModel()) {
            MistralForCausalLM network = Mistral.network(model);
            Generator generator = new Generator(network, model.getNDManager(), null);
            serve(generator, network, count, 4);
            BatchingMetrics before = generator.batchingMetrics().orElseThrow();
            List<Run> runs = new ArrayList<>();
            for (int i = 0; i < repetitions; ++i) {
                runs.add(serve(generator, network, count, generate));
            }
            BatchingMetrics after = generator.batchingMetrics().orElseThrow();
            double mean =
                    (double) (after.sequences() - before.sequences())
                            / (after.passes() - before.passes());
            report(count, "djl-mistral", runs, String.format(Locale.ROOT, "%.1f", mean));
        }
    }

    private Run serve(Generator generator, MistralForCausalLM network, int count, int tokens)
            throws Exception {
        GenerationConfig config = GenerationConfig.builder().maxNewTokens(tokens).build();
        Random random = new Random(1);
        ExecutorService threads = Executors.newFixedThreadPool(count);
        CountDownLatch begin = new CountDownLatch(1);
        try {
            List<Future<Double>> first = new ArrayList<>();
            long[] started = new long[1];
            for (int i = 0; i < count; ++i) {
                long[] ids = random.longs(prompt, 3, network.config().vocabSize()).toArray();
                first.add(
                        threads.submit(
                                () -> {
                                    begin.await();
                                    try (Generation text = generator.start(List.of(ids), config)) {
                                        text.next();
                                        double seconds = (System.nanoTime() - started[0]) * 1e-9;
                                        text.run(token -> true);
                                        return seconds;
                                    }
                                }));
            }
            started[0] = System.nanoTime();
            begin.countDown();
            List<Double> times = new ArrayList<>();
            for (Future<Double> time : first) {
                times.add(time.get());
            }
            return new Run((System.nanoTime() - started[0]) * 1e-9, times);
        } finally {
            threads.shutdown();
        }
    }

    private void llama(int count) throws IOException, InterruptedException {
        Path log = Files.createTempFile("llama", ".log");
        Process process =
                new ProcessBuilder(
                                "node",
                                node.toString(),
                                "--gguf=" + gguf,
                                "--prompt=" + prompt,
                                "--generate=" + generate,
                                "--repetitions=" + repetitions,
                                "--serve=true",
                                "--sequences=" + count)
                        .redirectError(log.toFile())
                        .start();
        process.getOutputStream().close();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        if (process.waitFor() != 0) {
            throw new IOException("node failed: " + Files.readString(log));
        }
        Files.delete(log);
        String line = output.lines().filter(text -> text.startsWith("{")).findFirst().orElseThrow();
        JsonObject result = JsonParser.parseString(line).getAsJsonObject();
        JsonObject test = result.getAsJsonArray("tests").get(0).getAsJsonObject();
        List<Run> runs = new ArrayList<>();
        for (int i = 0; i < repetitions; ++i) {
            List<Double> first = new ArrayList<>();
            for (JsonElement time :
                    test.getAsJsonArray("first_token_seconds").get(i).getAsJsonArray()) {
                first.add(time.getAsDouble());
            }
            runs.add(new Run(test.getAsJsonArray("seconds").get(i).getAsDouble(), first));
        }
        report(count, "llama.cpp", runs, "");
    }

    /** The fastest run counts: other work on the machine only makes them slower. */
    private void report(int count, String side, List<Run> runs, String sequences) {
        Run best = runs.get(0);
        for (Run run : runs) {
            best = run.seconds() < best.seconds() ? run : best;
        }
        List<Double> first = best.first().stream().sorted().toList();
        System.out.printf(
                Locale.ROOT,
                "| %d | %s | %.1f | %.2f s | %.2f s | %s |%n",
                count,
                side,
                count * generate / best.seconds(),
                first.get((first.size() - 1) / 2),
                first.get((int) Math.ceil(0.95 * first.size()) - 1),
                sequences);
    }

    /**
     * Runs the benchmark.
     *
     * @param arguments see {@code --help}
     */
    public static void main(String[] arguments) {
        System.exit(new CommandLine(new ConcurrencyBenchmark()).execute(arguments));
    }
}
