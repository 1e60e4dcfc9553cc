/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;
import static org.assertj.core.api.Assertions.assertThatIllegalStateException;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.nn.Parameter;
import ai.djl.training.GradientCollector;
import io.github.djlmistral.engine.adapter.Adapter;
import io.github.djlmistral.engine.adapter.LoraConfig;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.Generator;
import io.github.djlmistral.engine.internal.kernels.ReferenceKernels;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.kernels.KernelChoice;
import io.github.djlmistral.engine.model.Chunk;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.tests.kernels.RandomNetwork;
import io.github.djlmistral.tests.model.Fixture;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Networks with an adapter, which share the weights of their base. */
class AdaptedNetworkTest extends Fixture {

    private static final long[] IDS = {5, 17, 8, 41, 12, 9, 3, 60, 33};
    private static final String QUERY = "model.layers.0.self_attn.q_proj";

    private MistralForCausalLM random(String kind, String kernels) throws Exception {
        assumeAvailable(kernels);
        MistralConfig config = RandomNetwork.config(0);
        String dtype = kind.contains("g") ? "float32" : kind;
        return RandomNetwork.load(config, kind, manager, new ComputeOptions(kernels, dtype));
    }

    private float[] flat(MistralForCausalLM network) {
        float[][] rows = logits(network, IDS);
        float[] flat = new float[rows.length * rows[0].length];
        IntStream.range(0, rows.length)
                .forEach(
                        i ->
                                System.arraycopy(
                                        rows[i], 0, flat, i * rows[0].length, rows[0].length));
        return flat;
    }

    /** B is zero: every bit is the same. */
    @ParameterizedTest
    @CsvSource({
        "float32, torch",
        "float32, reference",
        "float32, native",
        "bfloat16, torch",
        "bfloat16, native",
        "int4 g32, torch",
        "int4 g32, native",
        "nf4 g64, torch",
        "nf4 g64, native"
    })
    void startsAsTheBase(String kind, String kernels) throws Exception {
        MistralForCausalLM base = random(kind, kernels);
        LoraConfig config =
                LoraConfig.builder().targetModules(List.of("all-linear", "lm_head")).build();
        MistralForCausalLM adapted = base.withAdapter(base.newAdapter(config, 1), manager);
        assertThat(flat(adapted)).isEqualTo(flat(base));
        assertThat(adapted.base()).isSameAs(base);
        assertThat(base.base()).isNull();
    }

    /**
     * The adapter of the native and torch kernels equals that of the reference kernels, which
     * compute the formula. Float32 sums in another order differ by 1e-5 here, as without an adapter
     * (NativeNetworkTest); int4 with native kernels rounds its inputs to 8 bits.
     */
    @ParameterizedTest
    @CsvSource({
        "float32, torch, 2e-5",
        "float32, native, 2e-5",
        "nf4 g64, torch, 2e-5",
        "nf4 g64, native, 2e-5",
        "int4 g64 offsets, torch, 2e-5",
        "int4 g64 offsets, native, 4.5e-2"
    })
    void isTheFormulaWithAllKernels(String kind, String kernels, float tolerance) throws Exception {
        MistralForCausalLM plain = random(kind, "reference");
        MistralForCausalLM base = random(kind, kernels);
        Adapter adapter = Adapters.random(plain, 3, 0.15);
        float[] expected = flat(plain.withAdapter(adapter, manager));
        float[] actual = flat(base.withAdapter(adapter, manager));
        double norm = 0;
        double error = 0;
        double change = 0;
        float[] without = flat(plain);
        for (int i = 0; i < expected.length; ++i) {
            norm += expected[i] * expected[i];
            error += Math.pow(actual[i] - expected[i], 2);
            change += Math.pow(without[i] - expected[i], 2);
        }
        assertThat(Math.sqrt(error / norm)).isLessThan(tolerance);
        assertThat(Math.sqrt(change / norm)).as("the adapter matters").isGreaterThan(0.2);
    }

    /** The sum of bfloat16 outputs and the adapter's in float32 is rounded once. */
    @Test
    void roundsTheSumOnce() throws Exception {
        MistralForCausalLM base = random("bfloat16", "torch");
        MistralForCausalLM native_ = random("bfloat16", "native");
        Adapter adapter = Adapters.random(base, 4, 0.15);
        float[] expected = flat(native_.withAdapter(adapter, manager)); // float32 activations
        float[] actual = flat(base.withAdapter(adapter, manager));
        double norm = 0;
        double error = 0;
        for (int i = 0; i < expected.length; ++i) {
            norm += expected[i] * expected[i];
            error += Math.pow(actual[i] - expected[i], 2);
        }
        // a unit roundoff of bfloat16, 2^-9, for each of the about 30 operations in sequence
        assertThat(Math.sqrt(error / norm)).isLessThan(Math.sqrt(30) * 0x1p-8);
    }

