/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.adapter;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import io.github.djlmistral.engine.adapter.LoraConfig.TaskType;
import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.internal.StrictJson;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collection;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiFunction;
import org.jspecify.annotations.Nullable;

/** {@code adapter_config.json} of peft. */
final class LoraConfigFile {

    static final String NAME = "adapter_config.json";

    private static final int MOST = 1 << 20;

    /** Initializations that leave the base model as it is: PiSSA, OLoRA and others change it. */
    private static final Set<String> INITIALIZATIONS =
            Set.of("true", "false", "gaussian", "orthogonal", "eva");

    /**
     * Keys that are read here, or have no effect on what an adapter computes. Any other key must
     * have the value that turns its feature off.
     */
    private static final Set<String> KNOWN =
            Set.of(
                    "peft_type",
                    "r",
                    "lora_alpha",
                    "lora_dropout",
                    "use_rslora",
                    "target_modules",
                    "layers_to_transform",
                    "modules_to_save",
                    "rank_pattern",
                    "alpha_pattern",
                    "init_lora_weights",
                    "base_model_name_or_path",
                    "bias",
                    "task_type",
                    "inference_mode",
                    "auto_mapping",
                    "revision",
                    "peft_version",
                    "eva_config",
                    "megatron_core",
                    "qalora_group_size",
                    "runtime_config",
                    "loftq_config");

    private static final Gson GSON =
            new GsonBuilder().setPrettyPrinting().disableHtmlEscaping().serializeNulls().create();

    private LoraConfigFile() {}

    /** See {@link LoraConfig#read}. */
    static LoraConfig read(Path directory) throws IOException {
        Path file = directory.resolve(NAME);
        if (!Files.isRegularFile(file)) {
            throw new IOException(
                    directory.toAbsolutePath()
                            + " has no "
                            + NAME
                            + ": give the directory of an adapter that peft has saved");
        }
        JsonObject json = StrictJson.read(file, StrictJson.LONGEST);
        try {
            return of(json);
        } catch (IllegalArgumentException e) {
            throw new IOException(file + ": " + e.getMessage(), e);
        }
    }

    /** See {@link LoraConfig#parse}. */
    static LoraConfig parse(String json) {
        return of(StrictJson.parse(json));
    }

    private static LoraConfig of(JsonObject json) {
        requireSupported(json);
        LoraConfig.Builder builder = LoraConfig.builder().taskType(taskType(json));
        JsonElement rank = StrictJson.get(json, "r");
        if (rank != null) {
            builder.r((int) StrictJson.integer(rank, "r", MOST));
        }
        JsonElement alpha = StrictJson.get(json, "lora_alpha");
        if (alpha != null) {
            builder.alpha(number(alpha, "lora_alpha"));
        }
        JsonElement dropout = StrictJson.get(json, "lora_dropout");
        if (dropout != null) {
            builder.dropout(number(dropout, "lora_dropout"));
        }
        JsonElement rslora = StrictJson.get(json, "use_rslora");
        builder.useRslora(rslora != null && StrictJson.bool(rslora, "use_rslora"));
        JsonElement targets = StrictJson.get(json, "target_modules");
        if (targets instanceof JsonPrimitive) {
            String name = StrictJson.string(targets, "target_modules");
            if (name.equals("all-linear")) {
                builder.targetModules(LoraConfig.ALL_LINEAR);
            } else {
                builder.targetPattern(name);
            }
        } else if (targets != null) {
            builder.targetModules(strings(targets, "target_modules"));
        }
        JsonElement layers = StrictJson.get(json, "layers_to_transform");
        if (layers != null) {
            Collection<JsonElement> all =
                    layers instanceof JsonArray array ? array.asList() : List.of(layers);
            builder.layersToTransform(
                    all.stream()
                            .map(n -> (int) StrictJson.integer(n, "layers_to_transform", MOST))
                            .toList());
        }
        JsonElement saved = StrictJson.get(json, "modules_to_save");
        if (saved != null) {
            builder.modulesToSave(strings(saved, "modules_to_save"));
        }
        builder.rankPattern(
                map(json, "rank_pattern", (v, key) -> (int) StrictJson.integer(v, key, MOST)));
        builder.alphaPattern(map(json, "alpha_pattern", LoraConfigFile::number));
        builder.initialization(initialization(json));
        JsonElement base = StrictJson.get(json, "base_model_name_or_path");
        builder.baseModel(base == null ? null : base.getAsString());
        return builder.build();
    }

    private static void requireSupported(JsonObject json) {
        String type = StrictJson.string(json.get("peft_type"), "peft_type");
        if (!type.equals("LORA")) {
            throw new IllegalArgumentException(
                    "the adapter is of the type " + Quote.of(type) + "; only LORA is supported");
        }
        JsonElement bias = StrictJson.get(json, "bias");
        if (bias != null && !StrictJson.string(bias, "bias").equals("none")) {
            throw unsupported("bias", bias, "Mistral's layers have no bias");
        }
        for (Map.Entry<String, JsonElement> entry : json.entrySet()) {
            if (!KNOWN.contains(entry.getKey()) && !isOff(entry.getValue())) {
                throw unsupported(
                        entry.getKey(), entry.getValue(), "merge the adapter with peft instead");
            }
        }
    }

