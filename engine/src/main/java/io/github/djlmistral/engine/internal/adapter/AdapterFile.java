/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.adapter;

import io.github.djlmistral.engine.adapter.Adapter;
import io.github.djlmistral.engine.adapter.LoraConfig;
import io.github.djlmistral.engine.internal.Faults;
import io.github.djlmistral.engine.internal.quantization.FloatMatrix;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Safetensors;
import io.github.djlmistral.engine.weights.Tensor;
import java.io.IOException;
import java.nio.FloatBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;

/** The directory of an adapter, as peft writes it. */
public final class AdapterFile {

    private static final String WEIGHTS = "adapter_model.safetensors";

    private static final Set<Dtype> FLOATS =
            EnumSet.of(Dtype.FLOAT32, Dtype.FLOAT16, Dtype.BFLOAT16);

    /** What peft puts in front of the name of each module. */
    private static final String PREFIX = "base_model.model.";

    /** Elements that are converted at once. */
    private static final int BLOCK = 1 << 16;

    private AdapterFile() {}

    /** See {@link Adapter#load}. */
    public static Adapter load(Path directory) throws IOException {
        LoraConfig config = LoraConfigFile.read(directory);
        Path file = directory.resolve(WEIGHTS);
        if (!Files.isRegularFile(file)) {
            throw new IOException(
                    directory.toAbsolutePath()
                            + " has no "
                            + WEIGHTS
                            + (Files.exists(directory.resolve("adapter_model.bin"))
                                    ? ", only adapter_model.bin: save the adapter again with"
                                            + " safe_serialization=True"
                                    : ": copy all files of the adapter"));
        }
        Map<String, Tensor> tensors = new LinkedHashMap<>();
        Faults faults = new Faults();
        for (Tensor stored : Safetensors.read(file).values()) {
            String name = stored.name();
            if (!name.startsWith(PREFIX)) {
                faults.add(name + " does not begin with " + PREFIX);
                continue;
            }
            String inner = name.substring(PREFIX.length());
            if (inner.contains(".lora_magnitude_vector")) {
                throw new IOException(file + ": " + name + " is of DoRA, which is not supported");
            }
            if (inner.contains(".lora_embedding_")) {
                throw new IOException(
                        file
                                + ": "
                                + name
                                + ": adapters of the embedding are not supported; train it as one"
                                + " of modules_to_save");
            }
            if (inner.endsWith(".base_layer.weight")) {
                continue; // a copy of the output layer, which the base model has
            }
            if (!FLOATS.contains(stored.dtype())) {
                faults.add(name + " is " + stored.dtype() + ", not a floating-point one");
                continue;
            }
            tensors.put(inner, widened(stored.renamed(inner)));
        }
        config = withEmbeddings(config, tensors);
        check(config, tensors, faults);
        if (!faults.isEmpty()) {
            throw new IOException(
                    file + " does not match " + LoraConfigFile.NAME + " beside it: " + faults);
        }
        return new Adapter(config, tensors);
    }

    /** Peft stores embeddings that were trained or resized also without being asked to. */
    private static LoraConfig withEmbeddings(LoraConfig config, Map<String, Tensor> tensors) {
        List<String> saved = new ArrayList<>(config.modulesToSave());
        if (tensors.containsKey("model.embed_tokens.weight") && !saved.contains("embed_tokens")) {
            saved.add("embed_tokens");
        }
        if (tensors.containsKey("lm_head.weight") && !saved.contains("lm_head")) {
            saved.add("lm_head");
        }
        return config.toBuilder().modulesToSave(saved).build();
    }

    private static void check(LoraConfig config, Map<String, Tensor> tensors, Faults faults) {
        tensors.forEach(
                (name, tensor) -> {
                    boolean isA = name.endsWith(Adapter.A);
                    if (!isA && !name.endsWith(Adapter.B)) {
                        String module = name.replaceFirst("\\.weight$", "");
                        if (!config.isSaved(module)) {
                            faults.add(name + " is unexpected");
                        }
                        return;
                    }
                    String module = module(name);
                    String other = module + (isA ? Adapter.B : Adapter.A);
                    long[] shape = tensor.shape();
                    int rank = config.rank(module);
                    if (!tensors.containsKey(other)) {
                        faults.add(other + " is missing");
                    } else if (!config.targets(module)) {
                        faults.add(name + " is not in target_modules");
                    } else if (shape.length != 2 || shape[isA ? 0 : 1] != rank) {
                        faults.add(
                                name
                                        + " has the shape "
                                        + Arrays.toString(shape)
                                        + ", not that of rank "
                                        + rank);
                    }
                });
    }

    /** Returns the module of a matrix A or B. */
    static String module(String name) {
        return name.substring(0, name.length() - Adapter.A.length());
    }

    private static Tensor widened(Tensor stored) {
        if (stored.dtype() == Dtype.FLOAT32) {
            return stored;
        }
        Tensor wide = Tensor.allocate(stored.name(), Dtype.FLOAT32, stored.shape());
        FloatBuffer elements = wide.data().asFloatBuffer();
        for (long i = 0; i < stored.elements(); i += BLOCK) {
            float[] block = new float[(int) Math.min(BLOCK, stored.elements() - i)];
            FloatMatrix.read(stored, i, block);
            elements.put(block);
        }
        return wide;
    }

    /** See {@link Adapter#save}. */
    public static void save(Adapter adapter, Path directory) throws IOException {
        LoraConfig config = adapter.config();
        for (String module : config.modulesToSave()) {
            String name = (module.equals("lm_head") ? "" : "model.") + module + ".weight";
            if (!adapter.tensors().containsKey(name)) {
                throw new IllegalStateException(
                        "the adapter has no "
                                + name
                                + " yet, which is copied from a network: save the adapter() of the"
                                + " network that withAdapter returned");
            }
        }
        Files.createDirectories(directory);
        List<Tensor> tensors =
                adapter.tensors().values().stream()
                        .map(tensor -> tensor.renamed(PREFIX + tensor.name()))
                        .toList();
        Safetensors.write(directory.resolve(WEIGHTS), tensors, Map.of("format", "pt"));
        Path file = directory.resolve(LoraConfigFile.NAME);
        Path temporary = directory.resolve("." + LoraConfigFile.NAME + "." + UUID.randomUUID());
        try {
            Files.write(temporary, config.toJson().getBytes(StandardCharsets.UTF_8));
            Files.move(temporary, file, StandardCopyOption.ATOMIC_MOVE);
        } finally {
            Files.deleteIfExists(temporary);
        }
    }
}
