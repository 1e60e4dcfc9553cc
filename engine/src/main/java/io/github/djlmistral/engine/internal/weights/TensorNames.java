/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal.weights;

import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The tensor names of a file format, with those of Hugging Face.
 *
 * @param outside names of the tensors outside the layers, to Hugging Face's
 * @param layer matches the others: group 1 is the layer's number, group 2 the name within the layer
 * @param inLayer names within a layer, to Hugging Face's after {@code model.layers.N.}
 */
public record TensorNames(Map<String, String> outside, Pattern layer, Map<String, String> inLayer) {

    private static final Pattern UNPREFIXED = Pattern.compile("(embed_tokens|layers|norm)\\.");

    /**
     * A known tensor.
     *
     * @param part its name within the layer in the file format, empty outside the layers
     * @param name Hugging Face's name
     */
    public record Match(String part, String name) {}

    /**
     * Returns the name that a tensor has in checkpoints of networks with a head. Those of {@code
     * MistralModel} may lack the prefix of the backbone: {@code norm.weight} is {@code
     * model.norm.weight}.
     *
     * @param tensor Hugging Face's name, with or without the prefix
     * @return the name with the prefix
     */
    public static String prefixed(String tensor) {
        return UNPREFIXED.matcher(tensor).lookingAt() ? "model." + tensor : tensor;
    }

    /** Returns what a tensor of the file format is; null if it is none of these. */
    public @Nullable Match find(String tensor) {
        Matcher matcher = layer.matcher(tensor);
        if (!matcher.matches()) {
            String name = outside.get(tensor);
            return name == null ? null : new Match("", name);
        }
        String part = matcher.group(2);
        String name = inLayer.get(part);
        return name == null
                ? null
                : new Match(part, "model.layers." + matcher.group(1) + "." + name);
    }
}
