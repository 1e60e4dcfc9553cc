/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.repository.zoo.ZooModel;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.zoo.Mistral;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.ArgGroup;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/**
 * {@code mistral bench}: throughput as llama-bench defines it.
 *
 * <p>As in llama-bench: {@code ppN} is the prefill of N tokens (logits of the last one), {@code
 * tgN} the decode of N tokens from an empty KV cache; separate tests, each after {@code --depth}
 * cached tokens that are not timed; one sequence of random token IDs, no sampling, no tokenizer; a
 * warm-up that is not counted; tokens per second are the mean over the repetitions with the sample
 * standard deviation.
 *
 * <p>Differences: the warm-up of {@code tgN} runs the whole test, not one token, since the JVM
 * compiles at run time; the logits of each token are copied to the Java heap, as sampling needs
 * them; prefill runs in chunks of 512 tokens, where llama-bench has batches of 2048 (in chunks of
 * 512); the table adds memory throughput (GB/s: weights read per token) and arithmetic throughput
 * (GMAC/s: multiply-accumulates of matrix products and attention); the {@code --depth} tokens are
 * computed once if the cache can be truncated to them.
 */
@Command(
        name = "bench",
        description =
                "Measures the throughput of prefill (pp) and decode (tg) as llama-bench defines"
                        + " them: separately, repeated, after a warm-up.",
        customSynopsis = "mistral bench [OPTIONS]",
        footer = {
            "  mistral bench",
            "  mistral bench --prompt 128 --generate 32 --threads 1",
            "  mistral bench --synthetic 7b --generate 32 --memory",
            "  mistral bench --speculate"
        })
public final class BenchCommand implements Callable<Integer> {

    @Mixin private final Terminal terminal = new Terminal();

    @Option(
            names = {"-p", "--prompt"},
            paramLabel = "N",
            description = "Prompt tokens; 0 skips the test. Default: ${DEFAULT-VALUE}.")
    private int prompt = 512;

    @Option(
            names = {"-n", "--generate"},
            paramLabel = "N",
            description = "Tokens to generate; 0 skips the test. Default: ${DEFAULT-VALUE}.")
    private int generate = 128;

    @Option(
            names = {"-r", "--repetitions"},
            paramLabel = "N",
            description = "Timed runs of each test. Default: ${DEFAULT-VALUE}.")
    private int repetitions = 5;

    @Option(
            names = "--warmup",
            paramLabel = "N",
            description = "Warm-up runs of each test. Default: ${DEFAULT-VALUE}.")
    private int warmup = 1;

    @Option(
            names = {"-d", "--depth"},
            paramLabel = "N",
            description = "Tokens in the KV cache before each test. Default: ${DEFAULT-VALUE}.")
    private int depth;

    @Option(
            names = "--speculate",
            description =
                    "Also measure speculative decoding beside plain decoding: prompt lookup on a"
                            + " text that is copied from the prompt in parts, or --assistant.")
    private boolean speculate;

    @Option(
            names = "--assistant",
            paramLabel = "MODEL",
            description = "Assistant model of --speculate, named as --model.")
    private @Nullable String assistant;

    @Option(names = "--memory", description = "Also measure memory bandwidth, the limit of decode.")
    private boolean memory;

    @ArgGroup(validate = false, heading = "%nModel:%n", order = 1)
    private ModelOptions model = new ModelOptions();

    @Mixin private final AdapterOption adapter = new AdapterOption();

    @ArgGroup(validate = false, heading = "%nSynthetic model:%n", order = 2)
    private SyntheticOptions synthetic = new SyntheticOptions();

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
        if (assistant != null && !speculate) {
            throw terminal.usage("--assistant is for --speculate");
        }
        if (synthetic.assistantLayers != null
                && (synthetic.shape == null || !speculate || assistant != null)) {
            throw terminal.usage(
                    "--assistant-layers is for --synthetic with --speculate, without --assistant");
        }
        if (adapter.directory != null && synthetic.shape != null) {
            throw terminal.usage("--adapter is for --model, not for --synthetic");
        }
        if (speculate) {
            atLeast("--generate", generate, 2);
            atLeast("--prompt", prompt, SpeculationTest.LEAST_PROMPT);
        }
        long started = System.nanoTime();
        if (synthetic.shape == null) {
            try (ZooModel<NDList, NDList> loaded =
                    model.load(terminal, NDList.class, NDList.class, adapter.arguments())) {
                measure(model.name(), Mistral.network(loaded), loaded.getNDManager(), started);
            }
        } else {
            model.setThreads(terminal);
            try (NDManager manager = model.newManager(terminal)) {
                measure(
                        synthetic.name(),
                        synthetic.make(terminal, manager, model),
                        manager,
                        started);
            }
        }
        return 0;
    }

    private void atLeast(String option, int value, int least) {
        if (value < least) {
            throw terminal.usage(option + " is " + value + ", must be at least " + least);
        }
    }

    private void measure(String name, MistralForCausalLM network, NDManager manager, long started)
            throws IOException, MalformedModelException {
        double loadSeconds = (System.nanoTime() - started) * 1e-9;
        Long resident = ProcessMemory.resident();
        List<SpeedTest> tests = tests(network);
        for (SpeedTest test : tests) {
            try (Terminal.Progress progress =
                    terminal.progress(test.name(), warmup + (long) repetitions)) {
                test.run(manager, warmup, repetitions, progress);
            }
        }
        SpeculationTest speculation = speculation(network, manager);
        if (speculation != null) {
            try (Terminal.Progress progress =
                    terminal.progress(speculation.name(), warmup + (long) repetitions)) {
                speculation.run(manager, warmup, repetitions, progress);
            }
        }
        Long peak = ProcessMemory.peak();
        int threads = model.threadCount();
        Double read = memory ? MemoryBandwidth.gigabytesPerSecond(threads) : null;
        BenchReport report =
                new BenchReport(
                        name,
                        network,
                        threads,
                        tests,
                        speculation,
                        loadSeconds,
                        resident,
                        peak,
                        read);
        if (json.wanted) {
            json.print(terminal, report.json());
        } else {
            report.print(terminal);
        }
    }

    private @Nullable SpeculationTest speculation(MistralForCausalLM network, NDManager manager)
            throws IOException, MalformedModelException {
        if (!speculate) {
            return null;
        }
        MistralForCausalLM drafts =
                assistant == null
                        ? synthetic.makeAssistant(terminal, manager, model)
                        : MistralForCausalLM.load(
                                ModelSource.of(assistant).path(terminal),
                                manager,
                                model.computeOptions());
        return new SpeculationTest(network, drafts, synthetic.shape != null, prompt, generate);
    }

    private List<SpeedTest> tests(MistralForCausalLM network) {
        int positions = network.config().maxPositionEmbeddings();
        int longest =
                Math.max(depth + Math.max(prompt, generate), speculate ? prompt + generate : 0);
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
        return tests;
    }
}
