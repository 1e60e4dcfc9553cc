/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.adapter;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.djlmistral.engine.adapter.LoraConfig;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The configuration of an adapter, and its file. */
class LoraConfigTest {

    private static final String Q0 = "model.layers.0.self_attn.q_proj";

    private static LoraConfig parse(String members) {
        return LoraConfig.parse("{\"peft_type\": \"LORA\"" + members + "}");
    }

    @Test
    void hasTheDefaultsOfPeft() {
        LoraConfig config = parse("");
        assertThat(config).isEqualTo(LoraConfig.builder().taskType(null).build());
        assertThat(config.r()).isEqualTo(8);
        assertThat(config.alpha()).isEqualTo(8);
        assertThat(config.targetModules()).containsExactly("q_proj", "v_proj");
        assertThat(config.scale(Q0)).isEqualTo(1);
    }

    @Test
    void isWrittenAsItIsRead() {
        LoraConfig config =
                LoraConfig.builder()
                        .r(16)
                        .alpha(24)
                        .dropout(0.05)
                        .useRslora(true)
                        .targetModules(List.of("all-linear"))
                        .layersToTransform(Set.of(3, 1))
                        .modulesToSave(List.of("lm_head"))
                        .rankPattern(Map.of("q_proj", 3))
                        .alphaPattern(Map.of("down_proj", 1.5))
                        .initialization("gaussian")
                        .baseModel("mistralai/Mistral-7B-v0.1")
                        .build();
        assertThat(LoraConfig.parse(config.toJson())).isEqualTo(config);
        assertThat(config.toJson())
                .contains("\"lora_alpha\": 24,", "\"init_lora_weights\": \"gaussian\"");
        LoraConfig pattern = LoraConfig.builder().targetPattern(".*_proj").build();
        assertThat(LoraConfig.parse(pattern.toJson())).isEqualTo(pattern);
        assertThat(pattern.toJson()).contains("\"init_lora_weights\": true");
    }

    @Test
    void targetsModulesByTheirLastNames() {
        LoraConfig config =
                LoraConfig.builder()
                        .targetModules(List.of("q_proj", "mlp.up_proj", "head"))
                        .build();
        assertThat(config.targets(Q0)).isTrue();
        assertThat(config.targets("model.layers.11.mlp.up_proj")).isTrue();
        assertThat(config.targets("model.layers.11.mlp.gate_proj")).isFalse();
        assertThat(config.targets("lm_head")).as("the whole name").isFalse();
    }

    @Test
    void targetsModulesByAnExpressionForTheWholeName() {
        LoraConfig config = LoraConfig.builder().targetPattern(".*\\.[02]\\..*q_proj").build();
        assertThat(config.targets(Q0)).isTrue();
        assertThat(config.targets("model.layers.1.self_attn.q_proj")).isFalse();
        assertThat(config.targets(Q0 + ".more")).isFalse();
    }

    @Test
    void targetsSomeLayers() {
        LoraConfig one = parse(", \"layers_to_transform\": 1");
        assertThat(one.targets("model.layers.1.self_attn.q_proj")).isTrue();
        assertThat(one.targets(Q0)).isFalse();
        LoraConfig head =
                parse(", \"layers_to_transform\": [0], \"target_modules\": [\"lm_head\"]");
        assertThat(head.targets("lm_head")).as("its whole name, as in peft").isTrue();
    }

