/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo;

import com.google.gson.JsonObject;
import io.github.djlmistral.engine.adapter.Adapter;
import io.github.djlmistral.engine.internal.StrictJson;
import io.github.djlmistral.engine.model.MistralCheckpoint;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.SafetensorsWriter;
import io.github.djlmistral.engine.weights.SourceFiles;
import io.github.djlmistral.engine.weights.StagingDirectory;
import io.github.djlmistral.engine.weights.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** Writes a checkpoint with an adapter merged into its weights, see {@link Mistral#merge}. */
final class MergedCheckpoint {

    private static final String EMBEDDING = "model.embed_tokens.weight";
    private static final String HEAD = "lm_head.weight";

    /** A weight of the result: computed when it is written, so that one is in memory at a time. */
    private interface Source {
        Tensor get();
    }

    private final Path source;
    private final Adapter adapter;
    private final MistralCheckpoint checkpoint;
    private final Dtype dequantized;
    private final boolean untied;

    private MergedCheckpoint(Path source, Adapter adapter, MistralCheckpoint checkpoint) {
        this.source = source;
        this.adapter = adapter;
        this.checkpoint = checkpoint;
        Dtype stored = checkpoint.config().dtype();
        dequantized = stored == null ? Dtype.FLOAT32 : stored;
        untied =
                checkpoint.config().tieWordEmbeddings()
                        && adapter.tensors().keySet().stream()
                                .anyMatch(n -> n.equals(EMBEDDING) || n.startsWith("lm_head."));
    }

    static void write(Path source, Path adapterDirectory, Path target) throws IOException {
        if (!Files.isRegularFile(source.resolve("config.json"))) {
            throw new IOException(
                    source
                            + " has no config.json, which the merged checkpoint is based on: give a"
                            + " checkpoint directory in the format of Hugging Face");
        }
        SavedCheckpoint.requireEmpty(target);
        Adapter adapter = Adapter.load(adapterDirectory);
        MistralCheckpoint checkpoint = MistralCheckpoint.open(source).withoutCopies();
        try (Weights weights = checkpoint.weights()) {
            new MergedCheckpoint(source, adapter, checkpoint).write(target);
            SourceFiles.of(weights.tensors()).check();
        }
    }

    private void write(Path target) throws IOException {
        requireMatch();
        try (StagingDirectory staging = StagingDirectory.of(target).deleteOnExit()) {
            SavedCheckpoint.copyFiles(source, staging.path());
            writeWeights(staging.path().resolve("model.safetensors"));
            writeConfig(staging.path());
            staging.finish();
        }
    }

    private void requireMatch() {
        List<String> strange =
                adapter.tensors().keySet().stream()
                        .filter(name -> !hasWeight(name.replaceFirst("\\.lora_[AB]\\.", ".")))
                        .toList();
        if (!strange.isEmpty()) {
            throw new IllegalArgumentException(
                    "the adapter does not match the model in "
                            + source
                            + ", which has no weight for "
                            + strange.subList(0, Math.min(strange.size(), 20))
                            + (adapter.config().baseModel() == null
                                    ? ""
                                    : "; it is an adapter of " + adapter.config().baseModel()));
        }
    }

    private boolean hasWeight(String name) {
        Weights weights = checkpoint.weights();
        return weights.unquantized().containsKey(name)
                || weights.quantized().containsKey(name)
                || (untied && name.equals(HEAD));
    }

    private Map<String, Source> sources() {
        Map<String, Source> sources = new LinkedHashMap<>();
        Weights weights = checkpoint.weights();
        List<Tensor> plain = new ArrayList<>(weights.unquantized().values());
        // wide types before narrow ones, so that all are aligned
        plain.sort(Comparator.comparingInt(tensor -> -tensor.dtype().bytes()));
        plain.forEach(tensor -> sources.put(tensor.name(), () -> adapter.merged(tensor)));
        weights.quantized()
                .forEach(
                        (name, weight) ->
                                sources.put(name, () -> adapter.merged(name, weight, dequantized)));
        if (untied) {
            QuantizedWeight packed = weights.quantized().get(EMBEDDING);
            if (packed != null) {
                sources.put(HEAD, () -> adapter.merged(HEAD, packed, dequantized));
            } else {
                Tensor table = Objects.requireNonNull(weights.unquantized().get(EMBEDDING));
                sources.put(HEAD, () -> adapter.merged(table.renamed(HEAD)));
            }
        }
        return sources;
    }

    private void writeWeights(Path file) throws IOException {
        Map<String, Source> sources = sources();
        int capacity = SafetensorsWriter.headerCapacity(sources.keySet());
        try (SafetensorsWriter writer = SafetensorsWriter.open(file, capacity)) {
            for (Map.Entry<String, Source> entry : sources.entrySet()) {
                Tensor tensor = entry.getValue().get();
                writer.add(tensor);
                if (isComputed(entry.getKey())) {
                    tensor.free();
                }
            }
            writer.finish(Map.of("format", "pt"));
        }
    }

    /** Returns whether a weight of the result has memory of its own. */
    private boolean isComputed(String name) {
        Map<String, Tensor> changes = adapter.tensors();
        Map<String, QuantizedWeight> quantized = checkpoint.weights().quantized();
        return quantized.containsKey(name)
                || (untied && name.equals(HEAD) && quantized.containsKey(EMBEDDING))
                || changes.containsKey(name)
                || changes.containsKey(name.replaceFirst("weight$", "lora_A.weight"));
    }

    private void writeConfig(Path directory) throws IOException {
        JsonObject json = StrictJson.read(source.resolve("config.json"), StrictJson.LONGEST);
        if (!checkpoint.weights().quantized().isEmpty()) {
            json.remove("quantization_config");
            json.remove("dtype");
            json.addProperty("torch_dtype", dequantized.toString());
        }
        if (untied) {
            json.addProperty("tie_word_embeddings", false);
        }
        SavedCheckpoint.writeConfig(directory, json);
    }
}
