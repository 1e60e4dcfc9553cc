/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo;

import ai.djl.Model;
import ai.djl.ndarray.NDArray;
import ai.djl.nn.Parameter;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.internal.StrictJson;
import io.github.djlmistral.engine.internal.weights.ArrayTensor;
import io.github.djlmistral.engine.internal.weights.TensorNames;
import io.github.djlmistral.engine.model.LabelConfig;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.model.MistralForSequenceClassification;
import io.github.djlmistral.engine.model.MistralForTokenClassification;
import io.github.djlmistral.engine.model.MistralPreTrainedModel;
import io.github.djlmistral.engine.weights.Checkpoint;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.SafetensorsWriter;
import io.github.djlmistral.engine.weights.Tensor;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Writes a loaded model as a checkpoint, see {@link Mistral#save}. */
final class SavedCheckpoint {

    /** Tokenizer, templates, generation options and licenses, without weights. */
    private static final Pattern BESIDE_WEIGHTS =
            Pattern.compile(
                    "(?!(config|metadata)\\.json$|.*\\.index\\.json$)[^.].*\\.(json|jinja|txt)"
                            + "|tokenizer\\.model.*|(LICENSE|NOTICE).*");

    private final Path source;
    private final Path target;
    private final MistralPreTrainedModel network;

    private SavedCheckpoint(Path source, Path target, MistralPreTrainedModel network) {
        this.source = source;
        this.target = target;
        this.network = network;
    }

    static void write(Model model, Path target) throws IOException {
        if (!(model.getBlock() instanceof MistralPreTrainedModel network)) {
            throw new IllegalArgumentException(
                    "the model " + model.getName() + " is not a Mistral model of this zoo");
        }
        if (network.base() != null) {
            throw new IllegalArgumentException(
                    "the model "
                            + model.getName()
                            + " has an adapter: save it with Mistral.saveAdapter, and merge it with"
                            + " Mistral.merge if plain weights are needed");
        }
        Path source = source(model);
        requireEmpty(target);
        Files.createDirectories(target);
        SavedCheckpoint checkpoint = new SavedCheckpoint(source, target, network);
        copyFiles(source, target);
        checkpoint.writeWeights();
        checkpoint.writeConfig(); // last: without it the directory is no checkpoint
    }

    /** See {@link Mistral#saveAdapter}. */
    static void writeAdapter(Model model, MistralPreTrainedModel network, Path target)
            throws IOException {
        network.adapter().save(target);
        if (!(network instanceof MistralForCausalLM)) {
            new SavedCheckpoint(source(model), target, network).writeConfig();
        }
    }

    private static Path source(Model model) throws IOException {
        Path source = MistralPipeline.checkpoint(model);
        if (!Files.exists(source.resolve("config.json"))) {
            throw new IllegalArgumentException(
                    source
                            + " has no config.json, which the saved one is based on: convert the"
                            + " checkpoint to the format of Hugging Face first");
        }
        return source;
    }

    /** Checks that a directory can be created. */
    static void requireEmpty(Path target) throws IOException {
        if (!Files.exists(target)) {
            return;
        }
        if (!Files.isDirectory(target)) {
            throw new IOException(target + " is a file: give a directory that does not exist yet");
        }
        try (Stream<Path> files = Files.list(target)) {
            if (files.findAny().isPresent()) {
                throw new IOException(
                        target + " is not empty: give a directory that does not exist yet");
            }
        }
    }

    /** Copies what a checkpoint has beside its weights and configuration. */
    static void copyFiles(Path source, Path target) throws IOException {
        try (Stream<Path> files = Files.list(source)) {
            for (Path file : files.filter(Files::isRegularFile).toList()) {
                String name = String.valueOf(file.getFileName());
                if (BESIDE_WEIGHTS.matcher(name).matches()) {
                    Files.copy(file, target.resolve(name));
                }
            }
        }
    }

    /** Writes the parameters, and the other weights, which are quantized, as they are stored. */
    @SuppressWarnings("ReferenceEquality") // equals() would compare the elements
    private void writeWeights() throws IOException {
        Map<String, Parameter> parameters = network.namedParameters();
        Map<String, Tensor> stored = new LinkedHashMap<>();
        for (Tensor tensor : Checkpoint.open(source).tensors().values()) {
            String name = TensorNames.prefixed(tensor.name());
            if (!parameters.containsKey(name) && !isReplaced(name)) {
                stored.put(name, tensor.renamed(name));
            }
        }
        Set<String> names = new HashSet<>(parameters.keySet());
        names.addAll(stored.keySet());
        try (SafetensorsWriter writer =
                SafetensorsWriter.open(
                        target.resolve("model.safetensors"),
                        SafetensorsWriter.headerCapacity(names))) {
            for (Map.Entry<String, Parameter> entry : parameters.entrySet()) {
                NDArray own = entry.getValue().getArray();
                NDArray array = network.kernels().toFloat32(own);
                Tensor tensor = ArrayTensor.of(entry.getKey(), Dtype.FLOAT32, array);
                writer.add(tensor);
                tensor.free();
                if (array != own) {
                    array.close();
                }
            }
            for (Tensor tensor : stored.values()) {
                writer.add(tensor);
            }
            writer.finish(Map.of("format", "pt"));
        }
    }

    /** Returns whether a stored tensor is that of an output layer which the network lacks. */
    private boolean isReplaced(String name) {
        return name.startsWith("lm_head.")
                && (!(network instanceof MistralForCausalLM)
                        || network.config().tieWordEmbeddings());
    }

    private void writeConfig() throws IOException {
        JsonObject json = StrictJson.read(source.resolve("config.json"), StrictJson.LONGEST);
        MistralConfig config = network.config();
        JsonArray architectures = new JsonArray();
        architectures.add(network.getClass().getSimpleName());
        json.add("architectures", architectures);
        json.remove("dtype");
        json.addProperty("torch_dtype", "float32");
        if (config.padTokenId() != null) {
            json.addProperty("pad_token_id", config.padTokenId());
        }
        if (network instanceof MistralForSequenceClassification
                || network instanceof MistralForTokenClassification) {
            addLabels(json, config.labels());
        }
        writeConfig(target, json);
    }

    /** Writes the configuration of a checkpoint. */
    static void writeConfig(Path directory, JsonObject json) throws IOException {
        Gson gson =
                new GsonBuilder()
                        .setPrettyPrinting()
                        .disableHtmlEscaping()
                        .serializeNulls()
                        .create();
        Files.writeString(directory.resolve("config.json"), gson.toJson(json) + "\n");
    }

    private static void addLabels(JsonObject json, LabelConfig labels) {
        JsonObject names = new JsonObject();
        JsonObject ids = new JsonObject();
        for (int i = 0; i < labels.size(); ++i) {
            names.addProperty("" + i, labels.names().get(i));
            ids.addProperty(labels.names().get(i), i);
        }
        json.remove("num_labels");
        json.add("id2label", names);
        json.add("label2id", ids);
        if (labels.problemType() != null) {
            json.addProperty("problem_type", labels.problemType().toString());
        }
    }
}
