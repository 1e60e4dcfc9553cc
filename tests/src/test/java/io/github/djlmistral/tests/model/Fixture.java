/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.model;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import ai.djl.Device;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.DataType;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.training.ParameterStore;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.generation.Generation;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.GenerationResult;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.engine.internal.cpu.InstructionSet;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.kernels.DjlEngine;
import io.github.djlmistral.engine.kernels.KernelChoice;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import java.lang.reflect.InvocationTargetException;
import java.lang.reflect.Proxy;
import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.BiConsumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;

/** The manager of one test, on the CPU, and the tiny checkpoints on it. */
public abstract class Fixture {

    /**
     * Bound between logits of two float32 implementations: float32 against float64 differs by up to
     * 2e-5 on these checkpoints (tests/reference/README.md), so two float32 ways by twice that; and
     * again as much for other processors.
     */
    public static final float LOGITS = 1e-4f;

    /** A log-probability is a logit minus logsumexp of the logits: the error of both. */
    public static final float LOG_PROBABILITIES = 2 * LOGITS;

    protected NDManager manager;
    protected ParameterStore parameters;

    @BeforeEach
    public final void openManager() {
        manager = NDManager.newBaseManager(Device.cpu(), engine().engineName());
        if (engine() == DjlEngine.PYTORCH) {
            // matrices of 32 columns are not worth waiting for a second thread
            JniUtils.setNumThreads(1);
        }
        parameters = new ParameterStore(manager, false);
    }

    /** Returns the engine of the manager. */
    protected DjlEngine engine() {
        return DjlEngine.PYTORCH;
    }

    @AfterEach
    public final void closeManager() {
        manager.close();
    }

    /** Skips a test of the native kernels where the jar has none for the platform. */
    public static void assumeAvailable(String kernels) {
        assumeTrue(
                !kernels.equals("native") || InstructionSet.missing() == null,
                "no native kernels here");
    }

    protected final MistralForCausalLM load(String checkpoint, String kernels) throws Exception {
        return MistralForCausalLM.load(
                Reference.directory("checkpoints/" + checkpoint),
                manager,
                new ComputeOptions(kernels, "float32"));
    }

    /** Returns a network with the same weights and other kernels. */
    protected final MistralForCausalLM through(Kernels kernels, MistralForCausalLM network) {
        return through(kernels, network, manager);
    }

    /** Returns a network with the same weights and other kernels, of this manager. */
    public static MistralForCausalLM through(
            Kernels kernels, MistralForCausalLM network, NDManager manager) {
        MistralForCausalLM other =
                new MistralForCausalLM(network.config(), new KernelChoice(kernels, "a test"));
        Map<String, Parameter> source = network.namedParameters();
        other.namedParameters()
                .forEach(
                        (name, parameter) -> {
                            parameter.setShape(null);
                            parameter.setArray(source.get(name).getArray());
                            parameter.freeze(true);
                        });
        other.initialize(manager, DataType.FLOAT32, new Shape(1, 1));
        return other;
    }

    /** Wraps kernels so that an observer sees the name and arguments of each call beforehand. */
    public static Kernels observed(Kernels kernels, BiConsumer<String, Object[]> observer) {
        return (Kernels)
                Proxy.newProxyInstance(
                        Kernels.class.getClassLoader(),
                        new Class<?>[] {Kernels.class},
                        (proxy, method, arguments) -> {
                            observer.accept(method.getName(), arguments);
                            try {
                                return method.invoke(kernels, arguments);
                            } catch (InvocationTargetException e) {
                                throw e.getCause();
                            }
                        });
    }

    /** Wraps kernels so that an action runs before each operation of this name. */
    protected static Kernels before(Kernels kernels, String operation, Runnable action) {
        return observed(
                kernels,
                (name, arguments) -> {
                    if (name.equals(operation)) {
                        action.run();
                    }
                });
    }

    /** Returns the caches of rows. */
    public static List<KvCache> caches(MistralForCausalLM network, NDManager manager, int rows) {
        return Stream.generate(() -> network.newCache(manager)).limit(rows).toList();
    }

    /** Normally distributed numbers. */
    protected final NDArray random(long seed, long... shape) {
        Random random = new Random(seed);
        float[] values = new float[(int) new Shape(shape).size()];
        for (int i = 0; i < values.length; ++i) {
            values[i] = (float) random.nextGaussian();
        }
        return manager.create(values, new Shape(shape));
    }

    /** A random prompt of ids from 3 on: smaller ones are special in most vocabularies. */
    protected static long[] prompt(MistralForCausalLM network, long seed, int length) {
        return new Random(seed).longs(length, 3, network.config().vocabSize()).toArray();
    }

