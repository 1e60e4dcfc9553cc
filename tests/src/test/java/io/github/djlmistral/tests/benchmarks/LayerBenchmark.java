/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.benchmarks;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.training.ParameterStore;
import io.github.djlmistral.engine.cache.KvCache;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.Tensor;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Fork;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/**
 * A pass through two layers of Mistral 7B with a vocabulary of 512: what all 32 layers take is 16
 * times as much, and the kernels for few tokens, which compute whole networks, show here what each
 * kind of weights and the length of the cache cost. Two layers have 436 million weights, 245 MB of
 * {@code int4-g32}: more than a processor's caches hold.
 */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MICROSECONDS)
@Warmup(iterations = 3, time = 2)
@Measurement(iterations = 5, time = 2)
@Fork(1)
public class LayerBenchmark {

    private static final int VOCABULARY = 512;
    private static final int CHUNK = 512;

    private static final MistralConfig CONFIG =
            MistralConfig.parse(
                    """
                    {"rms_norm_eps": 1e-5, "max_position_embeddings": 32768, "num_hidden_layers": 2,
                     "vocab_size": 512, "sliding_window": null}
                    """);

    /** How matrices are kept. */
    @Param({"int4-g32", "int4-g64", "int4-g128", "int4-g64-offsets", "nf4"})
    public String weight;

    /** How many tokens a pass has. */
    @Param({"1", "8", "512"})
    public int tokens;

    /** How many tokens the cache has before. */
    @Param({"0", "4096"})
    public int depth;

    /** What computes. */
    @Param("auto")
    public String kernels;

    /** The type of activations and of the cache. */
    @Param("bfloat16")
    public String dtype;

    private final Random random = new Random(1);
    private NDManager manager;
    private ParameterStore parameters;
    private MistralForCausalLM network;
    private KvCache cache;

    /** Makes the network and fills its cache. */
    @Setup
    public void setUp() throws MalformedModelException {
        manager = NDManager.newBaseManager("PyTorch");
        parameters = new ParameterStore(manager, false);
        network = MistralForCausalLM.of(CONFIG, weights(), "random", manager, kernels, dtype);
        System.out.println("# " + network.kernelReason());
        cache = network.newCache(manager, 1, depth + tokens);
        for (int done = 0; done < depth; done += CHUNK) {
            pass(CHUNK);
        }
    }

    private Weights weights() {
        RandomWeights made = new RandomWeights();
        int hidden = CONFIG.hiddenSize();
        int keys = CONFIG.numKeyValueHeads() * CONFIG.headDim();
        int wide = CONFIG.intermediateSize();
        Map<String, Tensor> plain = new LinkedHashMap<>();
        Map<String, QuantizedWeight> matrices = new LinkedHashMap<>();
        plain.put("model.embed_tokens.weight", made.tensor(VOCABULARY, hidden));
        for (int layer = 0; layer < CONFIG.numHiddenLayers(); ++layer) {
            String prefix = "model.layers." + layer + ".";
            plain.put(prefix + "input_layernorm.weight", made.tensor(hidden));
            matrices.put(prefix + "self_attn.q_proj.weight", made.matrix(weight, hidden, hidden));
            matrices.put(prefix + "self_attn.k_proj.weight", made.matrix(weight, keys, hidden));
            matrices.put(prefix + "self_attn.v_proj.weight", made.matrix(weight, keys, hidden));
            matrices.put(prefix + "self_attn.o_proj.weight", made.matrix(weight, hidden, hidden));
            plain.put(prefix + "post_attention_layernorm.weight", made.tensor(hidden));
            matrices.put(prefix + "mlp.gate_proj.weight", made.matrix(weight, wide, hidden));
            matrices.put(prefix + "mlp.up_proj.weight", made.matrix(weight, wide, hidden));
            matrices.put(prefix + "mlp.down_proj.weight", made.matrix(weight, hidden, wide));
        }
        plain.put("model.norm.weight", made.tensor(hidden));
        matrices.put("lm_head.weight", made.matrix(weight, VOCABULARY, hidden));
        return new Weights(plain, matrices);
    }

    private float pass(int width) {
        try (NDManager step = manager.newSubManager()) {
            long[] ids = random.longs(width, 0, VOCABULARY).toArray();
            ForwardInput input =
                    ForwardInput.ofIds(step.create(ids, new Shape(1, width)))
                            .cache(cache)
                            .logitsToKeep(1);
            return network.forward(parameters, input, false).output().toFloatArray()[0];
        }
    }

    /** One pass. */
    @Benchmark
    public float pass() {
        cache.crop(depth);
        return pass(tokens);
    }

    /** Frees everything. */
    @TearDown
    public void tearDown() {
        manager.close();
    }
}
