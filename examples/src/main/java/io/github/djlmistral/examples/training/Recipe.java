/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.training;

import io.github.djlmistral.engine.training.TrainingArguments;
import io.github.djlmistral.engine.training.TrainingArgumentsBuilder;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * A recipe of Hugging Face's alignment handbook: a YAML file with the arguments of a training,
 * under their names in transformers, trl and peft.
 *
 * <p>The data is not part of it: {@code dataset_mixer} and other keys that concern the Hub, logs or
 * processes are accepted and ignored, see {@link #ignored}.
 *
 * @param method {@code sft} or {@code dpo}, or another one that the recipe names in {@code method};
 *     if it names none, {@code dpo} if it has one of the keys {@code beta}, {@code loss_type} and
 *     {@code max_prompt_length}
 * @param model {@code model_name_or_path}; null if the recipe has none
 * @param revision {@code model_revision}; null for the default branch
 * @param dtype {@code torch_dtype} or {@code dtype}, such as {@code bfloat16}; null if the recipe
 *     has none
 * @param quantization {@code nf4} for {@code load_in_4bit}, {@code int8} for {@code load_in_8bit};
 *     null if the weights are not quantized
 * @param full whether all weights are trained: {@code use_peft} is absent or false
 * @param chatTemplate {@code chat_template}, a Jinja template; null for that of the model
 * @param values all other arguments as text, those of {@link TrainingArgumentsBuilder#names} and
 *     {@link #NAMES}; lists have commas between their elements
 * @param ignored the keys of the recipe that have no effect
 */
public record Recipe(
        String method,
        @Nullable String model,
        @Nullable String revision,
        @Nullable String dtype,
        @Nullable String quantization,
        boolean full,
        @Nullable String chatTemplate,
        Map<String, String> values,
        Set<String> ignored) {

    /** The names of trl's and peft's arguments that {@link #values} may have. */
    public static final Set<String> NAMES =
            Set.of(
                    "assistant_only_loss",
                    "beta",
                    "block_size",
                    "completion_only_loss",
                    "label_smoothing",
                    "label_smoothing_factor",
                    "lora_alpha",
                    "lora_dropout",
                    "lora_modules_to_save",
                    "lora_r",
                    "lora_target_modules",
                    "loss_type",
                    "max_length",
                    "max_prompt_length",
                    "packing",
                    "use_rslora");

    private static final List<String> METHODS = List.of("sft", "dpo", "lm", "classify");

    /** Names of earlier versions of transformers and trl. */
    private static final Map<String, String> RENAMED =
            Map.of(
                    "evaluation_strategy", "eval_strategy",
                    "max_seq_length", "max_length",
                    "torch_dtype", "dtype");

    private static final Set<String> OF_THE_MODEL =
            Set.of(
                    "bnb_4bit_quant_type",
                    "chat_template",
                    "dtype",
                    "load_in_4bit",
                    "load_in_8bit",
                    "method",
                    "model_name_or_path",
                    "model_revision",
                    "use_peft");

    private static final Set<String> IGNORED =
            Set.of(
                    "attn_implementation",
                    "bf16",
                    "dataset_config",
                    "dataset_mixer",
                    "dataset_mixture",
                    "dataset_name",
                    "dataset_num_proc",
                    "dataset_splits",
                    "dataset_test_split",
                    "dataset_train_split",
                    "do_eval",
                    "do_train",
                    "gradient_checkpointing_kwargs",
                    "hub_model_id",
                    "hub_model_revision",
                    "hub_private_repo",
                    "hub_strategy",
                    "log_level",
                    "logging_first_step",
                    "logging_strategy",
                    "overwrite_output_dir",
                    "preprocessing_num_workers",
                    "push_to_hub",
                    "remove_unused_columns",
                    "report_to",
                    "run_name",
                    "tf32",
                    "use_bnb_nested_quant");

    /** Copies values and keys. */
    public Recipe {
        values = Collections.unmodifiableMap(new LinkedHashMap<>(values));
        ignored = Collections.unmodifiableSet(new TreeSet<>(ignored));
    }

    /**
     * Reads a recipe.
     *
     * @param file the YAML file
     * @return the recipe
     * @throws IOException if the file cannot be read
     * @throws IllegalArgumentException if it is not YAML, has keys that are unknown or come twice,
     *     or a value that does not fit; the message names the file and the key
     */
    public static Recipe read(Path file) throws IOException {
        RecipeFile yaml = RecipeFile.read(file, RENAMED);
        Set<String> unknown = new TreeSet<>(yaml.keys());
        unknown.removeAll(known());
        unknown.removeAll(IGNORED);
        if (!unknown.isEmpty()) {
            throw yaml.error(
                    "unknown "
                            + (unknown.size() == 1 ? "key " : "keys ")
                            + String.join(", ", unknown)
                            + "; known are "
                            + String.join(", ", known()));
        }
        Map<String, String> values = new LinkedHashMap<>();
        TrainingArgumentsBuilder checked = TrainingArguments.builder();
        for (String key : yaml.keys()) {
            String value = IGNORED.contains(key) ? null : yaml.text(key).orElse(null);
            if (value == null || OF_THE_MODEL.contains(key)) {
                continue;
            }
            if (TrainingArgumentsBuilder.names().contains(key)) {
                try {
                    checked.set(key, value);
                } catch (IllegalArgumentException e) {
                    throw yaml.error(key, String.valueOf(e.getMessage()));
                }
            }
            values.put(key, value);
        }
        Set<String> ignored = new TreeSet<>(yaml.keys());
        ignored.retainAll(IGNORED);
        boolean full = full(yaml, values);
        return new Recipe(
                method(yaml, values),
                yaml.text("model_name_or_path").orElse(null),
                yaml.text("model_revision").orElse(null),
                yaml.text("dtype").orElse(null),
                quantization(yaml, full),
                full,
                yaml.text("chat_template").orElse(null),
                values,
                ignored);
    }

    private static Set<String> known() {
        Set<String> known = new TreeSet<>(TrainingArgumentsBuilder.names());
        known.addAll(NAMES);
        known.addAll(OF_THE_MODEL);
        return known;
    }

    private static String method(RecipeFile yaml, Map<String, String> values) {
        Optional<String> method = yaml.text("method");
        if (method.isPresent() && !METHODS.contains(method.get())) {
            throw yaml.error("method", "method is " + method.get() + ", must be one of " + METHODS);
        }
        boolean preferences =
                values.containsKey("beta")
                        || values.containsKey("loss_type")
                        || values.containsKey("max_prompt_length");
        return method.orElse(preferences ? "dpo" : "sft");
    }

    private static boolean full(RecipeFile yaml, Map<String, String> values) {
        boolean full = !yaml.flag("use_peft");
        for (String key : values.keySet()) {
            if (full && key.startsWith("lora_")) {
                throw yaml.error(key, key + " is an adapter's: set use_peft: true, or omit it");
            }
        }
        return full;
    }

    private static @Nullable String quantization(RecipeFile yaml, boolean full) {
        boolean four = yaml.flag("load_in_4bit");
        boolean eight = yaml.flag("load_in_8bit");
        String type = yaml.text("bnb_4bit_quant_type").orElse("nf4");
        if (four && eight) {
            throw yaml.error("load_in_8bit", "load_in_4bit and load_in_8bit exclude each other");
        }
        if (four && !type.equals("nf4")) {
            throw yaml.error(
                    "bnb_4bit_quant_type", "bnb_4bit_quant_type is " + type + ", must be nf4");
        }
        if (full && (four || eight)) {
            throw yaml.error(
                    four ? "load_in_4bit" : "load_in_8bit",
                    "quantized weights cannot be trained: set use_peft: true to train an adapter");
        }
        if (four) {
            return "nf4";
        }
        return eight ? "int8" : null;
    }
}
