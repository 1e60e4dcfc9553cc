/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Safetensors;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.tests.tokenizer.ReferenceTokenizers;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Random;

/** A tiny random network with the tokenizer of version 3 and the template of its tool format. */
public final class ToolModel {

    private static final int VOCABULARY = 32768;
    private static final int HIDDEN = 16;

    private ToolModel() {}

    /**
     * Writes the model, for {@code tests/reference/openai_client.py}: {@code ToolModel DIRECTORY}.
     */
    public static void main(String[] arguments) throws IOException {
        System.out.println(write(Files.createDirectories(Path.of(arguments[0]))));
    }

    public static Path write(Path directory) throws IOException {
        return write(directory, "tools-v3");
    }

    /** Writes the model with a template; one of version 11 has its tokens. */
    public static Path write(Path directory, String template) throws IOException {
        ReferenceTokenizers.writeWithLaterTokens(directory);
        Files.copy(
                ReferenceTokenizers.path("chat/" + template + ".jinja"),
                directory.resolve("chat_template.jinja"));
        Files.writeString(
                directory.resolve("config.json"),
                "{\"model_type\": \"mistral\", \"architectures\": [\"MistralForCausalLM\"],"
                        + " \"vocab_size\": 32768, \"hidden_size\": 16, \"intermediate_size\": 16,"
                        + " \"num_hidden_layers\": 1, \"num_attention_heads\": 2,"
                        + " \"num_key_value_heads\": 1, \"max_position_embeddings\": 4096,"
                        + " \"bos_token_id\": 1, \"eos_token_id\": 2, \"hidden_act\": \"silu\","
                        + " \"rms_norm_eps\": 1e-5, \"sliding_window\": null}");
        Random random = new Random(14);
        List<Tensor> tensors = new ArrayList<>();
        tensors.add(tensor(random, "model.embed_tokens.weight", VOCABULARY, HIDDEN));
        tensors.add(tensor(random, "lm_head.weight", VOCABULARY, HIDDEN));
        tensors.add(tensor(random, "model.norm.weight", HIDDEN));
        String layer = "model.layers.0.";
        tensors.add(tensor(random, layer + "input_layernorm.weight", HIDDEN));
        tensors.add(tensor(random, layer + "post_attention_layernorm.weight", HIDDEN));
        tensors.add(tensor(random, layer + "self_attn.q_proj.weight", HIDDEN, HIDDEN));
        tensors.add(tensor(random, layer + "self_attn.k_proj.weight", HIDDEN / 2, HIDDEN));
        tensors.add(tensor(random, layer + "self_attn.v_proj.weight", HIDDEN / 2, HIDDEN));
        tensors.add(tensor(random, layer + "self_attn.o_proj.weight", HIDDEN, HIDDEN));
        tensors.add(tensor(random, layer + "mlp.gate_proj.weight", HIDDEN, HIDDEN));
        tensors.add(tensor(random, layer + "mlp.up_proj.weight", HIDDEN, HIDDEN));
        tensors.add(tensor(random, layer + "mlp.down_proj.weight", HIDDEN, HIDDEN));
        Safetensors.write(directory.resolve("model.safetensors"), tensors, Map.of());
        return directory;
    }

    private static Tensor tensor(Random random, String name, long... shape) {
        int size = 1;
        for (long length : shape) {
            size *= (int) length;
        }
        ByteBuffer data = ByteBuffer.allocateDirect(4 * size).order(ByteOrder.LITTLE_ENDIAN);
        for (int i = 0; i < size; i++) {
            data.putFloat(4 * i, (float) random.nextGaussian() / 2);
        }
        return new Tensor(name, Dtype.FLOAT32, shape, data);
    }
}
