/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.soak;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.training.ParameterStore;
import io.github.djlmistral.engine.generation.Generation;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.tests.Leaks;
import io.github.djlmistral.tests.kernels.RandomNetwork;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.function.Consumer;

/** A long generation over a rolling cache: memory and time per token stay constant. */
final class LongGeneration {

    private static final int WINDOW = 64;

    private static final MistralConfig CONFIG =
            MistralConfig.parse(
                    """
                    {"vocab_size": 77, "hidden_size": 128, "intermediate_size": 384,
                     "num_hidden_layers": 2, "num_attention_heads": 8, "num_key_value_heads": 2,
                     "head_dim": 32, "max_position_embeddings": 1048576, "sliding_window": %s}
                    """
                            .formatted(WINDOW));

    private final String kernels;
    private final int tokens;
    private final Consumer<String> log;

    LongGeneration(String kernels, int tokens, Consumer<String> log) {
        this.kernels = kernels;
        this.tokens = tokens;
        this.log = log;
    }

    /**
     * Runs it.
     *
     * @return the failures, empty if there are none
     */
    List<String> run() throws Exception {
        List<String> faults = new ArrayList<>();
        try (NDManager manager = NDManager.newBaseManager("PyTorch")) {
            JniUtils.setNumThreads(1); // matrices this small are not worth waiting for a second one
            MistralForCausalLM network =
                    RandomNetwork.load(
                            CONFIG, "float32", manager, new ComputeOptions(kernels, "float32"));
            GenerationConfig config =
                    GenerationConfig.builder()
                            .maxNewTokens(tokens + 1) // the end frees the cache
                            .eosTokenIds(List.of())
                            .doSample(true) // greedy texts of random networks repeat a few tokens
                            .topK(0)
                            .seed(1)
                            .build();
            try (Generation generation =
                    new Generator(network, manager, null)
                            .start(List.of(new long[] {3, 4, 5}), config)) {
                Long early = 0L;
                int open = 0;
                long[] nanos = new long[tokens];
                for (int i = 0; i < tokens; ++i) {
                    long started = System.nanoTime();
                    if (generation.next().isEmpty()) {
                        faults.add("the text ended after " + i + " tokens");
                        break;
                    }
                    nanos[i] = System.nanoTime() - started;
                    if (i == tokens / 10) {
                        early = ProcessStatus.residentMiB();
                        open = Leaks.resources(manager);
                    }
                }
                if (Leaks.resources(manager) != open) {
                    faults.add("open arrays: " + open + ", then " + Leaks.resources(manager));
                }
                report(nanos, early, ProcessStatus.residentMiB());
                faults.addAll(compare(network, manager, generation.result().sequences().get(0)));
            }
        }
        return faults;
    }

    private void report(long[] nanos, Long early, Long late) {
        int tenth = tokens / 10;
        log.accept(
                String.format(
                        Locale.ROOT,
                        "%s, %,d tokens, window %d: %.3f ms a token in the first tenth, %.3f in"
                                + " the second, %.3f in the last (medians %.3f, %.3f, %.3f);"
                                + " resident %d MiB after a tenth, %d at the end",
                        kernels,
                        tokens,
                        WINDOW,
                        mean(nanos, 0, tenth),
                        mean(nanos, tenth, 2 * tenth),
                        mean(nanos, tokens - tenth, tokens),
                        median(nanos, 0, tenth),
                        median(nanos, tenth, 2 * tenth),
                        median(nanos, tokens - tenth, tokens),
                        early,
                        late));
    }

    private static double mean(long[] nanos, int from, int to) {
        return Arrays.stream(nanos, from, to).average().orElseThrow() / 1e6;
    }

    private static double median(long[] nanos, int from, int to) {
        return Arrays.stream(nanos, from, to)
                        .sorted()
                        .skip((to - from) / 2)
                        .findFirst()
                        .orElseThrow()
                / 1e6;
    }

    /**
     * Compares the last token's log-probability with that of one pass without a cache over all
     * tokens that it depends on: a window for each layer.
     */
    private static List<String> compare(
            MistralForCausalLM network, NDManager manager, Sequence text) {
        int end = text.length() - 1; // the last token was chosen from the logits before it
        int begin = Math.max(0, end - WINDOW * CONFIG.numHiddenLayers());
        long[] ids = new long[end - begin];
        for (int i = 0; i < ids.length; ++i) {
            ids[i] = text.id(begin + i);
        }
        double expected;
        try (NDManager scope = manager.newSubManager()) {
            NDArray positions = scope.arange(begin, end, 1, DataType.INT64).reshape(1, ids.length);
            NDArray logits =
                    network.forward(
                                    new ParameterStore(scope, false),
                                    ForwardInput.ofIds(scope.create(ids, new Shape(1, ids.length)))
                                            .positionIds(positions)
                                            .logitsToKeep(1),
                                    false)
                            .logits();
            expected = logits.logSoftmax(-1).flatten().getFloat(text.id(end));
        }
        float[] all = text.logProbabilities();
        double given = all[all.length - 1];
        return Math.abs(given - expected) < 1e-3
                ? List.of()
                : List.of("the last log-probability is " + given + " instead of " + expected);
    }
}