    /** Passes of any sizes, and other rows in them, do not change a bit. */
    @Test
    void nativeKernelsKeepEveryBit() throws Exception {
        MistralForCausalLM base = random("int4 g32", "native");
        MistralForCausalLM adapted = base.withAdapter(Adapters.random(base, 5, 0.15), manager);
        float[][] whole = logits(adapted, IDS);
        try (NDManager scope = manager.newSubManager()) {
            KvCache cache = adapted.newCache(scope);
            KvCache other = adapted.newCache(scope);
            for (int i = 0; i < IDS.length; ++i) {
                long[] one = {IDS[i]};
                long[] more = Arrays.copyOfRange(IDS, 0, 1 + i % 3);
                NDArray rows =
                        adapted.forward(
                                scope,
                                List.of(new Chunk(other, more, 0), new Chunk(cache, one, 1)));
                assertThat(rows.toFloatArray()).as("token %d", i).isEqualTo(whole[i]);
            }
        }
    }

    @ParameterizedTest
    @ValueSource(strings = {"torch", "native"})
    void severalAreUsedAtOnce(String kernels) throws Exception {
        MistralForCausalLM base = random("nf4 g64", kernels);
        float[] plain = flat(base);
        List<MistralForCausalLM> networks =
                List.of(
                        base,
                        base.withAdapter(Adapters.random(base, 6, 0.15), manager),
                        base.withAdapter(Adapters.random(base, 7, 0.15), manager));
        List<float[]> expected = networks.stream().map(this::flat).toList();
        assertThat(expected.get(1)).isNotEqualTo(expected.get(2)).isNotEqualTo(plain);
        ExecutorService threads = Executors.newFixedThreadPool(3);
        try {
            List<Callable<Boolean>> tasks =
                    networks.stream()
                            .<Callable<Boolean>>map(
                                    network ->
                                            () -> {
                                                float[] wanted =
                                                        expected.get(networks.indexOf(network));
                                                boolean same = true;
                                                for (int i = 0; i < 10; ++i) {
                                                    same &= Arrays.equals(flat(network), wanted);
                                                }
                                                return same;
                                            })
                            .toList();
            for (Future<Boolean> same : threads.invokeAll(tasks)) {
                assertThat(same.get()).isTrue();
            }
        } finally {
            threads.shutdown();
        }
        assertThat(flat(base)).isEqualTo(plain);
    }

    @Test
    void generatesText() throws Exception {
        assumeAvailable("native");
        MistralForCausalLM base = load("window8-f32", "native");
        Adapter adapter = Adapters.random(base, 8, 0.3);
        MistralForCausalLM adapted = base.withAdapter(adapter, manager);
        MistralForCausalLM torch = load("window8-f32", "torch").withAdapter(adapter, manager);
        List<long[]> prompts = List.of(prompt(base, 1, 12), prompt(base, 2, 5));
        GenerationConfig config = GenerationConfig.builder().maxNewTokens(30).build();
        var plain = new Generator(base, manager, null).generate(prompts, config).sequences();
        var texts = new Generator(adapted, manager, null).generate(prompts, config).sequences();
        assertDecided(torch, prompts, config, texts);
        var others = new Generator(torch, manager, null).generate(prompts, config).sequences();
        for (int i = 0; i < 2; ++i) {
            assertThat(texts.get(i).generated())
                    .isEqualTo(others.get(i).generated())
                    .isNotEqualTo(plain.get(i).generated());
        }
    }

