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
 * is {@code llama}) and the settings that other checkpoints have in {@code tokenizer_config.json}.
 */
final class GgufTokenizer {

    private static final String PREFIX = "tokenizer.ggml.";
    private static final String SENTENCE_PIECE = "llama";
    private static final String REMEDY =
            "Use a GGUF file of Mistral 7B, or the Hugging Face checkpoint of this model";

    /** Keys of special tokens in the metadata and in {@code tokenizer_config.json}. */
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

    /** Returns whether there is a tokenizer of the supported type. */
    boolean isSupported() throws CheckpointException {
        return kind().equals(SENTENCE_PIECE);
    }

    /** Returns the SentencePiece model. */
    SentencePieceModel model() throws CheckpointException {
        if (!isSupported()) {
            String kind = kind();
            throw unusable(
                    kind.isEmpty()
                            ? "it contains no tokenizer"
                            : "its tokenizer is of type \""
                                    + kind
                                    + "\", only \"llama\" (SentencePiece) is supported");
        }
        boolean charsmap = !values("precompiled_charsmap", Long.class).isEmpty();
        if (charsmap || flag("remove_extra_whitespaces", false)) {
            throw unusable("its tokenizer normalizes text, which is not supported");
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
                            "its tokenizer has %d tokens, but %d scores and %d token types",
                            tokens.size(),
                            scores.size(),
                            types.size()));
        }
        List<Piece> pieces = new ArrayList<>(tokens.size());
        for (int id = 0; id < tokens.size(); id++) {
            pieces.add(new Piece(tokens.get(id), scores.get(id), types.get(id).intValue()));
        }
        // some converters mark special tokens as normal ones
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
     * Returns whether "▁" is prepended to every segment of text between special tokens, instead of
     * the first segment only. The metadata does not tell. llama.cpp always does so, and so do the
     * tokenizers of 7B v0.1 and v0.2 and models derived from them. Newer chat templates contain
     * that space themselves, as in {@code <s> [INST]}, or in {@code [INST] text} where {@code
     * [INST]} is a special token.
     */
    boolean legacy() throws CheckpointException {
        boolean spaced = chatTemplate().orElse("").contains(" [INST]");
        return !spaced && !tokens().contains("[INST]");
    }

    private Optional<String> chatTemplate() throws CheckpointException {
        return metadata.text("tokenizer.chat_template");
    }

    /** Returns the settings in the form of {@code tokenizer_config.json}. */
    JsonObject settings() throws CheckpointException {
        JsonObject settings = new JsonObject();
        chatTemplate().ifPresent(text -> settings.addProperty("chat_template", text));
        List<String> tokens = tokens();
        if (tokens.isEmpty()) { // a file without a tokenizer may still have ids
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
                            + ", but there are only "
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
