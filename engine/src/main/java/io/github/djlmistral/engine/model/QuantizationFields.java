/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.quantization.QuantizationConfig;
import java.util.Locale;
import org.jspecify.annotations.Nullable;

/**
 * Reads {@code quantization_config} as written by transformers ({@code BitsAndBytesConfig}, {@code
 * GPTQConfig}, {@code AwqConfig}; absent keys have their defaults) and by this library for {@code
 * int4}. Keys that do not affect the stored weights ({@code bnb_4bit_compute_dtype}, {@code
 * damp_percent}, {@code exllama_config}...) are ignored.
 */
final class QuantizationFields {

    private QuantizationFields() {}

    static @Nullable QuantizationConfig read(@Nullable ConfigFields fields) {
        if (fields == null) {
            return null;
        }
        // early versions of transformers omit quant_method for bitsandbytes
        boolean nameless = fields.has("load_in_4bit") || fields.has("load_in_8bit");
        String method =
                fields.require(
                        "quant_method", ConfigFields::text, nameless ? "bitsandbytes" : null);
        return switch (method) {
            case "bitsandbytes" -> bitsandbytes(fields);
            case "gptq" -> gptq(fields);
            case "awq" -> awq(fields);
            case "int4" -> {
                fourBits(fields, "bits");
                yield new QuantizationConfig.Int4(
                        fields.integer("group_size", null),
                        fields.require("symmetric", ConfigFields::bool, null));
            }
            default ->
                    throw unsupported(
                            "quant_method",
                            method,
                            "bitsandbytes, gptq, awq and int4, or a plain checkpoint");
        };
    }

    private static QuantizationConfig bitsandbytes(ConfigFields fields) {
        boolean four = fields.require("load_in_4bit", ConfigFields::bool, false);
        if (fields.require("load_in_8bit", ConfigFields::bool, false)) {
            throw unsupported("load_in_8bit", "true", "load_in_4bit");
        }
        if (!four) {
            throw unsupported("load_in_4bit", "false", "true");
        }
        String storage = fields.require("bnb_4bit_quant_storage", ConfigFields::text, "uint8");
        if (!storage.equals("uint8") && !storage.equals("torch.uint8")) {
            throw unsupported("bnb_4bit_quant_storage", storage, "uint8");
        }
        return new QuantizationConfig.Bitsandbytes(
                fields.require("bnb_4bit_quant_type", ConfigFields::text, "fp4"));
    }

    private static QuantizationConfig gptq(ConfigFields fields) {
        fourBits(fields, "bits");
        return new QuantizationConfig.Gptq(
                fields.integer("group_size", 128),
                fields.require("desc_act", ConfigFields::bool, false),
                fields.require("checkpoint_format", ConfigFields::text, "gptq"));
    }

    private static QuantizationConfig awq(ConfigFields fields) {
        fourBits(fields, "bits");
        String version = fields.require("version", ConfigFields::text, "gemm");
        if (!version.toLowerCase(Locale.ROOT).equals("gemm")) {
            throw unsupported("version", version, "gemm");
        }
        String backend = fields.require("backend", ConfigFields::text, "autoawq");
        if (!backend.equals("autoawq")) {
            throw unsupported("backend", backend, "autoawq");
        }
        if (!fields.require("zero_point", ConfigFields::bool, true)) {
            throw unsupported("zero_point", "false", "true");
        }
        return new QuantizationConfig.Awq(fields.integer("group_size", 128));
    }

    private static void fourBits(ConfigFields fields, String key) {
        int bits = fields.integer(key, null);
        if (bits != 4) {
            throw unsupported(key, String.valueOf(bits), "4");
        }
    }

    private static IllegalArgumentException unsupported(
            String key, String value, String supported) {
        return ConfigFields.invalid(
                String.format(
                        "quantization_config.%s is %s, supported is %s",
                        key, Quote.shorten(value), supported),
                null);
    }
}