    private static @Nullable TaskType taskType(JsonObject json) {
        JsonElement value = StrictJson.get(json, "task_type");
        if (value == null) {
            return null;
        }
        String name = StrictJson.string(value, "task_type");
        return Arrays.stream(TaskType.values())
                .filter(type -> type.name().equals(name))
                .findFirst()
                .orElseThrow(
                        () ->
                                unsupported(
                                        "task_type",
                                        value,
                                        "known are " + Arrays.toString(TaskType.values())));
    }

    private static IllegalArgumentException unsupported(
            String key, JsonElement value, String remedy) {
        return new IllegalArgumentException(
                key + " is " + StrictJson.describe(value) + ", which is not supported: " + remedy);
    }

    private static boolean isOff(JsonElement value) {
        if (value instanceof JsonPrimitive primitive) {
            return primitive.isBoolean() && !primitive.getAsBoolean();
        }
        return value.isJsonNull()
                || (value instanceof JsonArray array && array.isEmpty())
                || (value instanceof JsonObject object && object.isEmpty());
    }

    private static String initialization(JsonObject json) {
        JsonElement value = StrictJson.get(json, "init_lora_weights");
        if (value == null) {
            return "true";
        }
        String name = value instanceof JsonPrimitive primitive ? primitive.getAsString() : "";
        if (!INITIALIZATIONS.contains(name)) {
            throw unsupported(
                    "init_lora_weights",
                    value,
                    "it may change the base model; convert the adapter to LoRA with peft"
                            + " (save_pretrained with path_initial_model_for_weight_conversion)");
        }
        return name;
    }

    private static double number(JsonElement value, String key) {
        if (value instanceof JsonPrimitive primitive && primitive.isNumber()) {
            return primitive.getAsDouble();
        }
        throw new IllegalArgumentException(
                key + " is " + StrictJson.describe(value) + ", but must be a number");
    }

    private static List<String> strings(JsonElement value, String key) {
        return StrictJson.array(value, key).stream()
                .map(name -> StrictJson.string(name, key))
                .toList();
    }

    private static <T> Map<String, T> map(
            JsonObject json, String key, BiFunction<JsonElement, String, T> convert) {
        Map<String, T> values = new LinkedHashMap<>();
        JsonElement element = StrictJson.get(json, key);
        if (element != null) {
            StrictJson.object(element, key)
                    .entrySet()
                    .forEach(
                            entry ->
                                    values.put(
                                            entry.getKey(),
                                            convert.apply(
                                                    entry.getValue(),
                                                    key + " of " + entry.getKey())));
        }
        return values;
    }

    /** See {@link LoraConfig#toJson}. */
    static String toJson(LoraConfig config) {
        JsonObject json = new JsonObject();
        json.addProperty("peft_type", "LORA");
        json.addProperty("task_type", config.taskType() == null ? null : config.taskType().name());
        json.addProperty("base_model_name_or_path", config.baseModel());
        json.addProperty("inference_mode", true);
        json.addProperty("r", config.r());
        json.addProperty("lora_alpha", integerIfWhole(config.alpha()));
        json.addProperty("lora_dropout", config.dropout());
        json.addProperty("use_rslora", config.useRslora());
        if (config.targetPattern() != null) {
            json.addProperty("target_modules", config.targetPattern());
        } else {
            json.add("target_modules", GSON.toJsonTree(config.targetModules()));
        }
        json.add(
                "layers_to_transform",
                GSON.toJsonTree(
                        nullIfEmpty(config.layersToTransform().stream().sorted().toList())));
        json.add("modules_to_save", GSON.toJsonTree(nullIfEmpty(config.modulesToSave())));
        json.add("rank_pattern", GSON.toJsonTree(config.rankPattern()));
        JsonObject alphas = new JsonObject();
        config.alphaPattern().forEach((key, a) -> alphas.addProperty(key, integerIfWhole(a)));
        json.add("alpha_pattern", alphas);
        json.addProperty("bias", "none");
        json.addProperty("fan_in_fan_out", false);
        json.addProperty("use_dora", false);
        switch (config.initialization()) {
            case "true", "false" ->
                    json.addProperty("init_lora_weights", Boolean.valueOf(config.initialization()));
            default -> json.addProperty("init_lora_weights", config.initialization());
        }
        return GSON.toJson(json) + "\n";
    }

    /** peft declares alpha as an integer. */
    private static Number integerIfWhole(double value) {
        return value == Math.rint(value) && Math.abs(value) < MOST ? (Number) (int) value : value;
    }

    private static @Nullable List<?> nullIfEmpty(List<?> list) {
        return list.isEmpty() ? null : list;
    }
}
