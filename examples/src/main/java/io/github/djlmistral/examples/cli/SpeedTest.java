/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.ParameterStore;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.jspecify.annotations.Nullable;

/** One test of {@link BenchCommand} with its times. */
final class SpeedTest {

    private static final int CHUNK = 512;

    private final MistralForCausalLM network;
    private final String kind;
    private final int tokens;
    private final int depth;
    private final int chunk;
    private final Random random = new Random(1);
    private final List<Double> seconds = new ArrayList<>();
    private final List<Double> passes = new ArrayList<>();
    private @Nullable Double depthSeconds;

    private SpeedTest(MistralForCausalLM network, String kind, int tokens, int depth, int chunk) {
        this.network = network;
        this.kind = kind;
        this.tokens = tokens;
        this.depth = depth;
        this.chunk = chunk;
    }

    /** Creates a prefill test. */
    static SpeedTest prompt(MistralForCausalLM network, int tokens, int depth) {
        return new SpeedTest(network, "pp", tokens, depth, CHUNK);
    }

    /** Creates a decode test. */
    static SpeedTest generation(MistralForCausalLM network, int tokens, int depth) {
        return new SpeedTest(network, "tg", tokens, depth, 1);
    }

    String name() {
        return kind + tokens + (depth == 0 ? "" : " @ d" + depth);
    }

    /** Whether this is a decode test, which memory bandwidth limits. */
    boolean generates() {
        return chunk == 1;
    }

    /** Runs the warm-up, then the timed repetitions. */
    void run(NDManager parent, int warmup, int repetitions, Terminal.Progress progress) {
        try (NDManager manager = parent.newSubManager()) {
            ParameterStore parameters = new ParameterStore(manager, false);
            KvCache cache = filled(manager, parameters);
            for (int i = 0; i < warmup + repetitions; ++i) {
                boolean counted = i >= warmup;
                long started = System.nanoTime();
                try (KvCache copy = cache.fork()) {
                    forward(manager, parameters, copy, tokens, chunk, counted);
                }
                if (counted) {
                    seconds.add((System.nanoTime() - started) * 1e-9);
                }
                progress.stepBy(1);
            }
        }
    }

    /** Returns a KV cache filled to the depth of the test. */
    private KvCache filled(NDManager manager, ParameterStore parameters) {
        KvCache cache = network.newCache(manager);
        long started = System.nanoTime();
        forward(manager, parameters, cache, depth, CHUNK, false);
        depthSeconds = (System.nanoTime() - started) * 1e-9;
        return cache;
    }

    private void forward(
            NDManager manager,
            ParameterStore parameters,
            KvCache cache,
            int count,
            int chunk,
            boolean counted) {
        for (int done = 0; done < count; done += chunk) {
            int width = Math.min(chunk, count - done);
            long[] ids = random.longs(width, 0, network.config().vocabSize()).toArray();
            long started = System.nanoTime();
            try (NDManager step = manager.newSubManager()) {
                ForwardInput input =
                        ForwardInput.ofIds(step.create(ids, new Shape(1, width)))
                                .cache(cache)
                                .logitsToKeep(1);
                // reading them is also what waits for a GPU
                float[] logits = network.forward(parameters, input, false).logits().toFloatArray();
                if (logits.length != network.config().vocabSize() || !Float.isFinite(logits[0])) {
                    throw new AssertionError("the logits of one token, finite");
                }
            }
            if (counted) {
                passes.add((System.nanoTime() - started) * 1e-9);
            }
        }
    }

    private double[] speeds() {
        return seconds.stream().mapToDouble(s -> tokens / s).toArray();
    }

    /** Returns the mean tokens per second. */
    double mean() {
        double sum = 0;
        for (double speed : speeds()) {
            sum += speed;
        }
        return sum / seconds.size();
    }

    /** Returns the sample standard deviation of the tokens per second, 0 of one measurement. */
    double deviation() {
        double sum = 0;
        for (double speed : speeds()) {
            sum += (speed - mean()) * (speed - mean());
        }
        return seconds.size() < 2 ? 0 : Math.sqrt(sum / (seconds.size() - 1));
    }

    /** Returns the median seconds of a pass, which other load disturbs least. */
    private double medianPass() {
        return passes.stream().sorted().skip(passes.size() / 2).findFirst().orElseThrow();
    }

    /** Returns memory throughput: all weights but the embedding, once per pass. */
    double gigabytesPerSecond() {
        long passes = (tokens + chunk - 1L) / chunk;
        return (double) network.bytesPerPass() * passes * perSecond() * 1e-9;
    }

    /** Returns arithmetic throughput: matrix products, and attention scores and values. */
    double gigamacsPerSecond() {
        MistralConfig config = network.config();
        long layers =
                config.parameterShapes().entrySet().stream()
                        .filter(entry -> entry.getKey().startsWith("model.layers."))
                        .map(Map.Entry::getValue)
                        .filter(shape -> shape.dimension() == 2)
                        .mapToLong(Shape::size)
                        .sum();
        long keys = 0;
        for (int token = depth + 1; token <= depth + tokens; ++token) {
            keys += config.window() == 0 ? token : Math.min(token, config.window());
        }
        long attention = 2L * config.numAttentionHeads() * config.headDim() * keys;
        long passes = (tokens + chunk - 1L) / chunk;
        long head = passes * config.vocabSize() * config.hiddenSize();
        long all = layers * tokens + config.numHiddenLayers() * attention + head;
        return all * perSecond() * 1e-9;
    }

    /** Returns how often the whole test would run in a second. */
    private double perSecond() {
        return mean() / tokens;
    }

    /** Returns the JSON fields. */
    Map<String, Object> result() {
        Map<String, Object> result = new LinkedHashMap<>();
        result.put("test", name());
        result.put("tokens", tokens);
        result.put("depth", depth);
        result.put("tokens_per_second", mean());
        result.put("standard_deviation", deviation());
        result.put("seconds", List.copyOf(seconds));
        result.put("median_pass_seconds", medianPass());
        if (depth > 0) {
            result.put("depth_seconds", depthSeconds);
        }
        result.put("gigabytes_per_second", gigabytesPerSecond());
        result.put("gigamacs_per_second", gigamacsPerSecond());
        return result;
    }
}
