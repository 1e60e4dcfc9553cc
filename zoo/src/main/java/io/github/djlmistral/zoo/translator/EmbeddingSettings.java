/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.weights.Gguf;
import io.github.djlmistral.engine.weights.GgufMetadata;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * How texts are embedded. Arguments take precedence over the files of sentence-transformers in the
 * checkpoint; without either, the last token is pooled and not normalized, without a prompt.
 *
 * @param pooling how hidden states become one vector
 * @param normalizes whether the vector is scaled to the length 1
 * @param prompt what precedes each text; may be empty
 * @param longest the most tokens of a text, prompt and special tokens included
 */
record EmbeddingSettings(Pooling pooling, boolean normalizes, String prompt, int longest) {

    /**
     * Reads the settings of a checkpoint.
     *
     * @param checkpoint its directory, or its GGUF file
     * @param config its configuration
     * @param arguments model arguments, already checked
     * @throws IOException if a file is damaged, or names something that is not supported
     * @throws IllegalArgumentException if the checkpoint has no prompt of the given name
     */
    static EmbeddingSettings of(Path checkpoint, MistralConfig config, Map<String, ?> arguments)
            throws IOException {
        SentenceTransformersFiles files = SentenceTransformersFiles.of(checkpoint);
        Optional<Pooling> pooling = ModelArguments.pooling(arguments);
        Optional<Boolean> normalize = ModelArguments.normalize(arguments);
        String prompt =
                ModelArguments.value(arguments, "prompt")
                        .map(Object::toString)
                        .orElse(files.prompt(ModelArguments.promptName(arguments)));
        if (!prompt.isEmpty()) {
            files.requirePooledPrompt();
        }
        if (pooling.isEmpty()) {
            Optional<Path> gguf = Gguf.find(checkpoint);
            pooling = gguf.isPresent() ? pooling(gguf.get()) : files.pooling();
        }
        return new EmbeddingSettings(
                pooling.orElse(Pooling.LAST),
                normalize.orElse(files.normalizes()),
                prompt,
                Math.min(files.longest(), config.maxPositionEmbeddings()));
    }

    /** Reads {@code pooling_type}, the {@code llama_pooling_type} of llama.cpp. */
    private static Optional<Pooling> pooling(Path gguf) throws IOException {
        GgufMetadata metadata = GgufMetadata.read(gguf);
        String key = metadata.text("general.architecture").orElse("") + ".pooling_type";
        long type = metadata.integer(key).orElse(0);
        return switch ((int) type) {
            case 0 -> Optional.empty();
            case 1 -> Optional.of(Pooling.MEAN);
            case 2 -> Optional.of(Pooling.CLS);
            case 3 -> Optional.of(Pooling.LAST);
            default ->
                    throw new IOException(
                            gguf
                                    + ": "
                                    + key
                                    + " is "
                                    + type
                                    + ", supported are 1 (mean), 2 (cls) and 3 (last): give the"
                                    + " argument pooling");
        };
    }
}
