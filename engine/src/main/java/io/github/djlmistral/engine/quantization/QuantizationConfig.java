/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.quantization;

import io.github.djlmistral.engine.internal.Quote;
import java.util.List;

/**
 * The {@code quantization_config} in the {@code config.json} of a checkpoint: the fields that
 * define the layout of the weights, with the same names.
 *
 * <p>{@code modules_to_not_convert}, usually {@code lm_head}, is not needed: the tensors show which
 * weights are quantized.
 */
public sealed interface QuantizationConfig {

    /** Returns {@code quant_method}. */
    String quantMethod();

    /**
     * NF4 or FP4 of bitsandbytes, see {@link BitsandbytesWeight}, with or without double
     * quantization.
     *
     * @param quantType {@code bnb_4bit_quant_type}: {@code nf4} or {@code fp4}
     */
    record Bitsandbytes(String quantType) implements QuantizationConfig {

        /** Checks the type. */
        public Bitsandbytes {
            oneOf("bnb_4bit_quant_type", quantType, "nf4", "fp4");
        }

        @Override
        public String quantMethod() {
            return "bitsandbytes";
        }
    }

    /**
     * 4-bit GPTQ, in the layout of AutoGPTQ and GPTQModel.
     *
     * @param groupSize {@code group_size}: inputs per group
     * @param descAct {@code desc_act}: whether the inputs of a group may be non-adjacent
     * @param checkpointFormat {@code checkpoint_format}: {@code gptq}, which stores zero points
     *     minus 1, or {@code gptq_v2}
     */
    record Gptq(int groupSize, boolean descAct, String checkpointFormat)
            implements QuantizationConfig {

        /** Checks size and format. */
        public Gptq {
            checkGroupSize(groupSize);
            oneOf("checkpoint_format", checkpointFormat, "gptq", "gptq_v2");
        }

        @Override
        public String quantMethod() {
            return "gptq";
        }
    }

    /**
     * 4-bit AWQ, in AutoAWQ's layout "gemm".
     *
     * @param groupSize {@code group_size}: inputs per group
     */
    record Awq(int groupSize) implements QuantizationConfig {

        /** Checks the size. */
        public Awq {
            checkGroupSize(groupSize);
        }

        @Override
        public String quantMethod() {
            return "awq";
        }
    }

    /**
     * This library's own layout, see {@link io.github.djlmistral.engine.quantization.Int4}.
     *
     * @param groupSize {@code group_size}: inputs per group
     * @param symmetric {@code symmetric}: whether there are no offsets
     */
    record Int4(int groupSize, boolean symmetric) implements QuantizationConfig {

        /** Checks the size. */
        public Int4 {
            checkGroupSize(groupSize);
        }

        @Override
        public String quantMethod() {
            return "int4";
        }
    }

    private static void checkGroupSize(int size) {
        if (!io.github.djlmistral.engine.quantization.Int4.isGroupSize(size)) {
            throw new IllegalArgumentException(
                    "quantization_config.group_size is "
                            + size
                            + (size == -1 ? ", one group for a whole row" : "")
                            + "; supported are 32, 64 and 128. Give a checkpoint that was quantized"
                            + " with one of these");
        }
    }

    private static void oneOf(String key, String value, String... supported) {
        if (!List.of(supported).contains(value)) {
            throw new IllegalArgumentException(
                    String.format(
                            "quantization_config.%s is %s; supported are %s",
                            key, Quote.of(value), String.join(" and ", supported)));
        }
    }
}
