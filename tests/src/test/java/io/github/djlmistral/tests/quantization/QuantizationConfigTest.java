/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.quantization;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatIllegalArgumentException;

import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.quantization.QuantizationConfig;
import io.github.djlmistral.engine.quantization.QuantizationConfig.Awq;
import io.github.djlmistral.engine.quantization.QuantizationConfig.Bitsandbytes;
import io.github.djlmistral.engine.quantization.QuantizationConfig.Gptq;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Parsing and validation of {@code quantization_config}. Single quotes stand for double. */
class QuantizationConfigTest {

    private static QuantizationConfig parse(String json) {
        return MistralConfig.parse(("{'quantization_config': " + json + "}").replace('\'', '"'))
                .quantizationConfig();
    }

    @Test
    void plainOnes() {
        assertThat(MistralConfig.defaults().quantizationConfig()).isNull();
        assertThat(parse("null")).isNull();
    }

    @Test
    void bitsandbytes() {
        assertThat(
                        parse(
                                "{'quant_method': 'bitsandbytes', 'load_in_4bit': true,"
                                        + " 'load_in_8bit': false, 'bnb_4bit_quant_type': 'nf4',"
                                        + " 'bnb_4bit_use_double_quant': true,"
                                        + " 'llm_int8_skip_modules': ['lm_head'],"
                                        + " 'bnb_4bit_quant_storage': 'uint8'}"))
                .isEqualTo(new Bitsandbytes("nf4"));
        // transformers' default, and files of before there was a quant_method
        assertThat(parse("{'load_in_4bit': true}")).isEqualTo(new Bitsandbytes("fp4"));
        assertThat(parse("{'load_in_4bit': true}").quantMethod()).isEqualTo("bitsandbytes");
    }

    @Test
    void gptq() {
        assertThat(parse("{'quant_method': 'gptq', 'bits': 4}"))
                .isEqualTo(new Gptq(128, false, "gptq"));
        assertThat(
                        parse(
                                "{'quant_method': 'gptq', 'bits': 4, 'group_size': 32, 'desc_act':"
                                        + " true, 'sym': true, 'checkpoint_format': 'gptq_v2'}"))
                .isEqualTo(new Gptq(32, true, "gptq_v2"));
    }

    @Test
    void awq() {
        assertThat(parse("{'quant_method': 'awq', 'bits': 4}")).isEqualTo(new Awq(128));
        assertThat(
                        parse(
                                "{'quant_method': 'awq', 'bits': 4, 'group_size': 64, 'version':"
                                        + " 'GEMM', 'zero_point': true,"
                                        + " 'modules_to_not_convert': null}"))
                .isEqualTo(new Awq(64));
    }

    @Test
    void int4() {
        assertThat(
                        parse(
                                "{'quant_method': 'int4', 'bits': 4, 'group_size': 64,"
                                        + " 'symmetric': true}"))
                .isEqualTo(new QuantizationConfig.Int4(64, true));
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "3 | quantization_config is 3",
                "'gptq' | quantization_config is",
                "{} | quantization_config.quant_method is missing",
                "{'quant_method': null} | quantization_config.quant_method is null",
                "{'quant_method': 4} | quantization_config.quant_method is 4",
                "{'quant_method': 'hqq'} | quantization_config.quant_method is hqq",
                "{'quant_method': 'fp8'} | bitsandbytes, gptq, awq and int4",
                "{'load_in_8bit': true} | load_in_8bit is true",
                "{'load_in_8bit': false} | load_in_4bit is false",
                "{'load_in_4bit': 1} | load_in_4bit is 1",
                "{'quant_method': 'bitsandbytes'} | load_in_4bit is false",
                "{'load_in_4bit': true, 'bnb_4bit_quant_type': 'int4'} | nf4 and fp4",
                "{'load_in_4bit': true, 'bnb_4bit_quant_storage': 'bfloat16'} | supported is uint8",
                "{'quant_method': 'gptq'} | quantization_config.bits is missing",
                "{'quant_method': 'gptq', 'bits': 3} | bits is 3, supported is 4",
                "{'quant_method': 'gptq', 'bits': 8} | bits is 8, supported is 4",
                "{'quant_method': 'gptq', 'bits': '4'} | quantization_config.bits is",
                "{'quant_method': 'gptq', 'bits': 4, 'group_size': -1} | one group for a whole row",
                "{'quant_method': 'gptq', 'bits': 4, 'group_size': 16} | supported are 32, 64 and",
                "{'quant_method': 'gptq', 'bits': 4, 'group_size': 256} | group_size is 256",
                "{'quant_method': 'gptq', 'bits': 4, 'group_size': null} | group_size is null",
                "{'quant_method': 'gptq', 'bits': 4, 'desc_act': 'no'} | desc_act is",
                "{'quant_method': 'gptq', 'bits': 4, 'checkpoint_format': 'marlin'} | gptq_v2",
                "{'quant_method': 'awq', 'bits': 3} | bits is 3",
                "{'quant_method': 'awq', 'bits': 4, 'version': 'gemv'} | version is gemv",
                "{'quant_method': 'awq', 'bits': 4, 'backend': 'llm-awq'} | backend is llm-awq",
                "{'quant_method': 'awq', 'bits': 4, 'zero_point': false} | zero_point is false",
                "{'quant_method': 'awq', 'bits': 4, 'group_size': -1} | group_size is -1",
                "{'quant_method': 'int4', 'bits': 4, 'symmetric': true} | group_size is missing",
                "{'quant_method': 'int4', 'bits': 4, 'group_size': 32} | symmetric is missing",
                "{'quant_method': 'int4', 'group_size': 32, 'symmetric': true} | bits is missing",
                "{'quant_method': 'int4', 'bits': 4, 'group_size': 0, 'symmetric': true} | is 0"
            })
    void unsupportedConfigurationIsNamed(String json, String told) {
        assertThatIllegalArgumentException()
                .isThrownBy(() -> parse(json))
                .withMessageContaining(told);
    }
}