    /**
     * Gradients flow to the adapter through weights of every kind, and the base has none. Their
     * error is bounded relative to them, as in TrainingTest.
     */
    @ParameterizedTest
    @CsvSource({
        "float32, torch",
        "nf4 g64, torch",
        "nf4 g64, native",
        "int4 g32, torch",
        "bfloat16, torch"
    })
    void gradientsAreThoseOfTheFormula(String kind, String kernels) throws Exception {
        String plainKind = kind.equals("bfloat16") ? "float32" : kind;
        MistralForCausalLM plain = random(plainKind, "reference");
        MistralForCausalLM base = random(kind, kernels);
        LoraConfig config =
                LoraConfig.builder()
                        .r(3)
                        .alpha(5)
                        .targetModules(List.of("all-linear", "lm_head"))
                        .build();
        Adapter adapter = Adapters.random(plain, config, 9, 0.15);
        Map<String, float[]> expected = gradients(plain.withAdapter(adapter, manager));
        Map<String, float[]> actual = gradients(base.withAdapter(adapter, manager));
        assertThat(actual).containsOnlyKeys(adapter.tensors().keySet());
        assertThat(expected).containsOnlyKeys(adapter.tensors().keySet());
        actual.forEach(
                (name, gradient) -> {
                    float[] wanted = expected.get(name);
                    double norm = 0;
                    double error = 0;
                    for (int i = 0; i < wanted.length; ++i) {
                        norm += wanted[i] * wanted[i];
                        error += Math.pow(gradient[i] - wanted[i], 2);
                    }
                    assertThat(norm).as(name).isPositive();
                    if (!kind.equals("bfloat16")) {
                        assertThat(Math.sqrt(error / norm)).as(name).isLessThan(LOGITS);
                    }
                });
        base.namedParameters()
                .forEach(
                        (name, parameter) ->
                                assertThat(parameter.requiresGradient()).as(name).isFalse());
    }

    /** Returns the gradients of all parameters that have one. */
    private Map<String, float[]> gradients(MistralForCausalLM adapted) {
        adapted.unfreezeAdapter();
        try (NDManager batch = manager.newSubManager();
                GradientCollector collector = manager.getEngine().newGradientCollector()) {
            NDArray ids = batch.create(IDS, new Shape(1, IDS.length));
            NDArray loss =
                    adapted.forward(parameters, ForwardInput.ofIds(ids), true)
                            .logits()
                            .square()
                            .mean();
            collector.backward(loss);
        }
        Map<String, float[]> gradients = new LinkedHashMap<>();
        adapted.namedParameters()
                .forEach(
                        (name, parameter) -> {
                            if (parameter.requiresGradient()) {
                                try (NDArray gradient = parameter.getArray().getGradient()) {
                                    gradients.put(name, gradient.toFloatArray());
                                }
                            }
                        });
        return gradients;
    }

    /** DJL's trainers unfreeze all parameters of a loaded model: those of the base stay frozen. */
    @Test
    void freezesAndUnfreezesTheAdapterOnly() throws Exception {
        MistralForCausalLM base = random("float32", "torch");
        MistralForCausalLM adapted = base.withAdapter(Adapters.random(base, 1, 0.1), manager);
        assertThat(adapted.namedParameters().values()).noneMatch(Parameter::requiresGradient);
        adapted.freezeParameters(false);
        adapted.namedParameters()
                .forEach(
                        (name, parameter) ->
                                assertThat(parameter.requiresGradient())
                                        .as(name)
                                        .isEqualTo(name.contains("lora_")));
        adapted.freezeParameters(true);
        assertThat(adapted.namedParameters().values()).noneMatch(Parameter::requiresGradient);
    }

    /** Modules in modules_to_save are copies in float32, quantized ones as well. */
    @ParameterizedTest
    @CsvSource({
        "float32, torch, 0",
        "float32, native, 0",
        "float32, reference, 0",
        "bfloat16, native, 0",
        "nf4 g64, native, 1e-5",
        "int4 g64 offsets, torch, 1e-5"
    })
    void replacesModules(String kind, String kernels, float tolerance) throws Exception {
        MistralForCausalLM base = random(kind, kernels);
        LoraConfig config =
                LoraConfig.builder().modulesToSave(List.of("embed_tokens", "lm_head")).build();
        MistralForCausalLM adapted = base.withAdapter(base.newAdapter(config, 2), manager);
        float[] before = flat(base);
        float[] start = flat(adapted);
        for (int i = 0; i < start.length; ++i) {
            assertThat(Math.abs(start[i] - before[i])).isLessThanOrEqualTo(tolerance * 10);
        }
        Adapter copy = adapted.adapter();
        assertThat(copy.tensors())
                .containsKeys("model.embed_tokens.weight", "lm_head.weight", QUERY + Adapter.A);
        copy.tensors().get("lm_head.weight").data().asFloatBuffer().put(new float[128]);
        float[] changed = flat(base.withAdapter(copy, manager));
        assertThat(changed[0]).as("the first row of the head is zero").isZero();
        assertThat(changed[1]).isEqualTo(start[1]);
        assertThat(gradients(adapted)).containsKeys("model.embed_tokens.weight", "lm_head.weight");
    }

