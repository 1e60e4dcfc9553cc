/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.tokenizer;

import com.google.gson.Gson;
import com.google.gson.annotations.SerializedName;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.net.URISyntaxException;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;

/** The recorded tokenizers and their outputs; see {@code tests/reference/tokenizer.py}. */
public final class ReferenceTokenizers {

    /** Outputs for a text in one behaviour. */
    record Outputs(
            List<Long> parse,
            List<Long> plain,
            String decoded,
            @SerializedName("decoded_with_special") String decodedWithSpecial) {}

    /** A text and the references' outputs. */
    record Entry(String text, List<Long> sentencepiece, Outputs legacy, Outputs canonical) {

        Outputs outputs(boolean ofLegacy) {
            return ofLegacy ? legacy : canonical;
        }
    }

    /** Ids that no text encodes to, and their decoded text. */
    record Decoded(
            List<Long> ids,
            String tokenizers,
            @SerializedName("tokenizers_with_special") String tokenizersWithSpecial) {}

    /** All recorded outputs of a tokenizer. */
    record Recorded(List<Entry> texts, List<Decoded> decode) {}

    /** Control tokens of later tokenizers, under the names of unused ones of version 3. */
    private static final Map<String, String> LATER =
            Map.of(
                    "[control_16]", "[SYSTEM_PROMPT]",
                    "[control_17]", "[/SYSTEM_PROMPT]",
                    "[control_18]", "[TOOL_CONTENT]",
                    "[control_19]", "[ARGS]",
                    "[control_20]", "[CALL_ID]");

    private ReferenceTokenizers() {}

    /** Writes the tokenizer of version 3 with the control tokens that {@code tools.py} names. */
    public static void writeWithLaterTokens(Path directory) throws IOException {
        String model =
                Files.readString(path("tokenizer/tokenizer.model.v3"), StandardCharsets.ISO_8859_1);
        for (Map.Entry<String, String> token : LATER.entrySet()) {
            model = model.replace(piece(token.getKey()), piece(token.getValue()));
        }
        Files.writeString(
                directory.resolve("tokenizer.model.v3"), model, StandardCharsets.ISO_8859_1);
    }

    /**
     * The beginning of a piece of a sentencepiece model: a field of two fields before its score.
     */
    private static String piece(String name) {
        return "\n" + (char) (name.length() + 9) + "\n" + (char) name.length() + name;
    }

    /** Ids as an array. */
    public static long[] ids(List<Long> list) {
        return list.stream().mapToLong(Long::longValue).toArray();
    }

    /** A file or directory under {@code reference}. */
    public static Path path(String name) {
        URL url = ReferenceTokenizers.class.getResource("/reference/" + name);
        try {
            return Path.of(Objects.requireNonNull(url, name).toURI());
        } catch (URISyntaxException e) {
            throw new IllegalStateException(e);
        }
    }

    /** The JSON of a file under {@code reference}. */
    public static <T> T read(String name, Class<T> type) {
        try {
            return new Gson().fromJson(Files.readString(path(name)), type);
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    static Recorded published() {
        return read("tokenizer/ids.json", Recorded.class);
    }

    static Recorded small() {
        return read("tokenizer/small/ids.json", Recorded.class);
    }

    /** The tokenizer that is built from a SentencePiece model with a {@code legacy} setting. */
    public static MistralTokenizer fromModel(Path model, boolean legacy, Path emptyDirectory)
            throws IOException {
        Files.copy(model, emptyDirectory.resolve(model.getFileName().toString()));
        Files.writeString(
                emptyDirectory.resolve("tokenizer_config.json"), "{\"legacy\": " + legacy + "}");
        return MistralTokenizer.open(emptyDirectory);
    }
}