    /**
     * Asserts that rounding does not choose the tokens of a text, so that it may be compared with
     * what another way of computing generates. Two ways differ by up to {@code 2 · LOGITS}: the
     * text must stay the same when the highest logit of each step is that much lower or higher. For
     * a greedy text that says that the two highest are further apart.
     */
    protected final void assertDecided(
            MistralForCausalLM network,
            List<long[]> prompts,
            GenerationConfig config,
            List<Sequence> expected) {
        for (float shift : new float[] {-2 * LOGITS, 2 * LOGITS}) {
            try (Generation generation =
                    new Generator(network, manager, null)
                            .start(prompts, config, (scores, row) -> shiftHighest(scores, shift))) {
                while (!generation.next().isEmpty()) {
                    // until every row has ended
                }
                List<Sequence> rows = generation.result().sequences();
                for (int i = 0; i < expected.size(); ++i) {
                    assertThat(rows.get(i).generated())
                            .as("row %d, logits shifted by %s: choose another prompt", i, shift)
                            .isEqualTo(expected.get(i).generated());
                }
            }
        }
    }

    private static void shiftHighest(float[] scores, float shift) {
        int highest = 0;
        for (int i = 1; i < scores.length; ++i) {
            highest = scores[i] > scores[highest] ? i : highest;
        }
        scores[highest] += shift;
    }

    /** Asserts that a network generates what the reference has recorded under a name. */
    protected final void assertGreedy(
            MistralForCausalLM network, Reference reference, String name) {
        JsonObject recorded = reference.greedy(name);
        assertThat(recorded.get("smallest_gap").getAsDouble()).isGreaterThan(2 * LOGITS);
        GenerationConfig.Builder options = GenerationConfig.builder().prefillChunkSize(6);
        for (Map.Entry<String, JsonElement> option :
                recorded.getAsJsonObject("options").entrySet()) {
            JsonElement value = option.getValue();
            if (value.isJsonArray()) {
                List<Integer> ids = new ArrayList<>();
                value.getAsJsonArray().forEach(id -> ids.add(id.getAsInt()));
                options.option(option.getKey(), ids);
            } else if (!value.isJsonNull()) {
                options.option(option.getKey(), value.getAsString());
            }
        }
        List<long[]> prompts = new ArrayList<>();
        recorded.getAsJsonArray("prompts").forEach(p -> prompts.add(Reference.ids(p)));

        GenerationResult result =
                new Generator(network, manager, null).generate(prompts, options.build());

        for (int i = 0; i < prompts.size(); ++i) {
            Sequence row = result.sequences().get(i);
            JsonElement output = recorded.getAsJsonArray("outputs").get(i);
            assertThat(row.generated()).isEqualTo(Reference.ids(output));
            if (recorded.has("logprobs")) {
                float[] actual = row.logProbabilities();
                JsonElement expected = recorded.getAsJsonArray("logprobs").get(i);
                for (int t = 0; t < actual.length; ++t) {
                    float wanted = expected.getAsJsonArray().get(t).getAsFloat();
                    assertThat(actual[t]).isCloseTo(wanted, within(LOG_PROBABILITIES));
                }
            }
        }
    }

    /** Collects garbage and writes to memory that it has freed, so that later reads see that. */
    protected static void overwriteFreedMemory() {
        List<ByteBuffer> blocks = new ArrayList<>();
        for (int round = 0; round < 3; ++round) {
            System.gc();
            for (int i = 0; i < 20_000; ++i) {
                ByteBuffer block = ByteBuffer.allocateDirect(8 * (1 + i % 16));
                while (block.hasRemaining()) {
                    block.put((byte) 0x11);
                }
                blocks.add(block);
            }
        }
        assertThat(blocks).isNotEmpty(); // so they are reachable until here
    }

    /** Returns the logits of every position of one row, computed at once and without a cache. */
    protected final float[][] logits(MistralForCausalLM network, long[] ids) {
        try (NDManager scope = manager.newSubManager()) {
            NDArray input = scope.create(ids, new Shape(1, ids.length));
            return rows(network.forward(parameters, ForwardInput.ofIds(input), false).logits());
        }
    }

    /** Splits an array into rows of its last dimension. */
    protected static float[][] rows(NDArray array) {
        float[] flat = array.toFloatArray();
        int width = (int) array.getShape().get(array.getShape().dimension() - 1);
        float[][] rows = new float[flat.length / width][];
        Arrays.setAll(rows, i -> Arrays.copyOfRange(flat, i * width, (i + 1) * width));
        return rows;
    }

    protected static double[] softmax(float[] logits) {
        double best = Double.NEGATIVE_INFINITY;
        for (float logit : logits) {
            best = Math.max(best, logit);
        }
        double[] probabilities = new double[logits.length];
        double total = 0;
        for (int i = 0; i < logits.length; ++i) {
            probabilities[i] = Math.exp(logits[i] - best);
            total += probabilities[i];
        }
        for (int i = 0; i < logits.length; ++i) {
            probabilities[i] /= total;
        }
        return probabilities;
    }

    protected static void assertClose(NDArray actual, NDArray expected, double tolerance) {
        assertThat(actual.getShape()).isEqualTo(expected.getShape());
        // a NaN is not less than anything
        assertThat((double) actual.sub(expected).abs().max().getFloat())
                .isLessThanOrEqualTo(tolerance);
    }

    protected static void assertClose(float[] actual, float[] expected, float tolerance) {
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < actual.length; ++i) {
            assertThat(Math.abs(actual[i] - expected[i]))
                    .as("%s is not %s, at %d", actual[i], expected[i], i)
                    .isLessThanOrEqualTo(tolerance);
        }
    }
}
