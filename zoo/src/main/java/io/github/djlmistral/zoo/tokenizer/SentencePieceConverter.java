/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.tokenizer;

import static io.github.djlmistral.zoo.tokenizer.SentencePieceModel.CONTROL;
import static io.github.djlmistral.zoo.tokenizer.SentencePieceModel.NORMAL;
import static io.github.djlmistral.zoo.tokenizer.SentencePieceModel.UNKNOWN;
import static io.github.djlmistral.zoo.tokenizer.SentencePieceModel.USER_DEFINED;

import com.google.gson.JsonArray;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import io.github.djlmistral.zoo.tokenizer.SentencePieceModel.Piece;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/**
 * Converts a SentencePiece model to an equivalent {@code tokenizer.json}, like {@code
 * LlamaConverter} in Hugging Face transformers.
 */
final class SentencePieceConverter {

    /** Limit for merges, which bounds the memory; Mistral 7B has 58,980. */
    private static final int MOST_MERGES = 1 << 19;

    private final SentencePieceModel model;

    private SentencePieceConverter(SentencePieceModel model) {
        this.model = model;
    }

    /**
     * Converts a model.
     *
     * @param model the model
     * @param legacy whether to prepend "▁" to every segment of text between special tokens, instead
     *     of the first segment only
     * @return the content of the {@code tokenizer.json}
     */
    static JsonObject toTokenizerJson(SentencePieceModel model, boolean legacy) {
        return new SentencePieceConverter(model).convert(legacy);
    }

    private JsonObject convert(boolean legacy) {
        JsonObject root = new JsonObject();
        root.addProperty("version", "1.0");
        root.add("added_tokens", addedTokens());
        root.add("normalizer", legacy ? legacyNormalizer() : JsonNull.INSTANCE);
        root.add("pre_tokenizer", legacy ? JsonNull.INSTANCE : metaspace());
        root.add("post_processor", JsonNull.INSTANCE);
        root.add("decoder", decoder());
        root.add("model", bpe());
        return root;
    }

    private JsonArray addedTokens() {
        JsonArray tokens = new JsonArray();
        for (int id = 0; id < model.pieces().size(); id++) {
            Piece piece = model.pieces().get(id);
            if (piece.type() == UNKNOWN
                    || piece.type() == CONTROL
                    || piece.type() == USER_DEFINED) {
                tokens.add(addedToken(id, piece.text(), piece.type() != USER_DEFINED));
            }
        }
        return tokens;
    }

    static JsonObject addedToken(int id, String text, boolean special) {
        JsonObject token = new JsonObject();
        token.addProperty("id", id);
        token.addProperty("content", text);
        token.addProperty("single_word", false);
        token.addProperty("lstrip", false);
        token.addProperty("rstrip", false);
        token.addProperty("normalized", false);
        token.addProperty("special", special);
        return token;
    }

    private JsonObject legacyNormalizer() {
        JsonArray steps = new JsonArray();
        if (model.addDummyPrefix()) {
            JsonObject prepend = typed("Prepend");
            prepend.addProperty("prepend", "▁");
            steps.add(prepend);
        }
        steps.add(replace(" ", "▁"));
        JsonObject sequence = typed("Sequence");
        sequence.add("normalizers", steps);
        return sequence;
    }

    private JsonObject metaspace() {
        JsonObject metaspace = typed("Metaspace");
        metaspace.addProperty("replacement", "▁");
        metaspace.addProperty("prepend_scheme", model.addDummyPrefix() ? "first" : "never");
        metaspace.addProperty("split", false);
        return metaspace;
    }

    private JsonObject decoder() {
        JsonArray steps = new JsonArray();
        steps.add(replace("▁", " "));
        steps.add(typed("ByteFallback"));
        steps.add(typed("Fuse"));
        if (model.addDummyPrefix()) {
            JsonObject strip = typed("Strip");
            strip.addProperty("content", " ");
            strip.addProperty("start", 1);
            strip.addProperty("stop", 0);
            steps.add(strip);
        }
        JsonObject sequence = typed("Sequence");
        sequence.add("decoders", steps);
        return sequence;
    }

    private static JsonObject replace(String from, String to) {
        JsonObject pattern = new JsonObject();
        pattern.addProperty("String", from);
        JsonObject replace = typed("Replace");
        replace.add("pattern", pattern);
        replace.addProperty("content", to);
        return replace;
    }

    private static JsonObject typed(String type) {
        JsonObject object = new JsonObject();
        object.addProperty("type", type);
        return object;
    }

    private JsonObject bpe() {
        JsonObject vocabulary = new JsonObject();
        Map<String, Integer> parts = new HashMap<>();
        JsonObject bpe = typed("BPE");
        for (int id = 0; id < model.pieces().size(); id++) {
            Piece piece = model.pieces().get(id);
            vocabulary.addProperty(piece.text(), id);
            if (piece.type() == NORMAL) {
                parts.put(piece.text(), id);
            } else if (piece.type() == UNKNOWN) {
                bpe.addProperty("unk_token", piece.text());
            }
        }
        bpe.add("dropout", JsonNull.INSTANCE);
        bpe.addProperty("fuse_unk", true);
        bpe.addProperty("byte_fallback", model.byteFallback());
        bpe.add("vocab", vocabulary);
        bpe.add("merges", merges(parts));
        return bpe;
    }

    private record Merge(String left, String right, int leftId, int rightId, float score) {}

    /** Returns all pairs of pieces that merge into a piece, by descending score of the result. */
    private JsonArray merges(Map<String, Integer> parts) {
        List<Merge> merges = new ArrayList<>();
        for (Piece piece : model.pieces()) {
            String text = piece.text();
            if (piece.type() != NORMAL) {
                continue;
            }
            for (int cut = 1; cut < text.length(); cut++) {
                if (Character.isLowSurrogate(text.charAt(cut))) {
                    continue;
                }
                Integer left = parts.get(text.substring(0, cut));
                Integer right = left == null ? null : parts.get(text.substring(cut));
                if (left != null && right != null) {
                    if (merges.size() == MOST_MERGES) {
                        throw new IllegalArgumentException(
                                "it has more than " + MOST_MERGES + " merges");
                    }
                    // the strings of the pieces instead of copies, to save memory
                    merges.add(
                            new Merge(
                                    model.pieces().get(left).text(),
                                    model.pieces().get(right).text(),
                                    left,
                                    right,
                                    piece.score()));
                }
            }
        }
        merges.sort(
                Comparator.comparingDouble((Merge m) -> -m.score())
                        .thenComparingInt(m -> -m.left().length())
                        .thenComparingInt(m -> -m.right().length())
                        .thenComparingInt(Merge::leftId)
                        .thenComparingInt(Merge::rightId));
        JsonArray json = new JsonArray(merges.size());
        for (Merge merge : merges) {
            JsonArray pair = new JsonArray(2);
            pair.add(merge.left());
            pair.add(merge.right());
            json.add(pair);
        }
        return json;
    }
}
