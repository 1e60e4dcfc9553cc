/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.training;

import static io.github.djlmistral.engine.model.TrainingPass.Options.DEFAULT;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.pytorch.jni.JniUtils;
import io.github.djlmistral.engine.adapter.LoraConfig;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.model.TrainingPass;
import io.github.djlmistral.engine.model.TrainingPass.Options;
import io.github.djlmistral.engine.model.TrainingSequence;
import io.github.djlmistral.tests.Leaks;
import io.github.djlmistral.tests.kernels.RandomNetwork;
import io.github.djlmistral.tests.model.Fixture;
import io.github.djlmistral.tests.model.Reference;
import io.github.djlmistral.tests.training.TrainingPasses.Step;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Ways of computing a pass that give the same gradients. */
class TrainingPassTest extends Fixture {

    /** Float32 sums in another order, relative to the largest gradient of a tensor. */
    private static final double ROUNDING = 1e-5;

    private static final String EMBEDDING = "model.embed_tokens.weight";
    private static final String HEAD = "lm_head.weight";

    private static void assertEqual(Step actual, Step expected) {
        assertThat(actual.logProbabilities()).isEqualTo(expected.logProbabilities());
        assertThat(actual.gradients().keySet()).isEqualTo(expected.gradients().keySet());
        actual.gradients()
                .forEach(
                        (name, gradient) ->
                                assertThat(gradient)
                                        .as(name)
                                        .isEqualTo(expected.gradients().get(name)));
    }

    private static void assertFinite(Step step) {
        for (float[] gradient : step.gradients().values()) {
            for (float number : gradient) {
                assertThat(number).isFinite();
            }
        }
    }

    private static void assertClose(
            Map<String, float[]> actual, Map<String, float[]> expected, double tolerance) {
        assertThat(actual.keySet()).isEqualTo(expected.keySet());
        actual.forEach(
                (name, gradient) ->
                        assertThat(TrainingPasses.distance(gradient, expected.get(name)))
                                .as(name)
                                .isLessThanOrEqualTo(tolerance));
    }

    private MistralForCausalLM unfrozen(String checkpoint, String kernels) throws Exception {
        MistralForCausalLM network = load(checkpoint, kernels);
        network.freezeParameters(false);
        return network;
    }

    /** Random weights of a kind; of the network with an adapter if they are quantized. */
    private MistralForCausalLM random(String kind, String dtype, double dropout) throws Exception {
        MistralConfig config = RandomNetwork.config(6);
        MistralForCausalLM base =
                RandomNetwork.load(config, kind, manager, new ComputeOptions("torch", dtype));
        LoraConfig lora =
                LoraConfig.builder()
                        .r(4)
                        .alpha(8)
                        .dropout(dropout)
                        .targetModules(List.of("q_proj", "v_proj", "down_proj", "lm_head"))
                        .build();
        MistralForCausalLM adapted = base.withAdapter(base.newAdapter(lora, 3), manager);
        adapted.unfreezeAdapter();
        // or the gradients of all A are zero
        adapted.namedParameters()
                .forEach(
                        (name, parameter) -> {
                            if (name.contains("lora_B")) {
                                NDArray b = parameter.getArray();
                                parameter.freeze(true);
                                b.addi(0.05f);
                                parameter.freeze(false);
                            }
                        });
        return adapted;
    }

    @ParameterizedTest
    @ValueSource(strings = {"torch", "reference"})
    void packedEqualsUnpacked(String kernels) throws Exception {
        MistralForCausalLM network = unfrozen("window8-f32", kernels);
        List<TrainingSequence> sequences = TrainingPasses.sequences(network, 1, 20, 1, 3, 11, 3, 2);
        Step packed = TrainingPasses.step(network, manager, sequences, DEFAULT);
        float[] weights = TrainingPasses.weights(packed.logProbabilities().length);
        TrainingPass.zeroGradients(network);
        int at = 0;
        for (TrainingSequence sequence : sequences) {
            try (TrainingPass pass =
                    TrainingPass.forward(network, manager, List.of(sequence), DEFAULT)) {
                float[] own = pass.logProbabilities();
                float[] gradients = new float[own.length];
                for (int i = 0; i < own.length; ++i, ++at) {
                    assertThat(packed.logProbabilities()[at]).isCloseTo(own[i], within(2e-5f));
                    gradients[i] = weights[at];
                }
                pass.backward(gradients, null);
            }
        }
        assertThat(at).isEqualTo(weights.length);
        assertClose(packed.gradients(), TrainingPasses.gradients(network, manager), ROUNDING);
    }

