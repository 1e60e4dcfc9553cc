/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.tokenizer;

import static io.github.djlmistral.zoo.tokenizer.SentencePieceModel.BYTE;
import static io.github.djlmistral.zoo.tokenizer.SentencePieceModel.CONTROL;
import static io.github.djlmistral.zoo.tokenizer.SentencePieceModel.NORMAL;
import static io.github.djlmistral.zoo.tokenizer.SentencePieceModel.UNKNOWN;

import com.google.gson.JsonObject;
import io.github.djlmistral.engine.weights.CheckpointException;
import io.github.djlmistral.engine.weights.GgufMetadata;
import io.github.djlmistral.zoo.tokenizer.SentencePieceModel.Piece;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * The tokenizer in the metadata of a GGUF file: a SentencePiece model ({@code tokenizer.ggml.model}
 * is {@code llama}), and what {@code tokenizer_config.json} says elsewhere.
 */
final class GgufTokenizer {

    private static final String PREFIX = "tokenizer.ggml.";
    private static final String SENTENCE_PIECE = "llama";
    private static final String REMEDY =
            "Get a file of a Mistral 7B model, or give the Hugging Face directory of this one";

    /** The roles of tokens there and in {@code tokenizer_config.json}. */
    private static final Map<String, String> ROLES =
            Map.of(
                    "bos_token_id", "bos_token",
                    "eos_token_id", "eos_token",
                    "unknown_token_id", "unk_token",
                    "padding_token_id", "pad_token");

    private final GgufMetadata metadata;

    GgufTokenizer(GgufMetadata metadata) {
        this.metadata = metadata;
    }

    private String kind() throws CheckpointException {
        return metadata.text(PREFIX + "model").orElse("");
    }

    /** Whether there is a tokenizer of the supported kind. */
    boolean isSupported() throws CheckpointException {
        return kind().equals(SENTENCE_PIECE);
    }

    /** The vocabulary. */
    SentencePieceModel model() throws CheckpointException {
        if (!isSupported()) {
            String kind = kind();
            throw unusable(
                    kind.isEmpty()
                            ? "it holds no tokenizer"
                            : "its tokenizer is of the kind \""
                                    + kind
                                    + "\", and only \"llama\", SentencePiece's, is supported");
        }
        boolean charsmap = !values("precompiled_charsmap", Long.class).isEmpty();
        if (charsmap || flag("remove_extra_whitespaces", false)) {
            throw unusable("its tokenizer normalizes text, which Mistral's does not");
        }
        List<Piece> pieces = pieces();
        return SentencePieceModel.of(
                pieces,
                pieces.stream().anyMatch(piece -> piece.type() == BYTE),
                flag("add_space_prefix", true));
    }

    private List<Piece> pieces() throws CheckpointException {
        List<String> tokens = tokens();
        List<Float> scores = values("scores", Float.class);
        List<Long> types = values("token_type", Long.class);
        if (types.isEmpty()) {
            types = Collections.nCopies(tokens.size(), (long) NORMAL);
        }
        if (tokens.isEmpty() || scores.size() != tokens.size() || types.size() != tokens.size()) {
            throw unusable(
                    String.format(
                            Locale.ROOT,
                            "its tokenizer has %d tokens, %d scores and %d types, which should be"
                                    + " as many",
                            tokens.size(),
                            scores.size(),
                            types.size()));
        }
        List<Piece> pieces = new ArrayList<>(tokens.size());
        for (int id = 0; id < tokens.size(); id++) {
            pieces.add(new Piece(tokens.get(id), scores.get(id), types.get(id).intValue()));
        }
        // some converters forget that a token with a role is no text
        for (String role : ROLES.keySet()) {
            OptionalLong id = id(role, tokens.size());
            if (id.isPresent()) {
                Piece piece = pieces.get((int) id.getAsLong());
                if (piece.type() == NORMAL) {
                    int type = role.equals("unknown_token_id") ? UNKNOWN : CONTROL;
                    pieces.set((int) id.getAsLong(), new Piece(piece.text(), piece.score(), type));
                }
            }
        }
        return pieces;
    }

    /**
     * Whether every stretch of text between special tokens begins with "▁", and not only the first.
     * The file does not say. It does in llama.cpp, and with the tokenizers of 7B v0.1 and v0.2 and
     * what was made of them; newer templates begin such stretches with a space of their own, which
     * would make it two: {@code <s> [INST]}, or {@code [INST] text} with a special token {@code
     * [INST]}.
     */
    boolean legacy() throws CheckpointException {
        boolean spaced = chatTemplate().orElse("").contains(" [INST]");
        return !spaced && !tokens().contains("[INST]");
    }

    private Optional<String> chatTemplate() throws CheckpointException {
        return metadata.text("tokenizer.chat_template");
    }

    /** What {@code tokenizer_config.json} would say. */
    JsonObject settings() throws CheckpointException {
        JsonObject settings = new JsonObject();
        chatTemplate().ifPresent(text -> settings.addProperty("chat_template", text));
        List<String> tokens = tokens();
        if (tokens.isEmpty()) { // ids may be there nevertheless, for the network alone
            return settings;
        }
        for (Map.Entry<String, String> role : ROLES.entrySet()) {
            OptionalLong id = id(role.getKey(), tokens.size());
            if (id.isPresent()) {
                settings.addProperty(role.getValue(), tokens.get((int) id.getAsLong()));
            }
        }
        for (String name : List.of("add_bos_token", "add_eos_token")) {
            metadata.flag(PREFIX + name).ifPresent(flag -> settings.addProperty(name, flag));
        }
        return settings;
    }

    private OptionalLong id(String role, int size) throws CheckpointException {
        OptionalLong id = metadata.integer(PREFIX + role);
        if (id.isPresent() && (id.getAsLong() < 0 || id.getAsLong() >= size)) {
            throw unusable(
                    PREFIX
                            + role
                            + " is "
                            + id.getAsLong()
                            + ", and there are "
                            + size
                            + " tokens");
        }
        return id;
    }

    private List<String> tokens() throws CheckpointException {
        return values("tokens", String.class);
    }

    private boolean flag(String name, boolean otherwise) throws CheckpointException {
        return metadata.flag(PREFIX + name).orElse(otherwise);
    }

    private <T> List<T> values(String name, Class<T> type) throws CheckpointException {
        return metadata.array(PREFIX + name, type).orElse(List.of());
    }

    private CheckpointException unusable(String problem) {
        return new CheckpointException(metadata.file(), problem, REMEDY);
    }
}