    /** The first expression that matches the end of a name decides, as in peft. */
    @Test
    void resolvesPatterns() {
        LoraConfig config =
                parse(
                        ", \"r\": 4, \"lora_alpha\": 6, \"use_rslora\": true,"
                                + " \"rank_pattern\": {\"^model.layers.0.self_attn.q_proj\": 9,"
                                + " \"k_proj\": 1, \"layers\\\\.\\\\d+\\\\.mlp\\\\..*\": 16},"
                                + " \"alpha_pattern\": {\"k_proj\": 5, \"j_proj\": 2}");
        assertThat(config.rank(Q0)).isEqualTo(9);
        assertThat(config.scale(Q0)).isEqualTo(2);
        assertThat(config.rank("model.layers.0.self_attn.k_proj")).isEqualTo(1);
        assertThat(config.scale("model.layers.0.self_attn.k_proj")).isEqualTo(5);
        assertThat(config.rank("model.layers.3.mlp.up_proj")).isEqualTo(16);
        assertThat(config.scale("model.layers.3.mlp.up_proj")).isEqualTo(1.5);
        assertThat(config.scale("model.layers.0.self_attn.v_proj")).isEqualTo(3);
    }

    /** What computes something else than LoRA is refused by name. */
    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "'peft_type': 'IA3' | the type 'IA3'; only LORA",
                "'use_dora': true | use_dora is true, which is not supported",
                "'use_qalora': true | use_qalora is true",
                "'bias': 'lora_only' | bias is 'lora_only'",
                "'lora_bias': true | lora_bias is true",
                "'task_type': 'SEQ_2_SEQ_LM' | task_type is 'SEQ_2_SEQ_LM'",
                "'init_lora_weights': 'pissa_niter_4' | init_lora_weights is 'pissa_niter_4'",
                "'init_lora_weights': {} | init_lora_weights is an object",
                "'trainable_token_indices': [1] | trainable_token_indices is [1]",
                "'target_parameters': ['w'] | target_parameters",
                "'exclude_modules': ['k_proj'] | exclude_modules",
                "'layers_pattern': 'layers' | layers_pattern is 'layers'",
                "'layer_replication': [[0, 1]] | layer_replication",
                "'a_later_feature': 3 | a_later_feature is 3",
                "'modules_to_save': ['norm'] | modules_to_save has 'norm'",
                "'target_modules': [] | target_modules is empty",
                "'target_modules': '(' | which is not a regular expression",
                "'target_modules': [1] | 'target_modules' is 1",
                "'rank_pattern': {'(': 2} | rank_pattern has",
                "'rank_pattern': {'q_proj': 0} | rank_pattern of q_proj is 0",
                "'r': 0 | r is 0, must be at least 1",
                "'r': 'many' | 'r' is 'many'",
                "'lora_dropout': 1 | lora_dropout is 1.0, must be from 0 to below 1",
                "'lora_alpha': null, 'alpha_pattern': {'q_proj': 'x'} | alpha_pattern of q_proj"
            })
    void refusesByName(String member, String message) {
        String json = "{'peft_type': 'LORA', " + member + "}";
        if (member.contains("peft_type")) {
            json = "{" + member + "}";
        }
        String text = json.replace('\'', '"');
        assertThatIllegalArgumentException()
                .isThrownBy(() -> LoraConfig.parse(text))
                .withMessageContaining(message.replace('\'', '"'));
    }

    /** Features that are off, and keys that say nothing about the result. */
    @ParameterizedTest
    @ValueSource(
            strings = {
                "\"use_dora\": false, \"exclude_modules\": null, \"layers_pattern\": []",
                "\"loftq_config\": {}, \"eva_config\": null, \"arrow_config\": null",
                "\"inference_mode\": true, \"revision\": \"main\", \"peft_version\": \"0.21.0\"",
                "\"qalora_group_size\": 16, \"megatron_core\": \"megatron.core\"",
                "\"init_lora_weights\": true, \"task_type\": null, \"bias\": \"none\""
            })
    void acceptsWhatHasNoEffect(String members) {
        assertThat(parse(", " + members)).isEqualTo(LoraConfig.builder().taskType(null).build());
    }

    @ParameterizedTest
    @EnumSource
    void taskTypes(LoraConfig.TaskType type) {
        LoraConfig config = parse(", \"task_type\": \"" + type + "\"");
        assertThat(config.taskType()).isEqualTo(type);
        assertThat(LoraConfig.parse(config.toJson())).isEqualTo(config);
    }
}