    @Test
    void copiesItsAdapterOut() throws Exception {
        MistralForCausalLM base = random("nf4 g64", "torch");
        Adapter adapter = Adapters.random(base, 10, 0.1);
        MistralForCausalLM adapted = base.withAdapter(adapter, manager);
        assertThat(adapted.adapter()).isEqualTo(adapter);
        NDArray array = adapted.namedParameters().get(QUERY + Adapter.B).getArray();
        array.addi(1);
        assertThat(adapted.adapter()).isNotEqualTo(adapter);
        assertThatIllegalStateException()
                .isThrownBy(base::adapter)
                .withMessageContaining("the network has no adapter");
        assertThatIllegalStateException()
                .isThrownBy(() -> adapted.withAdapter(adapter, manager))
                .withMessageContaining("call base().withAdapter");
    }

    @Test
    void closing() throws Exception {
        MistralForCausalLM base = random("float32", "torch");
        Adapter adapter = Adapters.random(base, 11, 0.1);
        float[] plain = flat(base);
        MistralForCausalLM first = base.withAdapter(adapter, manager);
        NDManager owner = manager.newSubManager();
        MistralForCausalLM second = base.withAdapter(adapter, owner);
        MistralForCausalLM third = base.withAdapter(adapter, manager);
        first.close();
        owner.close();
        for (MistralForCausalLM closed : List.of(first, second)) {
            assertThatIllegalStateException()
                    .isThrownBy(() -> flat(closed))
                    .withMessageContaining("the model random is closed: load it again");
        }
        assertThat(flat(base)).isEqualTo(plain);
        float[] expected = flat(third);
        assertThat(flat(third)).isEqualTo(expected);
        base.close();
        assertThatIllegalStateException()
                .isThrownBy(() -> flat(third))
                .withMessageContaining("the model random is closed: load it again");
        assertThatIllegalStateException()
                .isThrownBy(() -> base.withAdapter(adapter, manager))
                .withMessageContaining("closed");
        third.close();
    }

    /** Keys and values depend on the adapter. */
    @Test
    void cachesBelongToOneAdapter(@TempDir Path directory) throws Exception {
        MistralForCausalLM base = load("window8-f32", "torch");
        Adapter adapter = Adapters.random(base, 12, 0.1);
        MistralForCausalLM adapted = base.withAdapter(adapter, manager);
        KvCache cache = adapted.newCache(manager);
        List<Chunk> chunks = List.of(new Chunk(cache, new long[] {5, 6}, 1));
        assertThatIllegalArgumentException().isThrownBy(() -> base.forward(manager, chunks));
        adapted.forward(manager, chunks).close();
        Path file = directory.resolve("cache.safetensors");
        cache.save(file);
        MistralForCausalLM same = base.withAdapter(adapted.adapter(), manager);
        assertThat(same.restoreCache(manager, file).ids()).containsExactly(5, 6);
        LoraConfig scaled = adapter.config().toBuilder().alpha(6).build();
        List<MistralForCausalLM> others =
                List.of(
                        base,
                        base.withAdapter(Adapters.random(base, 13, 0.1), manager),
                        base.withAdapter(new Adapter(scaled, adapter.tensors()), manager));
        for (MistralForCausalLM other : others) {
            assertThatIllegalArgumentException()
                    .isThrownBy(() -> other.restoreCache(manager, file));
        }
    }

    @Test
    void doesNotFit() throws Exception {
        MistralForCausalLM base = random("float32", "torch");
        MistralForCausalLM small = load("window8-f32", "torch");
        Adapter adapter = Adapters.random(small, 14, 0.1);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> base.withAdapter(adapter, manager))
                .withMessageContaining("the adapter does not match the network")
                .withMessageContaining(
                        "model.layers.0.self_attn.q_proj.lora_A.weight has the shape [3, 32]"
                                + " instead of [3, 128]")
                .withMessageContaining("more")
                .withMessageContaining("Is it an adapter of this model?");
        LoraConfig last =
                LoraConfig.builder()
                        .targetPattern(".*\\.2\\..*q_proj")
                        .baseModel("some/model")
                        .build();
        Adapter third = small.newAdapter(last, 1);
        assertThatIllegalArgumentException()
                .isThrownBy(() -> base.withAdapter(third, manager))
                .withMessageContaining(
                        "model.layers.2.self_attn.q_proj.lora_A.weight is unexpected")
                .withMessageContaining("It is an adapter of some/model");
        MistralForCausalLM empty =
                new MistralForCausalLM(
                        RandomNetwork.config(0),
                        new KernelChoice(new ReferenceKernels(), "a test"));
        assertThatIllegalStateException()
                .isThrownBy(() -> empty.withAdapter(adapter, manager))
                .withMessageContaining("only a loaded network");
    }
}
