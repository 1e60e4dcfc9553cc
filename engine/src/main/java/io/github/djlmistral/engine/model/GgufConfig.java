/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import io.github.djlmistral.engine.internal.quantization.GgufWeights;
import io.github.djlmistral.engine.weights.CheckpointException;
import io.github.djlmistral.engine.weights.Gguf;
import io.github.djlmistral.engine.weights.GgufMetadata;
import io.github.djlmistral.engine.weights.GgufTensor;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.OptionalLong;
import java.util.Set;

/**
 * Converts the metadata of a GGUF file to the {@code config.json} that the file was made from.
 *
 * <p>The architecture of Mistral in llama.cpp is {@code llama}, the same network without a sliding
 * window. {@code convert_hf_to_gguf.py} omits the window even for 7B v0.1, where it is 4096;
 * without one in the metadata there is none.
 */
final class GgufConfig {

    private static final Set<String> ARCHITECTURES = Set.of("llama", "mistral");
    private static final String REMEDY =
            "Get a file of a Mistral 7B model, or of one built like it";
    private static final String TOKENS = "tokenizer.ggml.";

    private final GgufMetadata metadata;
    private final String architecture;

    private GgufConfig(GgufMetadata metadata) throws CheckpointException {
        this.metadata = metadata;
        architecture = metadata.text("general.architecture").orElse("");
        if (!ARCHITECTURES.contains(architecture)) {
            throw unusable(
                    "it holds a network of "
                            + (architecture.isEmpty() ? "no" : "the")
                            + " architecture"
                            + (architecture.isEmpty() ? "" : " \"" + architecture + "\"")
                            + ", and this library runs Mistral's, in such files \"llama\"");
        }
    }

    /**
     * Reads the configuration of a file.
     *
     * @param gguf the file
     * @return its configuration
     * @throws CheckpointException if it is not that of a Mistral network, or is incomplete
     */
    static MistralConfig of(Gguf gguf) throws CheckpointException {
        String json = new GgufConfig(gguf.metadata()).toJson(gguf).toString();
        try {
            return MistralConfig.parse(json);
        } catch (IllegalArgumentException e) {
            CheckpointException exception =
                    new CheckpointException(gguf.file(), "" + e.getMessage(), REMEDY);
            exception.initCause(e);
            throw exception;
        }
    }

    private JsonObject toJson(Gguf gguf) throws CheckpointException {
        refuse("expert_count", "it is a mixture of experts, such as Mixtral");
        String scaling = metadata.text(key("rope.scaling.type")).orElse("none");
        if (!scaling.equals("none")) {
            throw unusable("its rotary embedding is scaled (" + scaling + ")");
        }
        long heads = required("attention.head_count");
        long hidden = required("embedding_length");
        long headDim = integer("attention.key_length").orElse(heads > 0 ? hidden / heads : 0);
        requireHeadDim("attention.value_length", headDim);
        requireHeadDim("rope.dimension_count", headDim);

        JsonObject json = new JsonObject();
        JsonArray architectures = new JsonArray();
        architectures.add("MistralForCausalLM");
        json.add("architectures", architectures);
        json.addProperty("vocab_size", vocabulary(gguf));
        json.addProperty("hidden_size", hidden);
        json.addProperty("intermediate_size", required("feed_forward_length"));
        json.addProperty("num_hidden_layers", required("block_count"));
        json.addProperty("num_attention_heads", heads);
        json.addProperty("num_key_value_heads", integer("attention.head_count_kv").orElse(heads));
        json.addProperty("head_dim", headDim);
        json.addProperty("max_position_embeddings", required("context_length"));
        json.addProperty(
                "rms_norm_eps",
                metadata.number(key("attention.layer_norm_rms_epsilon"))
                        .orElseThrow(() -> missing("attention.layer_norm_rms_epsilon")));
        json.addProperty("rope_theta", metadata.number(key("rope.freq_base")).orElse(10000.0));
        long window = integer("attention.sliding_window").orElse(0);
        json.add("sliding_window", window == 0 ? JsonNull.INSTANCE : new JsonPrimitive(window));
        json.addProperty("tie_word_embeddings", !gguf.tensors().containsKey(GgufWeights.OUTPUT));
        metadata.flag(key("attention.causal"))
                .ifPresent(causal -> json.addProperty("is_causal", causal));
        // defaults as in llama.cpp: bos 1, eos 2
        token(json, "bos_token_id", "bos_token_id");
        token(json, "pad_token_id", "padding_token_id");
        // some models have a separate end-of-turn token
        Set<Long> ends = new LinkedHashSet<>();
        for (String role : List.of("eos_token_id", "eot_token_id")) {
            metadata.integer(TOKENS + role).ifPresent(ends::add);
        }
        JsonArray array = new JsonArray();
        ends.forEach(array::add);
        if (!ends.isEmpty()) {
            json.add("eos_token_id", array);
        }
        return json;
    }

    private void token(JsonObject json, String name, String role) throws CheckpointException {
        metadata.integer(TOKENS + role).ifPresent(id -> json.addProperty(name, id));
    }

    private long vocabulary(Gguf gguf) throws CheckpointException {
        OptionalLong size = integer("vocab_size");
        if (size.isPresent()) {
            return size.getAsLong();
        }
        GgufTensor table = gguf.tensors().get("token_embd.weight");
        if (table == null) {
            throw unusable("it has no weights, or not all: there is no token_embd.weight");
        }
        return table.shape()[0];
    }

    private void refuse(String name, String problem) throws CheckpointException {
        if (integer(name).orElse(0) != 0) {
            throw unusable(problem);
        }
    }

    private void requireHeadDim(String name, long headDim) throws CheckpointException {
        long value = integer(name).orElse(headDim);
        if (value != headDim) {
            throw unusable(
                    key(name) + " is " + value + ", and heads are of " + headDim + " dimensions");
        }
    }

    private long required(String name) throws CheckpointException {
        return integer(name).orElseThrow(() -> missing(name));
    }

    private OptionalLong integer(String name) throws CheckpointException {
        return metadata.integer(key(name));
    }

    private String key(String name) {
        return architecture + "." + name;
    }

    private CheckpointException missing(String name) {
        return unusable("its metadata lacks " + key(name));
    }

    private CheckpointException unusable(String problem) {
        return new CheckpointException(metadata.file(), problem, REMEDY);
    }
}
