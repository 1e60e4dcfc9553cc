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
 * What a URL of the Hub asks for: {@code hf://mistralai/Mistral-7B-Instruct-v0.2?precision=int4}.
 * Behind the question mark, in any order and with {@code &} between them:
 *
 * <ul>
 *   <li>a {@code revision=}: a branch, a tag or a commit; {@code main} if it is left out;
 *   <li>a {@code gguf_file=}: which GGUF file of a repository that has several;
 *   <li>a {@code precision=}: {@code int4} or {@code nf4}, with options as {@link
 *       Quantization#parse} takes them, quantizes plain weights while they are loaded; {@code
 *       float32}, {@code bfloat16} and {@code float16} are the type to compute in.
 * </ul>
 *
 * @param model what is to be had from the Hub
 * @param precision how it is to be loaded, null to take it as it is
 */
public record HubReference(HubModel model, @Nullable String precision) {

    private static final Set<String> TYPES = Set.of("float32", "bfloat16", "float16");

    /**
     * Checks the precision.
     *
     * @throws IllegalArgumentException if there is none of this name, naming those that are
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
     * Reads a URL.
     *
     * @param text the URL, with or without {@code hf://}; revision and file may also stand as
     *     {@link HubModel#parse} takes them, {@code owner/name@revision/file.gguf}
     * @return what it asks for
     * @throws IllegalArgumentException if it is no such URL, or has an unknown option, or one twice
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
                    "'" + text + "' names a revision or a file twice: leave one of them out");
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
     * Says how the model is to be loaded.
     *
     * @return {@code quantization} or {@code dtype}, or nothing, as arguments of a model
     */
    public Map<String, String> arguments() {
        if (precision == null) {
            return Map.of();
        }
        return Map.of(TYPES.contains(precision) ? "dtype" : "quantization", precision);
    }

    /** The URL, which {@link #parse} reads. */
    @Override
    public String toString() {
        String url = model.toString();
        return precision == null
                ? url
                : url + (url.indexOf('?') < 0 ? "?" : "&") + "precision=" + precision;
    }
}
