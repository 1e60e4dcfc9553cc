/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.adapter;

import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.SplittableRandom;

/**
 * A low-rank adapter: each of its modules, a linear layer with the weight W (out, in), computes
 * {@code x · (W + scale · B · A)ᵀ} with A (r, in) and B (out, r).
 *
 * <pre>{@code
 * Adapter adapter = Adapter.load(Path.of("adapter")); // adapter_config.json, *.safetensors
 * try (MistralForCausalLM adapted = network.withAdapter(adapter, manager)) {
 *     ..
 * }
 * }</pre>
 *
 * @param config which layers have an adapter, and its scale
 * @param tensors float32, by their names in the network: {@code
 *     model.layers.0.self_attn.q_proj.lora_A.weight} (r, in), {@code .lora_B.weight} (out, r), and
 *     {@code model.embed_tokens.weight} or {@code lm_head.weight} (V, E) for modules that are
 *     {@linkplain LoraConfig#modulesToSave replaced}; a new adapter lacks these until a network has
 *     copied them from its own weights
 */
public record Adapter(LoraConfig config, Map<String, Tensor> tensors) {

    /** End of the name of a matrix A (r, in). */
    public static final String A = ".lora_A.weight";

    /** End of the name of a matrix B (out, r). */
    public static final String B = ".lora_B.weight";

    /**
     * Copies the map.
     *
     * @throws IllegalArgumentException if a tensor is not float32
     */
    public Adapter {
        tensors = Collections.unmodifiableMap(new LinkedHashMap<>(tensors));
        tensors.forEach(
                (name, tensor) -> {
                    if (tensor.dtype() != Dtype.FLOAT32) {
                        throw new IllegalArgumentException(
                                name + " is " + tensor + ": adapters are float32");
                    }
                });
    }

    /**
     * Creates an adapter that does not change the network: B is zero, and A is drawn as by peft,
     * from the uniform distribution over ±1/√in ({@code kaiming_uniform_} with a = √5).
     *
     * @param config which layers have an adapter, and its scale
     * @param linears the shapes (out, in) of the linear layers by their names, such as {@code
     *     model.layers.0.self_attn.q_proj}
     * @param seed determines A
     * @return a new adapter
     * @throws IllegalArgumentException if no layer is chosen
     */
    public static Adapter create(LoraConfig config, Map<String, long[]> linears, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        linears.forEach(
                (module, shape) -> {
                    if (!config.targets(module)) {
                        return;
                    }
                    int rank = config.rank(module);
                    Tensor a = Tensor.allocate(module + A, Dtype.FLOAT32, rank, shape[1]);
                    FloatBuffer elements = a.data().asFloatBuffer();
                    double bound = 1 / Math.sqrt((double) shape[1]);
                    while (elements.hasRemaining()) {
                        elements.put((float) ((2 * random.nextDouble() - 1) * bound));
                    }
                    tensors.put(a.name(), a);
                    Tensor b = Tensor.allocate(module + B, Dtype.FLOAT32, shape[0], rank);
                    tensors.put(b.name(), b);
                });
        if (tensors.isEmpty() && config.modulesToSave().isEmpty()) {
            throw new IllegalArgumentException(
                    "no layer is chosen by target_modules "
                            + (config.targetPattern() == null
                                    ? config.targetModules()
                                    : config.targetPattern())
                            + "; the linear layers of a decoder layer are "
                            + LoraConfig.ALL_LINEAR);
        }
        return new Adapter(config, tensors);
    }

    /**
     * Loads an adapter that peft or {@link #save} has written: {@code adapter_config.json} and
     * {@code adapter_model.safetensors}. Tensors in float16 and bfloat16 are widened.
     *
     * @param directory the directory of the files
     * @return the adapter
     * @throws IOException if a file is missing or damaged, or the adapter uses a feature of peft
     *     that is not supported, such as DoRA; the message names it
     */
    public static Adapter load(Path directory) throws IOException {
        return AdapterFile.load(directory);
    }

    /**
     * Saves the adapter in the files of peft, which {@code PeftModel.from_pretrained} loads. The
     * configuration is written last, and each file is renamed when it is complete: a full disk
     * leaves an adapter that was there before as it is, apart from temporary files.
     *
     * @param directory the directory; created if it does not exist
     * @throws IOException if the files cannot be written
     * @throws IllegalStateException if a module that the adapter replaces has no weights yet
     */
    public void save(Path directory) throws IOException {
        AdapterFile.save(this, directory);
    }

    /**
     * Merges the adapter into a weight: {@code W + scale · B · A}, computed in float32 and rounded
     * to the type of the weight, or the weight of the adapter if it replaces the module.
     *
     * @param weight a weight of the model by its name in a Hugging Face checkpoint, float32,
     *     float16 or bfloat16
     * @return a new tensor of the same name, type and shape; the given one if the adapter does not
     *     change it
     * @throws IllegalArgumentException if the shapes do not match
     */
    public Tensor merged(Tensor weight) {
        return MergedWeight.of(this, weight);
    }

    /**
     * Merges the adapter into a quantized weight, which is dequantized: the result is not quantized
     * again, as that would change it.
     *
     * @param name the name of the weight in a Hugging Face checkpoint
     * @param weight the weight
     * @param dtype the type of the result, float32, float16 or bfloat16
     * @return a new tensor, also if the adapter does not change the weight
     * @throws IllegalArgumentException if the shapes do not match
     */
    public Tensor merged(String name, QuantizedWeight weight, Dtype dtype) {
        return MergedWeight.of(this, name, weight, dtype);
    }
}
