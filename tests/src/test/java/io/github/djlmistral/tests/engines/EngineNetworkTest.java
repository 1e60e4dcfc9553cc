/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.engines;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.GradientCollector;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.kernels.DjlEngine;
import io.github.djlmistral.engine.kernels.KernelChoice;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.ForwardOutput;
import io.github.djlmistral.engine.model.MistralCheckpoint;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.model.MistralPreTrainedModel;
import io.github.djlmistral.engine.quantization.Quantization;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.tests.Leaks;
import io.github.djlmistral.tests.model.Fixture;
import io.github.djlmistral.tests.model.Reference;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedClass;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The same network equals the reference on every engine, in float32 as closely as the two kernel
 * sets of PyTorch do ({@link #LOGITS}): engines differ in the order of float32 sums only.
 */
@ParameterizedClass
@MethodSource("io.github.djlmistral.tests.Engines#all")
class EngineNetworkTest extends Fixture {

    private final DjlEngine engine;

    EngineNetworkTest(String engine) {
        this.engine = DjlEngine.of(engine);
    }

    @Override
    protected DjlEngine engine() {
        return engine;
    }

    private MistralForCausalLM load(String checkpoint) throws Exception {
        return load(checkpoint, "reference");
    }

    private float[] recorded(Reference reference, String name) {
        return reference.array(manager, name).toFloatArray();
    }

    private void assertRecorded(NDArray actual, Reference reference, String name) {
        NDArray expected = reference.array(manager, name);
        assertThat(actual.getShape()).isEqualTo(expected.getShape());
        assertClose(actual.toFloatArray(), expected.toFloatArray(), LOGITS);
    }

    /** Compares the rows of the last dimension that a mask keeps. */
    private static void assertKept(NDArray actual, NDArray expected, NDArray mask) {
        float[][] a = rows(actual);
        float[][] b = rows(expected);
        long[] kept = mask.toLongArray();
        assertThat(a).hasDimensions(kept.length, b[0].length);
        for (int i = 0; i < kept.length; ++i) {
            if (kept[i] == 1) {
                assertClose(a[i], b[i], LOGITS);
            }
        }
    }

    /** Grouped queries, sliding windows, tied embeddings, and weights in each data type. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "window8-f32",
                "nowindow-tied-sharded",
                "window4-bf16",
                "f16",
                "consolidated"
            })
    void logits(String checkpoint) throws Exception {
        Reference reference =
                Reference.checkpoint(
                        checkpoint.equals("consolidated") ? "window8-f32" : checkpoint);
        MistralForCausalLM network = load(checkpoint);
        NDArray ids = reference.array(manager, "single.input_ids");
        assertRecorded(
                network.forward(parameters, new NDList(ids), false).singletonOrThrow(),
                reference,
                "single.logits");
    }

    @Test
    void hiddenStatesAndAttentions() throws Exception {
        Reference reference = Reference.checkpoint("window8-f32");
        MistralForCausalLM network = load("window8-f32");
        ForwardOutput output =
                network.forward(
                        parameters,
                        ForwardInput.ofIds(reference.array(manager, "single.input_ids"))
                                .outputHiddenStates()
                                .outputAttentions(),
                        false);
        for (int i = 0; i < output.hiddenStates().size(); ++i) {
            assertRecorded(output.hiddenStates().get(i), reference, "single.hidden_states." + i);
        }
        for (int i = 0; i < output.attentions().size(); ++i) {
            assertRecorded(output.attentions().get(i), reference, "single.attentions." + i);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"window8-f32", "nowindow-tied-sharded"})
    void leftPaddedBatch(String checkpoint) throws Exception {
        Reference reference = Reference.checkpoint(checkpoint);
        NDArray mask = reference.array(manager, "batch.attention_mask");
        NDList inputs =
                new NDList(
                        reference.array(manager, "batch.input_ids"),
                        mask,
                        reference.array(manager, "batch.position_ids"));
        assertKept(
                load(checkpoint).forward(parameters, inputs, false).singletonOrThrow(),
                reference.array(manager, "batch.logits"),
                mask);
    }

    @Test
    void maskPositionsAndEmbeddingsOfTheCaller() throws Exception {
        Reference reference = Reference.checkpoint("window8-f32");
        MistralForCausalLM network = load("window8-f32");
        ForwardInput masked =
                ForwardInput.ofIds(reference.array(manager, "mask4d.input_ids"))
                        .attentionMask(reference.array(manager, "mask4d.attention_mask"))
                        .positionIds(reference.array(manager, "mask4d.position_ids"));
        assertRecorded(
                network.forward(parameters, masked, false).logits(), reference, "mask4d.logits");
        ForwardInput embedded =
                ForwardInput.ofEmbeddings(reference.array(manager, "embeds.inputs_embeds"));
        assertRecorded(
                network.forward(parameters, embedded, false).logits(), reference, "embeds.logits");
    }

    /** Prefill in chunks, down to single tokens, with a full and a rolling cache. */
    @ParameterizedTest
    @CsvSource({
        "window8-f32, 1",
        "window8-f32, 5",
        "window8-f32, 8",
        "window8-f32, 13",
        "window4-bf16, 3",
        "nowindow-tied-sharded, 5"
    })
    void cachedEqualsUncached(String checkpoint, int chunk) throws Exception {
        Reference reference = Reference.checkpoint(checkpoint);
        MistralForCausalLM network = load(checkpoint);
        long[] ids = reference.array(manager, "single.input_ids").toLongArray();
        float[][] expected = rows(reference.array(manager, "single.logits"));
        try (KvCache cache = network.newCache(manager)) {
            for (int from = 0; from < ids.length; from += chunk) {
                long[] part = Arrays.copyOfRange(ids, from, Math.min(ids.length, from + chunk));
                float[][] actual = rows(cached(network, List.of(cache), part));
                for (int i = 0; i < part.length; ++i) {
                    assertClose(actual[i], expected[from + i], LOGITS);
                }
            }
        }
    }

    private NDArray cached(MistralForCausalLM network, List<KvCache> caches, long... ids) {
        int rows = caches.size();
        NDArray input = manager.create(ids, new Shape(rows, ids.length / rows));
        return network.forward(parameters, ForwardInput.ofIds(input).caches(caches), false)
                .logits();
    }

    /** As beam search does: rows are copied, dropped, and taken back. */
    @Test
    void cachesAreForkedAndCropped() throws Exception {
        MistralForCausalLM network = load("window8-f32");
        float[] expected = logits(network, new long[] {7, 8, 9})[2];
        List<KvCache> caches = caches(network, manager, 2);
        cached(network, caches, 4, 5, 6, 7, 8, 9);
        List<KvCache> forks = List.of(caches.get(1).fork(), caches.get(1));
        forks.forEach(cache -> cache.crop(2));
        float[][] both = rows(cached(network, forks, 9, 9));
        assertClose(both[0], expected, LOGITS);
        assertClose(both[1], expected, LOGITS);
    }

    @ParameterizedTest
    @ValueSource(strings = {"window8-f32", "nowindow-tied-sharded"})
    void generatesAsTheReference(String checkpoint) throws Exception {
        Reference reference = Reference.checkpoint(checkpoint);
        MistralForCausalLM network = load(checkpoint);
        for (var recorded :
                Reference.json(reference.directory().resolve("expected.json"))
                        .getAsJsonArray("greedy")) {
            String name = recorded.getAsJsonObject().get("name").getAsString();
            assertGreedy(network, reference, name);
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"single-label", "token", "question", "embedding", "bidirectional"})
    void heads(String name) throws Exception {
        Reference reference = Reference.head(name);
        MistralPreTrainedModel network =
                MistralPreTrainedModel.of(
                        MistralCheckpoint.open(Reference.directory("heads/" + name)),
                        name,
                        manager,
                        new ComputeOptions("reference", "float32"));
        for (String batch : List.of("row", "left", "right")) {
            NDArray mask = reference.array(manager, batch + ".attention_mask");
            NDArray ids = reference.array(manager, batch + ".input_ids");
            NDList outputs = network.forward(parameters, new NDList(ids, mask), false);
            for (NDArray output : outputs) {
                NDArray expected = reference.array(manager, batch + "." + output.getName());
                if (name.equals("single-label")) {
                    assertClose(output.toFloatArray(), expected.toFloatArray(), LOGITS);
                } else {
                    long last = output.size() / mask.size();
                    Shape shape = new Shape(mask.size(), last);
                    assertKept(output.reshape(shape), expected.reshape(shape), mask);
                }
            }
        }
    }

    /**
     * The result of each operation is rounded to 16 bits, by the reference and by us: at most four
     * times as many roundings, which are independent, make twice the error, as in ForwardTest.
     */
    @Test
    void halfPrecisionErrorIsAsTheReferences() throws Exception {
        Reference reference = Reference.checkpoint("f16");
        ComputeOptions half = new ComputeOptions("reference", "float16");
        if (!engine.dtypes().contains(Dtype.FLOAT16)) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> MistralForCausalLM.load(reference.directory(), manager, half))
                    .withMessageContaining("float32, not in float16");
            return;
        }
        MistralForCausalLM network = MistralForCausalLM.load(reference.directory(), manager, half);
        float[] exact = recorded(reference, "single.logits");
        double theirs = rms(recorded(reference, "single.logits_f16"), exact);
        long[] ids = reference.array(manager, "single.input_ids").toLongArray();
        try (KvCache cache = network.newCache(manager)) {
            assertThat(rms(cached(network, List.of(cache), ids).toFloatArray(), exact))
                    .isBetween(0.25 * theirs, 2 * theirs);
            cache.crop(ids.length - 1);
            float[] last = cached(network, List.of(cache), ids[ids.length - 1]).toFloatArray();
            float[] exactLast = Arrays.copyOfRange(exact, exact.length - last.length, exact.length);
            assertThat(rms(last, exactLast)).isBetween(0.25 * theirs, 3 * theirs);
        }
    }

    private static double rms(float[] actual, float[] expected) {
        return Math.sqrt(
                IntStream.range(0, actual.length)
                        .mapToDouble(i -> Math.pow(actual[i] - expected[i], 2))
                        .average()
                        .orElseThrow());
    }

    /** Cross entropy of the next token; written with the operations that every engine has. */
    @Test
    void lossAndGradientsAreTheReferences() throws Exception {
        Reference reference = Reference.checkpoint("window8-f32");
        MistralForCausalLM network = load("window8-f32");
        ForwardInput input = ForwardInput.ofIds(reference.array(manager, "single.input_ids"));
        if (!engine.supportsGradients()) {
            assertThatExceptionOfType(UnsupportedOperationException.class)
                    .isThrownBy(() -> network.forward(parameters, input, true))
                    .withMessageContaining(engine.engineName())
                    .withMessageContaining("optEngine(\"PyTorch\")");
            assertThatExceptionOfType(UnsupportedOperationException.class)
                    .isThrownBy(() -> network.freezeParameters(false))
                    .withMessageContaining("optEngine(\"PyTorch\")");
            return;
        }
        long[] labels = reference.array(manager, "labels").toLongArray();
        int vocabulary = network.config().vocabSize();
        float[] chosen = new float[labels.length * vocabulary];
        int counted = 0;
        for (int i = 0; i + 1 < labels.length; ++i) {
            if (labels[i + 1] >= 0) {
                chosen[i * vocabulary + (int) labels[i + 1]] = 1;
                ++counted;
            }
        }
        network.freezeParameters(false);
        NDArray mask = manager.create(chosen, new Shape(1, labels.length, vocabulary));
        NDArray divisor = manager.create((float) -counted);
        try (GradientCollector collector = manager.getEngine().newGradientCollector()) {
            NDArray logits = network.forward(parameters, input, true).logits();
            NDArray loss = logits.logSoftmax(2).mul(mask).sum().div(divisor);
            assertThat(loss.getFloat()).isCloseTo(recorded(reference, "loss")[0], within(LOGITS));
            collector.backward(loss);
        }
        int compared = 0;
        for (Map.Entry<String, Parameter> weight : network.namedParameters().entrySet()) {
            float[] gradient = weight.getValue().getArray().getGradient().toFloatArray();
            if (reference.has("grad." + weight.getKey())) {
                float[] expected = recorded(reference, "grad." + weight.getKey());
                float largest = 0;
                for (float value : expected) {
                    largest = Math.max(largest, Math.abs(value));
                }
                // relative to the largest gradient, as in TrainingTest
                assertClose(gradient, expected, LOGITS * largest);
                ++compared;
            }
        }
        assertThat(compared).isEqualTo(7);
    }

    @Test
    void quantizedWeights() throws Exception {
        ComputeOptions options = new ComputeOptions("reference", "float32");
        Reference reference = Reference.checkpoint("window8-f32");
        MistralCheckpoint checkpoint =
                MistralCheckpoint.open(reference.directory()).quantized(Quantization.parse("nf4"));
        if (!engine.supportsQuantizedWeights()) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> MistralForCausalLM.of(checkpoint, "c", manager, options))
                    .withMessageContaining(engine.engineName())
                    .withMessageContaining("optEngine(\"PyTorch\")");
            return;
        }
        MistralForCausalLM network = MistralForCausalLM.of(checkpoint, "c", manager, options);
        long[] ids = reference.array(manager, "single.input_ids").toLongArray();
        float[][] actual = logits(network, ids);
        try (NDManager other = NDManager.newBaseManager(manager.getDevice(), "PyTorch")) {
            MistralForCausalLM torch =
                    MistralForCausalLM.of(
                            MistralCheckpoint.open(reference.directory())
                                    .quantized(Quantization.parse("nf4")),
                            "c",
                            other,
                            new ComputeOptions("torch", "float32"));
            NDArray input = other.create(ids, new Shape(1, ids.length));
            float[][] expected =
                    rows(torch.forward(parameters, ForwardInput.ofIds(input), false).logits());
            for (int i = 0; i < ids.length; ++i) {
                assertClose(actual[i], expected[i], LOGITS);
            }
        }
    }

    /** Small models compute in float32, large ones in 16 bits where the engine does. */
    @ParameterizedTest
    @CsvSource({
        "BFLOAT16, 1000, float32, float32", "BFLOAT16, 14000000000, float16, float32",
        "FLOAT16, 14000000000, float16, float32", "FLOAT32, 28000000000, float32, float32"
    })
    void theTypeIsChosenBySize(Dtype stored, long bytes, String half, String single) {
        String type = engine.dtypes().contains(Dtype.FLOAT16) ? half : single;
        ComputeOptions options = new ComputeOptions("reference", "auto");
        assertThat(KernelChoice.of(manager, options, stored, bytes).kernels().dtype())
                .isEqualTo(Dtype.of(type));
    }

    @ParameterizedTest
    @CsvSource({"torch, auto", "native, auto", "auto, bfloat16"})
    void kernelsAndTypesThatTheEngineLacks(String kernels, String dtype) {
        ComputeOptions options = new ComputeOptions(kernels, dtype);
        if (engine == DjlEngine.PYTORCH) {
            return;
        }
        assertThatIllegalArgumentException()
                .isThrownBy(() -> KernelChoice.of(manager, options, Dtype.FLOAT32, 9))
                .withMessageContaining(engine.engineName())
                .withMessageContaining("leave")
                .withMessageContaining(kernels.equals("auto") ? dtype : "optEngine(\"PyTorch\")");
    }

    /** Everything that a pass or a generation allocates is freed, and the weights at last. */
    @Test
    void nothingLeaks() throws Exception {
        int before = Leaks.resources(manager);
        MistralForCausalLM network = load("window8-f32");
        long[] prompt = prompt(network, 1, 9);
        Generator generator = new Generator(network, manager, null);
        GenerationConfig config = GenerationConfig.builder().maxNewTokens(12).build();
        generator.generate(List.of(prompt), config);
        int loaded = Leaks.resources(manager);
        for (int i = 0; i < 3; ++i) {
            generator.generate(List.of(prompt), config);
            logits(network, prompt);
        }
        assertThat(Leaks.resources(manager)).isEqualTo(loaded);
        network.close();
        assertThat(Leaks.resources(manager)).isEqualTo(before);
    }

    @Test
    void threadsShareANetwork() throws Exception {
        MistralForCausalLM network = load("window8-f32");
        GenerationConfig config = GenerationConfig.builder().maxNewTokens(20).build();
        Generator generator = new Generator(network, manager, null);
        List<long[]> prompts =
                IntStream.range(0, 8).mapToObj(i -> prompt(network, i, 3 + i)).toList();
        List<long[]> expected =
                prompts.stream().map(prompt -> generated(generator, prompt, config)).toList();
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            List<Future<long[]>> results =
                    prompts.stream()
                            .map(p -> threads.submit(() -> generated(generator, p, config)))
                            .toList();
            for (int i = 0; i < results.size(); ++i) {
                assertThat(results.get(i).get()).isEqualTo(expected.get(i));
            }
        } finally {
            threads.shutdownNow();
        }
    }

    private static long[] generated(Generator generator, long[] prompt, GenerationConfig config) {
        return generator.generate(List.of(prompt), config).sequences().get(0).generated();
    }
}