    /** No token of a sequence depends on another sequence: not even its bits. */
    @Test
    void sequencesDoNotSeeEachOther() throws Exception {
        MistralForCausalLM network = load("nowindow-tied-sharded", "torch");
        List<TrainingSequence> some = TrainingPasses.sequences(network, 1, 9, 12);
        List<TrainingSequence> others = TrainingPasses.sequences(network, 2, 9, 12);
        float[] before = TrainingPass.logProbabilities(network, manager, some);
        float[] after =
                TrainingPass.logProbabilities(
                        network, manager, List.of(others.get(0), some.get(1)));
        int first = some.get(0).counted();
        for (int i = first; i < before.length; ++i) {
            assertThat(after[i]).isEqualTo(before[i]);
        }
        assertThat(after[0]).isNotEqualTo(before[0]);
    }

    @ParameterizedTest
    @CsvSource({
        "window8-f32, torch",
        "window8-f32, reference",
        "nowindow-tied-sharded, torch",
        "window4-bf16, torch"
    })
    void checkpointedEqualsPlain(String checkpoint, String kernels) throws Exception {
        MistralForCausalLM network = unfrozen(checkpoint, kernels);
        List<TrainingSequence> sequences = TrainingPasses.sequences(network, 1, 20, 5);
        Options options = DEFAULT.withNoise(5, 17L);
        Step plain = TrainingPasses.step(network, manager, sequences, options);
        assertEqual(
                TrainingPasses.step(
                        network, manager, sequences, options.withGradientCheckpointing(true)),
                plain);
        assertFinite(plain);
    }

    @ParameterizedTest
    @CsvSource({"float32, float32", "bfloat16, bfloat16", "int4 g32, bfloat16", "nf4 g64, float32"})
    void checkpointedEqualsPlainWithAdapterAndDropout(String kind, String dtype) throws Exception {
        MistralForCausalLM network = random(kind, dtype, 0.3);
        List<TrainingSequence> sequences = TrainingPasses.sequences(network, 1, 20, 5);
        Options options = DEFAULT.withNoise(0, 17L);
        Step plain = TrainingPasses.step(network, manager, sequences, options);
        assertEqual(
                TrainingPasses.step(
                        network, manager, sequences, options.withGradientCheckpointing(true)),
                plain);
        assertThat(plain.gradients()).hasSize(2 * (3 * 2 + 1));
        plain.gradients()
                .forEach(
                        (name, gradient) -> {
                            assertThat(gradient).as(name).isNotEqualTo(new float[gradient.length]);
                        });
        assertFinite(plain);
        Step without = TrainingPasses.step(network, manager, sequences, DEFAULT);
        Step other = TrainingPasses.step(network, manager, sequences, options.withNoise(0, 18L));
        assertThat(without.logProbabilities()).isNotEqualTo(plain.logProbabilities());
        assertThat(other.logProbabilities()).isNotEqualTo(plain.logProbabilities());
    }

