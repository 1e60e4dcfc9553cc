/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.benchmarks;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.examples.MistralCli;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Measures us beside llama.cpp on the same shape with the same bytes of weights: 4 bits, a float16
 * scale for 32 weights, the output layer as well.
 *
 * <p>The sides alternate, each in its own process, so that neither's threads disturb the other and
 * a machine that becomes slower does so for both. Of all repetitions of all rounds the median
 * counts, and the fastest is shown beside it: on a machine with other work that one tells more.
 */
@Command(
        name = "PeerBenchmark",
        mixinStandardHelpOptions = true,
        description = "Measures djl-mistral beside llama.cpp, in turns.")
final class PeerBenchmark implements Callable<Integer> {

    @Option(
            names = "--gguf",
            description =
                    "The file for llama.cpp, made if it is not there. Default: ${DEFAULT-VALUE}.")
    private Path gguf = Path.of("target", "benchmark", "synthetic.gguf");

    @Option(
            names = "--k-quants",
            description =
                    "Make that file Q4_K_M instead of Q4_0; give it a name of its own, and measure"
                            + " us on it with --ours \"--model FILE\".")
    private boolean kQuants;

    @Option(names = "--layers", description = "Layers of 7B's shape. Default: ${DEFAULT-VALUE}.")
    private int layers = 32;

    @Option(names = "--prompt", description = "Tokens of the prompt. Default: ${DEFAULT-VALUE}.")
    private int prompt = 512;

    @Option(names = "--generate", description = "Tokens to generate. Default: ${DEFAULT-VALUE}.")
    private int generate = 32;

    @Option(
            names = "--depth",
            description = "Tokens in the cache before; --node alone measures that beside us.")
    private int depth;

    @Option(names = "--rounds", description = "Turns of each side. Default: ${DEFAULT-VALUE}.")
    private int rounds = 2;

    @Option(names = "--repetitions", description = "Times in a turn. Default: ${DEFAULT-VALUE}.")
    private int repetitions = 2;

    @Option(names = "--threads", description = "Threads of each. Default: ${DEFAULT-VALUE}.")
    private int threads = 2;

    @Option(
            names = "--ours",
            description =
                    "Arguments of 'mistral bench' that say what we run. Default: --synthetic"
                            + " 7b-v0.2 --layers N; for the file itself: --ours \"--model FILE\".")
    private String ours = "";

    @Option(
            names = "--node",
            description =
                    "Measure npm's node-llama-cpp as well, the newest llama.cpp built for this"
                            + " processor; the value is tests/reference/llama_cpp.mjs.")
    private Path node = Path.of("");

    /** Instantiated by picocli. */
    private PeerBenchmark() {}

    @Override
    public Integer call() throws IOException, InterruptedException {
        MistralConfig config = SyntheticGguf.mistral7b(layers);
        SyntheticGguf.Format format =
                kQuants ? SyntheticGguf.Format.Q4_K_M : SyntheticGguf.Format.Q4_0;
        if (!Files.exists(gguf)) {
            System.err.println("writing " + gguf);
            SyntheticGguf.write(gguf, config, format);
        }
        List<Side> sides = sides();
        for (int round = 1; round <= rounds; ++round) {
            for (Side side : sides) {
                System.err.println("round " + round + ": " + side.label());
                side.add(run(side.command()));
            }
        }
        report(sides, SyntheticGguf.bytesPerToken(config, format));
        return 0;
    }

    private List<Side> sides() {
        List<String> java = new ArrayList<>();
        java.add(Path.of(System.getProperty("java.home"), "bin", "java").toString());
        java.addAll(ManagementFactory.getRuntimeMXBean().getInputArguments());
        java.addAll(List.of("-cp", System.getProperty("java.class.path")));
        List<String> common =
                List.of(
                        "--prompt=" + prompt,
                        "--generate=" + generate,
                        "--repetitions=" + repetitions,
                        "--threads=" + threads);
        List<String> mistral = new ArrayList<>(java);
        mistral.addAll(List.of(MistralCli.class.getName(), "bench", "--json", "--memory"));
        mistral.addAll(
                ours.isEmpty()
                        ? List.of("--synthetic=7b-v0.2", "--layers=" + layers)
                        : List.of(ours.split(" ", -1)));
        mistral.addAll(common);
        mistral.add("--depth=" + depth);
        List<Side> sides = new ArrayList<>(List.of(new Side("djl-mistral", mistral)));
        if (depth == 0) {
            List<String> binding = new ArrayList<>(java);
            // by name: only the benchmark profile compiles it
            String llamaCpp = PeerBenchmark.class.getPackageName() + ".LlamaCpp";
            binding.addAll(List.of(llamaCpp, "--gguf=" + gguf));
            binding.addAll(common);
            sides.add(new Side("de.kherud:llama", binding));
        }
        if (!node.toString().isEmpty()) {
            List<String> script = new ArrayList<>(List.of("node", node.toString()));
            script.add("--gguf=" + gguf);
            script.addAll(common);
            script.add("--depth=" + depth);
            sides.add(new Side("node-llama-cpp", script));
        }
        return sides;
    }

