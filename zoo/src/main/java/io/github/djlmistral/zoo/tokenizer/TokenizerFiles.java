/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.tokenizer;

import com.google.gson.JsonObject;
import io.github.djlmistral.engine.internal.SmallFile;
import io.github.djlmistral.engine.internal.StrictJson;
import io.github.djlmistral.engine.weights.Gguf;
import io.github.djlmistral.engine.weights.GgufMetadata;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** The file of a checkpoint that its tokenizer is read from, see {@link MistralTokenizer#open}. */
final class TokenizerFiles {

    /** File names of SentencePiece models, in the order of precedence. */
    private static final List<String> SENTENCE_PIECE =
            List.of("tokenizer.model", "tokenizer.model.v1", "tokenizer.model.v3");

    /** Limit for {@code tokenizer.json}; that of Mistral Small 3.1 has 17 MB. */
    private static final int LONGEST_JSON = 32 << 20;

    private TokenizerFiles() {}

    static boolean areIn(Path directory) throws IOException {
        Optional<Path> gguf = Gguf.find(directory);
        if (gguf.isPresent()) {
            return new GgufTokenizer(GgufMetadata.read(gguf.get())).isSupported();
        }
        return Files.exists(directory.resolve("tokenizer.json"))
                || SENTENCE_PIECE.stream().map(directory::resolve).anyMatch(Files::exists);
    }

    static MistralTokenizer open(Path directory) throws IOException {
        TokenizerSettings settings = new TokenizerSettings(directory);
        Optional<Path> gguf = Gguf.find(directory);
        if (gguf.isPresent()) {
            GgufTokenizer parts = new GgufTokenizer(GgufMetadata.read(gguf.get()));
            return create(
                    gguf.get(),
                    () -> SentencePieceConverter.toTokenizerJson(parts.model(), parts.legacy()),
                    settings);
        }
        Path json = directory.resolve("tokenizer.json");
        if (Files.exists(json)) {
            return create(json, () -> StrictJson.read(json, LONGEST_JSON), settings);
        }
        for (String name : SENTENCE_PIECE) {
            Path file = directory.resolve(name);
            if (Files.exists(file)) {
                Boolean legacy = settings.flag("legacy");
                byte[] bytes = SmallFile.bytes(file, StrictJson.LONGEST);
                return create(
                        file,
                        () ->
                                SentencePieceConverter.toTokenizerJson(
                                        SentencePieceModel.parse(bytes), legacy != null && legacy),
                        settings);
            }
        }
        throw new IOException(
                "no tokenizer in "
                        + directory
                        + ": looked for tokenizer.json, "
                        + String.join(", ", SENTENCE_PIECE)
                        + "; download one of them from the source of the checkpoint");
    }

    /** Reads or creates the content of a {@code tokenizer.json}. */
    private interface Source {
        JsonObject read() throws IOException;
    }

    private static MistralTokenizer create(Path file, Source source, TokenizerSettings settings)
            throws IOException {
        try {
            return new MistralTokenizer(source.read(), settings);
        } catch (IllegalArgumentException e) {
            throw new IOException("cannot use " + file + ": " + e.getMessage(), e);
        }
    }
}