    /** Parameters that are 16-bit numbers have gradients in float32, rounded to 16 bits. */
    @Test
    void bfloat16() throws Exception {
        MistralForCausalLM narrow =
                MistralForCausalLM.load(
                        Reference.directory("checkpoints/window4-bf16"),
                        manager,
                        new ComputeOptions("torch", "bfloat16"));
        narrow.freezeParameters(false);
        MistralForCausalLM wide = unfrozen("window4-bf16", "torch");
        List<TrainingSequence> sequences = TrainingPasses.sequences(narrow, 1, 20, 5);
        Step actual = TrainingPasses.step(narrow, manager, sequences, DEFAULT);
        Step expected = TrainingPasses.step(wide, manager, sequences, DEFAULT);
        // 8 bits: errors of 2^-9 of activations and gradients add up over a few operations
        assertClose(actual.gradients(), expected.gradients(), 0.1);
        assertEqual(
                TrainingPasses.step(
                        narrow, manager, sequences, DEFAULT.withGradientCheckpointing(true)),
                actual);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 7, 17, 18, 19})
    void chunksOfTheHead(int rows) throws Exception {
        MistralForCausalLM network = unfrozen("window8-f32", "torch");
        List<TrainingSequence> sequences = TrainingPasses.sequences(network, 1, 20, 5);
        Options options = DEFAULT.withMeanLogProbabilities(true);
        Step whole = TrainingPasses.step(network, manager, sequences, options);
        assertThat(whole.logProbabilities()).hasSize(18);
        Step chunked = TrainingPasses.step(network, manager, sequences, options.withHeadRows(rows));
        assertClose(chunked.logProbabilities(), whole.logProbabilities(), 2e-5f);
        assertClose(chunked.gradients(), whole.gradients(), ROUNDING);
    }

    /** Whatever is frozen, the gradients of the others are the same, bit for bit. */
    @ParameterizedTest
    @CsvSource({
        "model.embed_tokens, false",
        "model.embed_tokens, true",
        "model.layers.0, false",
        "model.layers.1.self_attn.k_proj, false",
        "model.layers.1.self_attn.k_proj, true",
        "model.layers.2.post_attention, true",
        "model.norm, false",
        "model.norm, true",
        "lm_head, false",
        "lm_head, true"
    })
    void frozenParameters(String prefix, boolean checkpointing) throws Exception {
        MistralForCausalLM network = unfrozen("window8-f32", "torch");
        List<TrainingSequence> sequences = TrainingPasses.sequences(network, 1, 20, 5);
        Map<String, float[]> all =
                TrainingPasses.step(network, manager, sequences, DEFAULT).gradients();
        network.namedParameters()
                .forEach((name, parameter) -> parameter.freeze(!name.startsWith(prefix)));
        Map<String, float[]> some =
                TrainingPasses.step(
                                network,
                                manager,
                                sequences,
                                DEFAULT.withGradientCheckpointing(checkpointing))
                        .gradients();
        assertThat(some).isNotEmpty();
        some.forEach((name, gradient) -> assertThat(gradient).isEqualTo(all.get(name)));
        assertThat(some.keySet()).allMatch(name -> name.startsWith(prefix));
    }

    @Test
    void gradientsAddUpUntilTheyAreZeroed() throws Exception {
        MistralForCausalLM network = unfrozen("window8-f32", "torch");
        List<TrainingSequence> sequences = TrainingPasses.sequences(network, 1, 20, 5);
        Map<String, float[]> zeros = new TreeMap<>();
        TrainingPass.zeroGradients(network);
        TrainingPasses.gradients(network, manager)
                .forEach((name, gradient) -> zeros.put(name, new float[gradient.length]));
        Map<String, float[]> once =
                TrainingPasses.step(network, manager, sequences, DEFAULT).gradients();
        try (TrainingPass pass = TrainingPass.forward(network, manager, sequences, DEFAULT)) {
            pass.backward(TrainingPasses.weights(pass.logProbabilities().length), null);
        }
        Map<String, float[]> twice = TrainingPasses.gradients(network, manager);
        twice.forEach(
                (name, gradient) -> {
                    for (int i = 0; i < gradient.length; ++i) {
                        assertThat(gradient[i]).isEqualTo(2 * once.get(name)[i]);
                    }
                });
        TrainingPass.zeroGradients(network);
        TrainingPasses.gradients(network, manager)
                .forEach((name, gradient) -> assertThat(gradient).isEqualTo(zeros.get(name)));
    }

    /** NEFTune: determined by the seed, and none in evaluation. */
    @Test
    void noise() throws Exception {
        MistralForCausalLM network = unfrozen("window8-f32", "torch");
        List<TrainingSequence> sequences = TrainingPasses.sequences(network, 1, 20, 5);
        Options noisy = DEFAULT.withNoise(5, 1L);
        float[] plain = TrainingPass.logProbabilities(network, manager, sequences);
        float[] once = TrainingPasses.step(network, manager, sequences, noisy).logProbabilities();
        float[] again = TrainingPasses.step(network, manager, sequences, noisy).logProbabilities();
        float[] other =
                TrainingPasses.step(network, manager, sequences, DEFAULT.withNoise(5, 2L))
                        .logProbabilities();
        assertThat(again).isEqualTo(once).isNotEqualTo(plain).isNotEqualTo(other);
        float[] none =
                TrainingPasses.step(network, manager, sequences, DEFAULT.withNoise(0, 1L))
                        .logProbabilities();
        assertThat(none).isEqualTo(plain);
        try (TrainingPass pass = TrainingPass.evaluate(network, manager, sequences, noisy)) {
            assertThat(pass.logProbabilities()).isEqualTo(plain);
        }
    }

    /** The noise of a sequence of L tokens is uniform within alpha / sqrt(L E). */
    @Test
    void noiseDependsOnTheLengthOfTheSequence() throws Exception {
        MistralForCausalLM network = load("window8-f32", "torch");
        Kernels inner = network.kernels().training();
        List<float[]> noise = new ArrayList<>();
        Kernels observed =
                (Kernels)
                        Proxy.newProxyInstance(
                                Kernels.class.getClassLoader(),
                                new Class<?>[] {Kernels.class},
                                (proxy, method, arguments) -> {
                                    if (method.getName().equals("training")) {
                                        return proxy;
                                    }
                                    if (method.getName().equals("embeddingFloat32")) {
                                        noise.add(((NDArray) arguments[1]).toFloatArray());
                                    }
                                    return method.invoke(inner, arguments);
                                });
        MistralForCausalLM watched = through(observed, network);
        watched.freezeParameters(false);
        int[] lengths = {25, 100};
        int width = network.config().hiddenSize();
        List<TrainingSequence> sequences = TrainingPasses.sequences(network, 1, lengths);
        TrainingPass.forward(watched, manager, sequences, DEFAULT.withNoise(5, 1L)).close();
        assertThat(noise).hasSize(1);
        int at = 0;
        for (int length : lengths) {
            double most = 5 / Math.sqrt((double) length * width);
            double sum = 0;
            double squares = 0;
            double largest = 0;
            int count = length * width;
            for (int i = 0; i < count; ++i, ++at) {
                double number = noise.get(0)[at] / most;
                sum += number;
                squares += number * number;
                largest = Math.max(largest, Math.abs(number));
            }
            // the mean has a standard deviation of 1 / sqrt(3 n), that of the squares is smaller
            double tolerance = 5 / Math.sqrt(3.0 * count);
            assertThat(largest).isLessThanOrEqualTo(1).isGreaterThan(0.98);
            assertThat(sum / count).isCloseTo(0, within(tolerance));
            assertThat(squares / count).isCloseTo(1 / 3.0, within(tolerance));
        }
    }

    /** Autograd does not own the memory of arrays that were created from Java buffers. */
    @ParameterizedTest
    @CsvSource({"torch, false", "torch, true", "reference, false", "reference, true"})
    void garbageCollectionBeforeTheBackwardPass(String kernels, boolean checkpointing)
            throws Exception {
        MistralForCausalLM network = unfrozen("window8-f32", kernels);
        List<TrainingSequence> sequences = TrainingPasses.sequences(network, 1, 20, 5);
        Options options = DEFAULT.withNoise(5, 1L).withGradientCheckpointing(checkpointing);
        Step expected = TrainingPasses.step(network, manager, sequences, options);
        TrainingPass.zeroGradients(network);
        try (TrainingPass pass = TrainingPass.forward(network, manager, sequences, options)) {
            overwriteFreedMemory();
            pass.backward(TrainingPasses.weights(pass.logProbabilities().length), null);
        }
        TrainingPasses.gradients(network, manager)
                .forEach(
                        (name, gradient) ->
                                assertThat(gradient).isEqualTo(expected.gradients().get(name)));
    }

    @ParameterizedTest
    @ValueSource(booleans = {false, true})
    void nothingIsLeftOfManyPasses(boolean checkpointing) throws Exception {
        MistralForCausalLM network = random("int4 g32", "float32", 0.1);
        List<TrainingSequence> sequences = TrainingPasses.sequences(network, 1, 10, 5);
        Options options =
                DEFAULT.withNoise(5, 17L)
                        .withGradientCheckpointing(checkpointing)
                        .withMeanLogProbabilities(true)
                        .withHeadRows(4);
        int open = 0;
        long bytes = 0;
        for (int i = 0; i < 20; ++i) {
            TrainingPasses.step(network, manager, sequences, options);
            TrainingPass.logProbabilities(network, manager, sequences);
            if (i == 1) {
                open = Leaks.resources(manager);
                bytes = Leaks.nativeBytes(manager);
            }
        }
        assertThat(Leaks.resources(manager)).isEqualTo(open);
        assertThat(Leaks.nativeBytes(manager)).isEqualTo(bytes);
    }

    /** Closing the network waits for the backward pass; closing the manager closes the pass. */
    @Test
    void closing() throws Exception {
        MistralForCausalLM network = unfrozen("consolidated", "torch");
        List<TrainingSequence> sequences = TrainingPasses.sequences(network, 1, 20, 5);
        Step expected = TrainingPasses.step(network, manager, sequences, DEFAULT);
        TrainingPass.zeroGradients(network);
        NDArray weight = network.namedParameters().get(EMBEDDING).getArray();
        NDManager batch = NDManager.newBaseManager(manager.getDevice(), "PyTorch");
        try (batch) {
            TrainingPass pass = TrainingPass.forward(network, batch, sequences, DEFAULT);
            network.close();
            assertThat(weight.isReleased()).isFalse();
            pass.backward(TrainingPasses.weights(pass.logProbabilities().length), null);
            try (NDArray gradient = weight.getGradient()) {
                assertThat(gradient.toFloatArray()).isEqualTo(expected.gradients().get(EMBEDDING));
            }
        }
        assertThat(weight.isReleased()).isTrue();
    }

    /** Two adapters of one network at the same time. */
    @Test
    void concurrentPasses() throws Exception {
        MistralForCausalLM first = random("float32", "float32", 0.1);
        MistralForCausalLM base = first.base();
        MistralForCausalLM second = base.withAdapter(first.adapter(), manager);
        second.unfreezeAdapter();
        List<TrainingSequence> sequences = TrainingPasses.sequences(base, 1, 20, 5);
        Options options = DEFAULT.withNoise(5, 17L).withGradientCheckpointing(true);
        Step expected = TrainingPasses.step(first, manager, sequences, options);
        ExecutorService threads = Executors.newFixedThreadPool(2);
        try {
            List<Future<Step>> steps = new ArrayList<>();
            for (MistralForCausalLM network : List.of(first, second)) {
                Callable<Step> repeated =
                        () -> {
                            Step last = expected;
                            for (int i = 0; i < 5; ++i) {
                                last = TrainingPasses.step(network, manager, sequences, options);
                            }
                            return last;
                        };
                steps.add(threads.submit(repeated));
            }
            for (Future<Step> step : steps) {
                assertEqual(step.get(), expected);
            }
        } finally {
            threads.shutdown();
        }
    }

    /** Inference, and gradients that DJL collects, are as before. */
    @Test
    void otherPassesAreUnaffected() throws Exception {
        MistralForCausalLM network = unfrozen("window8-f32", "torch");
        List<TrainingSequence> sequences = TrainingPasses.sequences(network, 1, 20);
        float[][] before = logits(network, sequences.get(0).ids());
        TrainingPasses.step(network, manager, sequences, DEFAULT);
        assertThat(logits(network, sequences.get(0).ids())).isDeepEqualTo(before);
        assertThat(JniUtils.isGradMode()).isFalse();
        assertThat(network.namedParameters().get(HEAD).getArray().hasGradient()).isTrue();
    }
}