    /** Runs a program whose last output line is a JSON object. */
    private static JsonObject run(List<String> command) throws IOException, InterruptedException {
        Path log = Files.createTempFile("peer", ".log");
        Process process = new ProcessBuilder(command).redirectError(log.toFile()).start();
        process.getOutputStream().close();
        List<String> lines =
                new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8)
                        .lines()
                        .filter(line -> line.startsWith("{"))
                        .toList();
        if (process.waitFor() != 0 || lines.isEmpty()) {
            throw new IOException(String.join(" ", command) + " failed:\n" + Files.readString(log));
        }
        Files.delete(log);
        return JsonParser.parseString(lines.get(lines.size() - 1)).getAsJsonObject();
    }

    private void report(List<Side> sides, long bytesPerToken) {
        JsonObject first = sides.get(0).results().get(0);
        double read =
                sides.get(0).results().stream()
                        .mapToDouble(r -> r.get("memory_read_gigabytes_per_second").getAsDouble())
                        .max()
                        .orElseThrow();
        System.out.printf(
                Locale.ROOT,
                "%d layers, %d threads; memory is read at %.1f GB/s; ours: %s%n%n",
                layers,
                threads,
                read,
                first.getAsJsonObject("kernels").get("reason").getAsString());
        System.out.println(
                "| test | side | t/s, median | t/s, fastest | GB/s | GMAC/s | we are faster by |");
        System.out.println("|---|---|---:|---:|---:|---:|---:|");
        for (JsonElement element : first.getAsJsonArray("tests")) {
            JsonObject test = element.getAsJsonObject();
            String name = test.get("test").getAsString();
            // the cost of a token depends on the shape only
            double speed = test.get("tokens_per_second").getAsDouble();
            double macs = test.get("gigamacs_per_second").getAsDouble() / speed;
            double ourMedian = sides.get(0).median(name);
            for (Side side : sides) {
                boolean we = side.equals(sides.get(0));
                long bytes = we ? first.get("bytes_per_pass").getAsLong() : bytesPerToken;
                double median = side.median(name);
                System.out.printf(
                        Locale.ROOT,
                        "| %s | %s | %.2f | %.2f | %s | %.0f | %s |%n",
                        name,
                        side.name(),
                        median,
                        side.fastest(name),
                        name.startsWith("tg")
                                ? String.format(Locale.ROOT, "%.1f", bytes * median * 1e-9)
                                : "",
                        macs * median,
                        we ? "" : String.format(Locale.ROOT, "%.2f", ourMedian / median));
            }
        }
    }

    /**
     * Runs the benchmark.
     *
     * @param arguments see {@code --help}
     */
    public static void main(String[] arguments) {
        System.exit(new CommandLine(new PeerBenchmark()).execute(arguments));
    }

    /** One contender: its command line and its results by round. */
    private record Side(String label, List<String> command, List<JsonObject> results) {

        Side(String label, List<String> command) {
            this(label, command, new ArrayList<>());
        }

        void add(JsonObject result) {
            results.add(result);
        }

        String name() {
            JsonElement name = results.get(0).get("name");
            return name == null ? label : name.getAsString();
        }

        double median(String test) {
            List<Double> speeds = speeds(test);
            int half = speeds.size() / 2;
            return (speeds.get(half) + speeds.get((speeds.size() - 1) / 2)) / 2;
        }

        double fastest(String test) {
            List<Double> speeds = speeds(test);
            return speeds.get(speeds.size() - 1);
        }

        private List<Double> speeds(String test) {
            List<Double> speeds = new ArrayList<>();
            for (JsonObject result : results) {
                for (JsonElement element : result.getAsJsonArray("tests")) {
                    JsonObject fields = element.getAsJsonObject();
                    if (fields.get("test").getAsString().equals(test)) {
                        double tokens = fields.get("tokens").getAsDouble();
                        fields.getAsJsonArray("seconds")
                                .forEach(seconds -> speeds.add(tokens / seconds.getAsDouble()));
                    }
                }
            }
            speeds.sort(null);
            return speeds;
        }
    }
}
