/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.tokenizer;

import io.github.djlmistral.engine.internal.Quote;
import java.nio.BufferUnderflowException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A SentencePiece BPE model, parsed from its protocol buffer ({@code tokenizer.model}).
 *
 * <p>The fields are those of <a
 * href="https://github.com/google/sentencepiece/blob/master/src/sentencepiece_model.proto">
 * sentencepiece_model.proto</a>.
 */
final class SentencePieceModel {

    static final int NORMAL = 1;
    static final int UNKNOWN = 2;
    static final int CONTROL = 3;
    static final int USER_DEFINED = 4;
    static final int BYTE = 6;

    private static final int VARINT = 0;
    private static final int FIXED64 = 1;
    private static final int BYTES = 2;
    private static final int FIXED32 = 5;

    private static final List<String> MODEL_TYPES =
            List.of("unknown", "unigram", "BPE", "word", "char");

    private static final int LONGEST_PIECE = 256;

    /** One entry of the vocabulary; its id is its position. */
    record Piece(String text, float score, int type) {}

    private final List<Piece> pieces = new ArrayList<>();
    private int modelType = 1;
    private boolean byteFallback;
    private boolean addDummyPrefix = true;
    private boolean removeExtraWhitespaces = true;
    private boolean normalizes;

    private SentencePieceModel() {}

    /**
     * Parses a model.
     *
     * @param bytes the content of the file
     * @throws IllegalArgumentException if it is not a SentencePiece model, or uses features that
     *     Mistral's do not
     */
    static SentencePieceModel parse(byte[] bytes) {
        if (new String(bytes, 0, Math.min(bytes.length, 23), StandardCharsets.US_ASCII)
                .equals("version https://git-lfs")) {
            throw new IllegalArgumentException("it is a Git LFS pointer: run 'git lfs pull'");
        }
        SentencePieceModel model = new SentencePieceModel();
        try {
            ByteBuffer buffer = ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
            while (buffer.hasRemaining()) {
                int tag = (int) varint(buffer);
                switch (tag) {
                    case (1 << 3) | BYTES -> model.add(piece(slice(buffer)));
                    case (2 << 3) | BYTES -> model.readTrainer(slice(buffer));
                    case (3 << 3) | BYTES -> model.readNormalizer(slice(buffer));
                    default -> skip(buffer, tag);
                }
            }
        } catch (BufferUnderflowException | CharacterCodingException e) {
            throw damaged(e);
        }
        model.check();
        model.checkPieces();
        return model;
    }

    /** Creates a model of given pieces, without normalization. */
    static SentencePieceModel of(List<Piece> pieces, boolean byteFallback, boolean addDummyPrefix) {
        SentencePieceModel model = new SentencePieceModel();
        model.pieces.addAll(pieces);
        model.byteFallback = byteFallback;
        model.addDummyPrefix = addDummyPrefix;
        model.checkPieces();
        return model;
    }

    private void add(Piece piece) {
        if (pieces.size() == TokenizerJson.MOST_TOKENS) {
            throw new IllegalArgumentException(
                    "it has more than " + TokenizerJson.MOST_TOKENS + " pieces");
        }
        pieces.add(piece);
    }

    /** Checks lengths and duplicates; SentencePiece limits pieces to 16 characters by default. */
    private void checkPieces() {
        Set<String> texts = new HashSet<>();
        for (Piece piece : pieces) {
            if (piece.text().length() > LONGEST_PIECE) {
                throw new IllegalArgumentException(
                        "the piece "
                                + Quote.of(piece.text())
                                + " has more than "
                                + LONGEST_PIECE
                                + " characters");
            }
            if (!texts.add(piece.text())) {
                throw new IllegalArgumentException(
                        "the piece " + Quote.of(piece.text()) + " is not unique");
            }
        }
    }

    private static IllegalArgumentException damaged(@Nullable Exception cause) {
        return new IllegalArgumentException(
                "it is damaged or not a SentencePiece model: download it again", cause);
    }

    private void check() {
        if (pieces.isEmpty()) {
            throw new IllegalArgumentException(
                    "it has no pieces: it is empty or not a SentencePiece model");
        }
        if (modelType != 2) {
            String name =
                    modelType >= 0 && modelType < MODEL_TYPES.size()
                            ? MODEL_TYPES.get(modelType)
                            : String.valueOf(modelType);
            throw new IllegalArgumentException(
                    "it is a SentencePiece model of type " + name + ": only BPE is supported");
        }
        if (normalizes || removeExtraWhitespaces) {
            throw new IllegalArgumentException(
                    "it normalizes text: only the identity normalizer without"
                            + " remove_extra_whitespaces is supported");
        }
    }

    private static Piece piece(ByteBuffer buffer) throws CharacterCodingException {
        String text = "";
        float score = 0;
        int type = NORMAL;
        while (buffer.hasRemaining()) {
            int tag = (int) varint(buffer);
            switch (tag) {
                case (1 << 3) | BYTES ->
                        text = StandardCharsets.UTF_8.newDecoder().decode(slice(buffer)).toString();
                case (2 << 3) | FIXED32 -> score = buffer.getFloat();
                case (3 << 3) | VARINT -> type = (int) varint(buffer);
                default -> skip(buffer, tag);
            }
        }
        return new Piece(text, score, type);
    }

    private void readTrainer(ByteBuffer buffer) {
        while (buffer.hasRemaining()) {
            int tag = (int) varint(buffer);
            switch (tag) {
                case (3 << 3) | VARINT -> modelType = (int) varint(buffer);
                case (35 << 3) | VARINT -> byteFallback = varint(buffer) != 0;
                default -> skip(buffer, tag);
            }
        }
    }

    private void readNormalizer(ByteBuffer buffer) {
        while (buffer.hasRemaining()) {
            int tag = (int) varint(buffer);
            switch (tag) {
                case (2 << 3) | BYTES -> normalizes = slice(buffer).hasRemaining();
                case (3 << 3) | VARINT -> addDummyPrefix = varint(buffer) != 0;
                case (4 << 3) | VARINT -> removeExtraWhitespaces = varint(buffer) != 0;
                default -> skip(buffer, tag);
            }
        }
    }

    private static long varint(ByteBuffer buffer) {
        long value = 0;
        for (int shift = 0; shift < 64; shift += 7) {
            byte b = buffer.get();
            value |= (b & 0x7FL) << shift;
            if (b >= 0) {
                return value;
            }
        }
        throw damaged(null);
    }

    private static ByteBuffer slice(ByteBuffer buffer) {
        long length = varint(buffer);
        if (length < 0 || length > buffer.remaining()) {
            throw new BufferUnderflowException();
        }
        ByteBuffer slice =
                buffer.slice(buffer.position(), (int) length).order(ByteOrder.LITTLE_ENDIAN);
        buffer.position(buffer.position() + (int) length);
        return slice;
    }

    private static void skip(ByteBuffer buffer, int tag) {
        switch (tag & 7) {
            case VARINT -> varint(buffer);
            case FIXED64 -> buffer.getLong();
            case BYTES -> slice(buffer);
            case FIXED32 -> buffer.getInt();
            default -> throw damaged(null);
        }
    }

    /** Returns the pieces in the order of their ids. */
    List<Piece> pieces() {
        return pieces;
    }

    /** Returns whether characters without a piece are encoded as bytes of UTF-8. */
    boolean byteFallback() {
        return byteFallback;
    }

    /** Returns whether a space is prepended to the text. */
    boolean addDummyPrefix() {
        return addDummyPrefix;
    }
}
