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
 * A model of the Hugging Face Hub and how to load it, as the URL {@code
 * hf://mistralai/Mistral-7B-Instruct-v0.2?precision=int4} gives them. This is the one grammar for
 * models of the Hub: URLs in DJL's criteria, the names that the command line takes and the entries
 * of the zoo's table are parsed by {@link #parse}.
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
 *       takes them, quantizes unquantized weights on load; {@code float32}, {@code bfloat16} and
 *       {@code float16} are the type to compute in.
 * </ul>
 *
 * @param model the model
 * @param precision how to load it, null to load it as it is stored
 */
public record HubReference(HubModel model, @Nullable String precision) {

    private static final Set<String> TYPES = Set.of("float32", "bfloat16", "float16");

    /**
     * Checks the precision.
     *
     * @throws IllegalArgumentException if it is unknown; the message lists the known ones
     */
    public HubReference {
        if (precision != null && !TYPES.contains(precision)) {
            try {
                Quantization.parse(precision);
            } catch (IllegalArgumentException e) {
                throw new IllegalArgumentException(
                        "there is no precision '"
                                + precision
                                + "': it is bfloat16, float16 or float32, or else, "
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
     * @throws IllegalArgumentException if it is no URL of the Hub, has an unknown option, or an
     *     option twice
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
                    "'" + text + "' gives a revision or a file twice: leave one out");
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
                                        + "': after the ? it may have revision, precision and "
                                        + ModelArguments.GGUF_FILE
                                        + "; others go into optArgument");
            }
            String value =
                    parts.length < 2 ? "" : URLDecoder.decode(parts[1], StandardCharsets.UTF_8);
            if (value.isEmpty()) {
                throw new IllegalArgumentException(
                        "'" + text + "' gives no " + key + ": write it as " + key + "=value");
            }
            if (options.put(key, value) != null) {
                throw new IllegalArgumentException(
                        "'" + text + "' gives " + key + " twice: leave one out");
            }
        }
        return options;
    }

    /**
     * Returns the model arguments that {@link #precision} stands for.
     *
     * @return {@code quantization} or {@code dtype}; empty without a precision
     */
    public Map<String, String> arguments() {
        if (precision == null) {
            return Map.of();
        }
        return Map.of(TYPES.contains(precision) ? "dtype" : "quantization", precision);
    }

    /** Whether the model is quantized on load, from weights that are stored unquantized. */
    public boolean isQuantizedOnLoad() {
        return precision != null && !TYPES.contains(precision);
    }

    /** Returns the URL, which {@link #parse} reads. */
    @Override
    public String toString() {
        return precision == null ? model.toString() : model + "?precision=" + precision;
    }
}
