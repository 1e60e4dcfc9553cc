/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.repository.zoo.ZooModel;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.zoo.Mistral;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * {@code mistral bench}: llama-bench's measurement, so that the numbers can be compared.
 *
 * <p>As in llama-bench: {@code ppN} is the time to compute a prompt of N tokens (logits of the last
 * one), {@code tgN} the time of N tokens one after the other from an empty cache; separate tests,
 * each with {@code --depth} tokens in the cache before that are not timed; random token ids, no
 * sampling, no tokenizer; a warm-up that is not counted; tokens per second are the mean over the
 * repetitions with the sample standard deviation; one sequence.
 *
 * <p>Otherwise than there: a warm-up of {@code tgN} runs the whole test, not one token, because a
 * Java virtual machine compiles while it runs; the logits of each token are copied to Java's heap,
 * as a sampler would need them; prompts are computed 512 tokens at a time, the batch size there is
 * 2048 (in pieces of 512); the table adds what the speed means for the memory (GB/s: all weights
 * that a token reads, by the time of a token) and for the processor (GMAC/s: multiplications in
 * matrix products and attention).
 */
@Command(
        name = "bench",
        description =
                "Measures the speed of prompts (pp) and of generation (tg), defined as in"
                        + " llama-bench: apart, repeated, after a warm-up.",
        customSynopsis = "mistral bench [OPTIONS]",
        footer = {"  mistral bench", "  mistral bench --prompt 128 --generate 32 --threads 1"})
public final class BenchCommand implements Callable<Integer> {

    @Mixin private final Terminal terminal = new Terminal();

    @Option(
            names = {"-p", "--prompt"},
            paramLabel = "N",
            description = "Tokens of the prompt; 0 leaves the test out. Default: ${DEFAULT-VALUE}.")
    private int prompt = 512;

    @Option(
            names = {"-n", "--generate"},
            paramLabel = "N",
            description = "Tokens to generate; 0 leaves the test out. Default: ${DEFAULT-VALUE}.")
    private int generate = 128;

    @Option(
            names = {"-r", "--repetitions"},
            paramLabel = "N",
            description = "How often each test is timed. Default: ${DEFAULT-VALUE}.")
    private int repetitions = 5;

    @Option(
            names = "--warmup",
            paramLabel = "N",
            description = "How often each test runs before. Default: ${DEFAULT-VALUE}.")
    private int warmup = 1;

    @Option(
            names = {"-d", "--depth"},
            paramLabel = "N",
            description = "Tokens in the cache before each test. Default: ${DEFAULT-VALUE}.")
    private int depth;

    @ArgGroup(validate = false, heading = "%nModel:%n", order = 1)
    private ModelOptions model = new ModelOptions();

    @Mixin private final JsonOption json = new JsonOption();

    /** Used by picocli. */
    public BenchCommand() {}

    @Override
    public Integer call() throws IOException, ModelNotFoundException, MalformedModelException {
        atLeast("--prompt", prompt, 0);
        atLeast("--generate", generate, 0);
        atLeast("--repetitions", repetitions, 1);
        atLeast("--warmup", warmup, 0);
        atLeast("--depth", depth, 0);
        if (prompt + generate == 0) {
            throw terminal.usage("nothing to measure: --prompt and --generate are both 0");
        }
        try (ZooModel<NDList, NDList> loaded = model.load(terminal)) {
            MistralForCausalLM network = Mistral.network(loaded);
            int positions = network.config().maxPositionEmbeddings();
            int longest = depth + Math.max(prompt, generate);
            if (longest > positions) {
                throw terminal.usage(
                        "the tests need "
                                + longest
                                + " positions, the model has "
                                + positions
                                + ": choose smaller --prompt, --generate or --depth");
            }
            List<SpeedTest> tests = new ArrayList<>();
            if (prompt > 0) {
                tests.add(SpeedTest.prompt(network, prompt, depth));
            }
            if (generate > 0) {
                tests.add(SpeedTest.generation(network, generate, depth));
            }
            run(tests, loaded.getNDManager());
            report(tests, network);
        }
        return 0;
    }

    private void atLeast(String option, int value, int least) {
        if (value < least) {
            throw terminal.usage(option + " is " + value + ", must be at least " + least);
        }
    }

    private void run(List<SpeedTest> tests, NDManager manager) {
        for (SpeedTest test : tests) {
            try (Terminal.Progress progress =
                    terminal.progress(test.name(), warmup + (long) repetitions)) {
                for (int i = 0; i < warmup + repetitions; ++i) {
                    test.run(manager, i >= warmup);
                    progress.stepBy(1);
                }
            }
        }
    }

    private void report(List<SpeedTest> tests, MistralForCausalLM network) throws IOException {
        MistralConfig config = network.config();
        long size = config.parameterCount() * network.kernels().dtype().bytes();
        Long peak = peakMemory();
        if (json.wanted) {
            Map<String, Object> object = new LinkedHashMap<>();
            object.put("model", model.model);
            object.put("parameters", config.parameterCount());
            object.put("weights_bytes", size);
            object.put("peak_memory_bytes", peak);
            object.put("threads", JniUtils.getNumThreads());
            object.put("kernels", ModelOptions.describe(network.kernels(), network.kernelReason()));
            object.put("tests", tests.stream().map(SpeedTest::result).toList());
            json.print(terminal, object);
            return;
        }
        Path name = Path.of(model.model).getFileName();
        String row = "| %-24s | %10s | %9s | %-16s | %7s | %12s | %18s | %7s | %7s |%n";
        terminal.out()
                .printf(
                        row, "model", "size", "params", "kernels", "threads", "test", "t/s", "GB/s",
                        "GMAC/s");
        terminal.out()
                .println(
                        "| ------------------------ | ---------: | --------: | ---------------- |"
                                + " ------: | -----------: | -----------------: | ------: |"
                                + " ------: |");
        for (SpeedTest test : tests) {
            terminal.out()
                    .printf(
                            Locale.ROOT,
                            row,
                            name == null ? model.model : name,
                            Units.bytes(size),
                            Units.count(config.parameterCount()),
                            network.kernels().name() + " " + network.kernels().dtype(),
                            JniUtils.getNumThreads(),
                            test.name(),
                            String.format(
                                    Locale.ROOT, "%.2f ± %.2f", test.mean(), test.deviation()),
                            String.format(Locale.ROOT, "%.2f", test.gigabytesPerSecond()),
                            String.format(Locale.ROOT, "%.2f", test.gigamacsPerSecond()));
        }
        terminal.note(
                network.kernelReason()
                        + (peak == null ? "" : "; peak memory " + Units.bytes(peak)));
    }

    /** The most memory that this process had, JVM and native; Linux says so, others not. */
    private static @Nullable Long peakMemory() throws IOException {
        Path status = Path.of("/proc/self/status");
        if (!Files.isReadable(status)) {
            return null;
        }
        for (String line : Files.readAllLines(status)) {
            if (line.startsWith("VmHWM:")) {
                return 1024 * Long.parseLong(line.replaceAll("\\D", ""));
            }
        }
        return null;
    }
}
