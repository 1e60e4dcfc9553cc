/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.training;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.djlmistral.examples.training.Recipe;
import io.github.djlmistral.tests.tokenizer.ReferenceTokenizers;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Recipes of the alignment handbook. */
class RecipeTest {

    private static final Path RECIPES =
            Path.of(System.getProperty("basedir", ".")).resolve("../examples/recipes");

    @TempDir Path directory;

    /** The hyperparameters of recipes/zephyr-7b-beta. */
    @ParameterizedTest
    @CsvSource({
        "sft/config_full, sft, 2.0e-05, 16, 1, 2048, , , , ",
        "sft/config_qlora, sft, 2.0e-04, 4, 2, 2048, , 16, 16, ",
        "dpo/config_full, dpo, 5.0e-07, 8, 2, 1024, 512, , , adamw_torch",
        "dpo/config_qlora, dpo, 5.0e-06, 4, 4, 1024, 512, 128, 128, paged_adamw_32bit"
    })
    void zephyr(
            String file,
            String method,
            String learningRate,
            String batch,
            String accumulation,
            String maxLength,
            String maxPromptLength,
            String r,
            String alpha,
            String optim)
            throws IOException {
        Recipe recipe = Recipe.read(RECIPES.resolve("zephyr-7b-beta/" + file + ".yaml"));
        assertThat(recipe.method()).isEqualTo(method);
        assertThat(recipe.dtype()).isEqualTo("bfloat16");
        assertThat(recipe.full()).isEqualTo(r == null);
        assertThat(recipe.quantization()).isEqualTo(r == null ? null : "nf4");
        Map<String, String> values = recipe.values();
        assertThat(values)
                .containsEntry("learning_rate", learningRate)
                .containsEntry("per_device_train_batch_size", batch)
                .containsEntry("gradient_accumulation_steps", accumulation)
                .containsEntry("max_length", maxLength)
                .containsEntry("num_train_epochs", "1")
                .containsEntry("lr_scheduler_type", "cosine")
                .containsEntry("warmup_ratio", "0.1")
                .containsEntry("gradient_checkpointing", "true")
                .containsEntry("seed", "42");
        assertThat(values.get("max_prompt_length")).isEqualTo(maxPromptLength);
        assertThat(values.get("beta")).isEqualTo(maxPromptLength == null ? null : "0.01");
        assertThat(values.get("lora_r")).isEqualTo(r);
        assertThat(values.get("lora_alpha")).isEqualTo(alpha);
        assertThat(values.get("lora_dropout")).isEqualTo(r == null ? null : "0.05");
        assertThat(values.get("lora_target_modules"))
                .isEqualTo(
                        r == null
                                ? null
                                : "q_proj,k_proj,v_proj,o_proj,gate_proj,up_proj,down_proj");
        assertThat(values.get("optim")).isEqualTo(optim);
        assertThat(recipe.ignored()).containsExactly("bf16");
        if (method.equals("sft")) {
            assertThat(recipe.model()).isEqualTo("mistralai/Mistral-7B-v0.1");
            assertThat(recipe.chatTemplate())
                    .isEqualTo(Files.readString(ReferenceTokenizers.path("chat/zephyr.jinja")));
        } else {
            assertThat(recipe.chatTemplate()).isNull();
        }
    }

    @Test
    void keysOfTheHandbooksOwnFiles() throws IOException {
        Recipe recipe =
                read(
                        """
                        model_name_or_path: mistralai/Mistral-7B-v0.1
                        model_revision: main
                        torch_dtype: bfloat16
                        attn_implementation: flash_attention_2
                        load_in_4bit: True
                        use_peft: true
                        lora_r: 8
                        lora_target_modules:
                        - q_proj
                        - v_proj
                        dataset_mixture:
                          datasets:
                            - id: HuggingFaceH4/ultrachat_200k
                              columns:
                                - messages
                          test_split_size: 1000
                        dataset_splits: [train_sft, test_sft]
                        gradient_checkpointing_kwargs:
                          use_reentrant: false
                        beta: 0.01
                        evaluation_strategy: no   # not false, as in YAML 1.1
                        max_seq_length: 512
                        learning_rate: 2e-5
                        report_to:
                        - tensorboard
                        push_to_hub: true
                        optim:
                        """);
        assertThat(recipe)
                .isEqualTo(
                        new Recipe(
                                "dpo",
                                "mistralai/Mistral-7B-v0.1",
                                "main",
                                "bfloat16",
                                "nf4",
                                false,
                                null,
                                Map.of(
                                        "lora_r", "8",
                                        "lora_target_modules", "q_proj,v_proj",
                                        "beta", "0.01",
                                        "eval_strategy", "no",
                                        "max_length", "512",
                                        "learning_rate", "2e-5"),
                                Set.of(
                                        "attn_implementation",
                                        "dataset_mixture",
                                        "dataset_splits",
                                        "gradient_checkpointing_kwargs",
                                        "push_to_hub",
                                        "report_to")));
    }

    @Test
    void mistakes() throws IOException {
        refused("lr: 1\nbeta: 1\nepochs: 2", "unknown keys epochs, lr; known are adam_beta1");
        refused("seed: 1\nlearning_rate: fast", "line 2: learning_rate is \"fast\"");
        refused("seed: 1\nseed: 2", "line 2: seed is given twice");
        refused("max_seq_length: 1\nmax_length: 2", "max_length is given twice");
        refused("beta: {a: 1}", "line 1: beta must be a value or a list of values");
        refused("lora_r: 8", "lora_r is an adapter's: set use_peft: true");
        refused("load_in_4bit: true", "quantized weights cannot be trained");
        refused("use_peft: 1", "use_peft is 1, must be true or false");
        refused("use_peft: true\nload_in_8bit: true\nload_in_4bit: true", "exclude each other");
        refused(
                "use_peft: true\nload_in_4bit: true\nbnb_4bit_quant_type: fp4",
                "bnb_4bit_quant_type is fp4, must be nf4");
        refused("method: orpo", "method is orpo, must be one of [sft, dpo, lm, classify]");
        refused("- a\n- b", "it has no keys");
        refused("", "it has no keys");
        refused("a: [1", "it is not valid YAML");
        Path file = directory.resolve("recipe.yaml");
        Files.write(file, "méthode: 1".getBytes(StandardCharsets.ISO_8859_1));
        assertThatThrownBy(() -> Recipe.read(file)).hasMessage(file + ": it is not UTF-8");
    }

    private void refused(String yaml, String message) {
        assertThatThrownBy(() -> read(yaml))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("recipe.yaml")
                .hasMessageContaining(message);
    }

    private Recipe read(String yaml) throws IOException {
        return Recipe.read(Files.writeString(directory.resolve("recipe.yaml"), yaml));
    }
}
