/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo;

import io.github.djlmistral.engine.quantization.Quantization;
import io.github.djlmistral.zoo.hub.HubModel;
import io.github.djlmistral.zoo.translator.ModelArguments;
import java.net.URLDecoder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A model of the Hugging Face Hub and the precision to load it with, as in the URL {@code
 * hf://mistralai/Mistral-7B-Instruct-v0.2?precision=int4}. URLs in DJL's criteria, model names on
 * the command line and the entries of the zoo's model table have the same grammar:
 *
 * <pre>
 * [hf://]owner/name[@revision][/file.gguf][?option=value[&amp;option=value]..]
 * </pre>
 *
 * <p>Options:
 *
 * <ul>
 *   <li>{@code revision=}: a branch, tag or commit, instead of {@code @revision}; default {@code
 *       main};
 *   <li>{@code gguf_file=}: a GGUF file of the repository, instead of {@code /file.gguf};
 *   <li>{@code precision=}: {@code int4} or {@code nf4}, with options as {@link Quantization#parse}
 *       accepts them, quantize unquantized weights on load; {@code float32}, {@code bfloat16} and
 *       {@code float16} set the data type of the computation.
 * </ul>
 *
 * @param model the model
 * @param precision the precision, null for that of the stored weights
 */
public record HubReference(HubModel model, @Nullable String precision) {

    private static final Set<String> TYPES = Set.of("float32", "bfloat16", "float16");

    /**
     * Validates the precision.
     *
     * @throws IllegalArgumentException if it is unknown; the message lists the supported ones
     */
    public HubReference {
        if (precision != null && !TYPES.contains(precision)) {
            try {
                Quantization.parse(precision);
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException(
                        "unknown precision '"
                                + precision
                                + "': expected bfloat16, float16, float32 or a quantization; "
                                + e.getMessage(),
                        e);
            }
        }
    }

    /**
     * Parses a URL.
     *
     * @param text the URL, with or without {@code hf://}
     * @return the model and its precision
     * @throws IllegalArgumentException if it is not a URL of the Hub, or an option is unknown or
     *     given twice
     */
    public static HubReference parse(String text) {
        int end = text.indexOf('?');
        HubModel model = HubModel.parse(end < 0 ? text : text.substring(0, end));
        Map<String, String> options = end < 0 ? Map.of() : options(text, end + 1);
        String revision = options.get("revision");
        String file = options.get(ModelArguments.GGUF_FILE);
        boolean twoRevisions = revision != null && !model.revision().equals(HubModel.MAIN);
        if (twoRevisions || (file != null && model.file() != null)) {
            throw new IllegalArgumentException(
                    "'" + text + "' contains a revision or a file twice: remove one");
        }
        return new HubReference(
                new HubModel(
                        model.repository(),
                        revision == null ? model.revision() : revision,
                        file == null ? model.file() : file),
                options.get("precision"));
    }

    private static Map<String, String> options(String text, int begin) {
        Map<String, String> options = new LinkedHashMap<>();
        for (String pair : text.substring(begin).split("&", -1)) {
            String[] parts = pair.split("=", 2);
            String key = parts[0].equals("ggufFile") ? ModelArguments.GGUF_FILE : parts[0];
            switch (key) {
                case "revision", "precision", ModelArguments.GGUF_FILE -> {}
                default ->
                        throw new IllegalArgumentException(
                                "'"
                                        + text
                                        + "' has an unknown option '"
                                        + key
                                        + "': supported are revision, precision and "
                                        + ModelArguments.GGUF_FILE
                                        + "; set others by optArgument");
            }
            String value =
                    parts.length < 2 ? "" : URLDecoder.decode(parts[1], StandardCharsets.UTF_8);
            if (value.isEmpty()) {
                throw new IllegalArgumentException(
                        "'" + text + "' has no value for " + key + ": expected " + key + "=value");
            }
            if (options.put(key, value) != null) {
                throw new IllegalArgumentException(
                        "'" + text + "' contains " + key + " twice: remove one");
            }
        }
        return options;
    }

    /**
     * Returns the model arguments of the precision.
     *
     * @return the argument {@code quantization} or {@code dtype}; empty without a precision
     */
    public Map<String, String> arguments() {
        if (precision == null) {
            return Map.of();
        }
        return Map.of(TYPES.contains(precision) ? "dtype" : "quantization", precision);
    }

    /** Returns whether unquantized weights are quantized on load. */
    public boolean isQuantizedOnLoad() {
        return precision != null && !TYPES.contains(precision);
    }

    /** Returns the URL, which {@link #parse} accepts. */
    @Override
    public String toString() {
        return precision == null ? model.toString() : model + "?precision=" + precision;
    }
}
