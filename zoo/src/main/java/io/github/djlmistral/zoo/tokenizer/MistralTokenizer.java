/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.tokenizer;

import com.google.gson.JsonElement;
import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import io.github.djlmistral.engine.internal.Quote;
import io.github.djlmistral.engine.internal.SmallFile;
import io.github.djlmistral.engine.internal.StrictJson;
import io.github.djlmistral.engine.weights.Gguf;
import io.github.djlmistral.engine.weights.GgufMetadata;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * The tokenizer of a checkpoint directory: the ids and texts of Hugging Face transformers.
 *
 * <p>Two kinds of files are about, and each goes with its own chat template: in older ("legacy")
 * ones every stretch of text behind a special token begins with "▁", in newer ones only the very
 * first. Which it is follows from {@code tokenizer.json}, or from {@code legacy} in {@code
 * tokenizer_config.json} where there is only a {@code tokenizer.model}.
 *
 * <p>Text is taken as Unicode: lone surrogates, and the noncharacters {@code U+FDD0} to {@code
 * U+FDEF}, which this class uses itself, are read as {@code U+FFFD}.
 *
 * <p>Thread-safe. {@link #close} waits for calls that are under way; later ones fail.
 *
 * <p>DJL's native tokenizer library is loaded in its CPU build and without telemetry; whoever wants
 * it otherwise sets {@code RUST_FLAVOR} or {@code OPT_OUT_TRACKING}, as an environment variable or
 * a system property.
 */
public final class MistralTokenizer implements AutoCloseable {

    /** Where SentencePiece models lie, first come first served. */
    private static final List<String> SENTENCE_PIECE_FILES =
            List.of("tokenizer.model", "tokenizer.model.v1", "tokenizer.model.v3");

    /** Limit for {@code tokenizer.json}; that of Mistral Small 3.1 has 17 MB. */
    private static final int LONGEST_JSON = 32 << 20;

    private static final Pattern BYTE = Pattern.compile("<0x[0-9A-F]{2}>");

    private final NativeTokenizer tokenizer;
    private final SpecialTokens specialTokens;
    private final String[] pieces;
    private final BitSet specialIds = new BitSet();
    private final BitSet byteIds = new BitSet();
    private final boolean byteFallback;
    private final Map<String, Integer> ids = new HashMap<>();
    private final @Nullable String bosToken;
    private final @Nullable String eosToken;
    private final @Nullable String unkToken;
    private final @Nullable String padToken;
    // Null where the post-processor of tokenizer.json decides.
    private final @Nullable Boolean addBos;
    private final boolean addEos;

    private MistralTokenizer(JsonObject root, TokenizerSettings settings) throws IOException {
        JsonObject model = TokenizerJson.model(root);
        settings.addTokensTo(root);
        TokenizerJson.check(root);
        root.add("truncation", JsonNull.INSTANCE);
        root.add("padding", JsonNull.INSTANCE);

        JsonObject vocabulary = model.getAsJsonObject("vocab");
        int size = 0;
        for (Map.Entry<String, JsonElement> entry : vocabulary.entrySet()) {
            int id = TokenizerJson.id(entry.getValue(), entry.getKey());
            ids.put(entry.getKey(), id);
            size = Math.max(size, id + 1);
        }
        for (JsonElement element : root.getAsJsonArray("added_tokens")) {
            JsonObject token = element.getAsJsonObject();
            String content = TokenizerJson.content(token);
            int id = TokenizerJson.id(token.get("id"), content);
            ids.put(content, id);
            size = Math.max(size, id + 1);
            specialIds.set(
                    id,
                    token.get("special") instanceof JsonPrimitive special
                            && special.getAsBoolean());
        }
        byteFallback =
                model.get("byte_fallback") instanceof JsonPrimitive flag && flag.getAsBoolean();
        pieces = new String[size];
        Arrays.fill(pieces, "");
        ids.forEach(
                (text, id) -> {
                    pieces[id] = text;
                    if (byteFallback && BYTE.matcher(text).matches() && !specialIds.get(id)) {
                        byteIds.set(id);
                    }
                });

        bosToken = checkedToken(settings, "bos_token", "<s>");
        eosToken = checkedToken(settings, "eos_token", "</s>");
        unkToken = settings.token("unk_token", known("<unk>"));
        padToken = settings.token("pad_token", null);
        Boolean bos = settings.flag("add_bos_token");
        Boolean eos = settings.flag("add_eos_token");
        boolean decided = bos != null || eos != null || root.get("post_processor") == null;
        decided |= root.get("post_processor") instanceof JsonNull;
        addBos = decided ? Boolean.valueOf(bos == null || bos) : null;
        addEos = eos != null && eos;

        specialTokens = new SpecialTokens(root);
        tokenizer = new NativeTokenizer(root.toString());
    }

    /**
     * Tells whether a checkpoint has a tokenizer at all.
     *
     * @param directory the directory of the checkpoint, or a GGUF file
     * @return whether one of the files that {@link #open} looks for is there
     * @throws IOException if a GGUF file is damaged or cannot be read
     */
    public static boolean isIn(Path directory) throws IOException {
        Optional<Path> gguf = Gguf.find(directory);
        if (gguf.isPresent()) {
            return new GgufTokenizer(GgufMetadata.read(gguf.get())).isSupported();
        }
        return Files.exists(directory.resolve("tokenizer.json"))
                || SENTENCE_PIECE_FILES.stream().map(directory::resolve).anyMatch(Files::exists);
    }

    /**
     * Opens the tokenizer of a checkpoint: {@code tokenizer.json}, or else one that is built from
     * {@code tokenizer.model} (also under Mistral's names {@code tokenizer.model.v1} and {@code
     * .v3}). {@code tokenizer_config.json}, {@code special_tokens_map.json} and {@code
     * added_tokens.json} are heeded where they are there. Of a GGUF file it is built from the
     * metadata.
     *
     * @param directory the directory of the checkpoint, or a GGUF file
     * @return the tokenizer, to be closed by the caller
     * @throws IOException if there is none, or a file is damaged or of an unsupported kind; the
     *     message names the file and what to do
     */
    public static MistralTokenizer open(Path directory) throws IOException {
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
        for (String name : SENTENCE_PIECE_FILES) {
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
                        + String.join(", ", SENTENCE_PIECE_FILES)
                        + "; download one of them from where the checkpoint comes from");
    }

    /** Makes the content of a {@code tokenizer.json}. */
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

    private @Nullable String known(String token) {
        return ids.containsKey(token) ? token : null;
    }

    private @Nullable String checkedToken(
            TokenizerSettings settings, String role, String fallback) {
        String token = settings.token(role, known(fallback));
        if (token != null && !ids.containsKey(token)) {
            throw new IllegalArgumentException(
                    "the settings name "
                            + Quote.of(token)
                            + " as "
                            + role
                            + ", but the vocabulary does not hold it: are the tokenizer's files of"
                            + " one checkpoint?");
        }
        return token;
    }

    /**
     * Returns the ids of a text; special tokens that it spells, such as {@code <s>}, become those
     * tokens. For text that a user typed see {@link #encodePlain}.
     *
     * @param text the text
     * @param addSpecialTokens whether to add what the checkpoint wants around a text: {@code <s>}
     *     in front
     * @return the ids
     * @throws IllegalStateException if the tokenizer is closed
     */
    public long[] encode(String text, boolean addSpecialTokens) {
        return encodeMarked(specialTokens.mark(SpecialTokens.clean(text)), addSpecialTokens);
    }

    /**
     * Returns the ids of a text, in which a spelled special token is just letters.
     *
     * @param text the text
     * @param addSpecialTokens as in {@link #encode}
     * @return the ids
     * @throws IllegalStateException if the tokenizer is closed
     */
    public long[] encodePlain(String text, boolean addSpecialTokens) {
        return encodeMarked(SpecialTokens.clean(text), addSpecialTokens);
    }

    /**
     * Quotes a text that is to become a part of a larger one: no special token that it spells,
     * alone or together with the text around it, will be recognised by {@link #encodeQuoted}.
     * Letters, their order, and white space at both ends stay as they are.
     *
     * @param text the part
     * @return the part with invisible marks in it, which only {@link #encodeQuoted} understands
     */
    public String quote(String text) {
        return specialTokens.quote(SpecialTokens.clean(text));
    }

    /**
     * Returns the ids of a text of which some parts are {@linkplain #quote quoted}. Special tokens
     * that the other parts spell are recognised, and none is added.
     *
     * @param text the text, valid Unicode but for the marks of its quoted parts
     * @return the ids
     * @throws IllegalStateException if the tokenizer is closed
     */
    public long[] encodeQuoted(String text) {
        return tokenizer.encode(specialTokens.mark(text), false);
    }

    private long[] encodeMarked(String text, boolean addSpecialTokens) {
        Boolean bos = addBos;
        if (!addSpecialTokens || bos == null) {
            return tokenizer.encode(text, addSpecialTokens);
        }
        long[] body = tokenizer.encode(text, false);
        int before = bos && bosToken != null ? 1 : 0;
        int after = addEos && eosToken != null ? 1 : 0;
        long[] encoded = new long[before + body.length + after];
        System.arraycopy(body, 0, encoded, before, body.length);
        if (before > 0) {
            encoded[0] = bosTokenId();
        }
        if (after > 0) {
            encoded[encoded.length - 1] = eosTokenId();
        }
        return encoded;
    }

    /**
     * Returns the text of ids. Bytes that make no UTF-8 become U+FFFD.
     *
     * @param ids the ids
     * @param skipSpecialTokens whether to leave special tokens out
     * @return the text
     * @throws IllegalArgumentException if an id is not in the vocabulary
     * @throws IllegalStateException if the tokenizer is closed
     */
    public String decode(long[] ids, boolean skipSpecialTokens) {
        for (long id : ids) {
            check(id);
        }
        return specialTokens.restore(tokenizer.decode(ids, skipSpecialTokens));
    }

    /**
     * Returns a detokenizer for one text that comes id by id.
     *
     * @param skipSpecialTokens whether to leave special tokens out
     * @return a new detokenizer
     */
    public Detokenizer newDetokenizer(boolean skipSpecialTokens) {
        return new Detokenizer(this, skipSpecialTokens);
    }

    /**
     * Returns the piece of an id as the vocabulary spells it, such as "▁Hello", "&lt;0x0A&gt;" or
     * "&lt;s&gt;".
     *
     * @param id the id
     * @return the piece
     * @throws IllegalArgumentException if the id is not in the vocabulary
     */
    public String token(long id) {
        check(id);
        return pieces[(int) id];
    }

    /**
     * Returns the pieces of ids, see {@link #token}.
     *
     * @param ids the ids
     * @return the pieces, one for each id
     * @throws IllegalArgumentException if an id is not in the vocabulary
     */
    public List<String> tokens(long[] ids) {
        List<String> tokens = new ArrayList<>(ids.length);
        for (long id : ids) {
            tokens.add(token(id));
        }
        return List.copyOf(tokens);
    }

    /**
     * Returns the token that begins a text.
     *
     * @return its spelling, usually {@code <s>}; null if there is none
     */
    public @Nullable String bosToken() {
        return bosToken;
    }

    /**
     * Returns the token that ends a text.
     *
     * @return its spelling, usually {@code </s>}; null if there is none
     */
    public @Nullable String eosToken() {
        return eosToken;
    }

    /**
     * Returns the token of what the vocabulary cannot express.
     *
     * @return its spelling, usually {@code <unk>}; null if there is none
     */
    public @Nullable String unkToken() {
        return unkToken;
    }

    /**
     * Returns the token that fills up shorter texts of a batch.
     *
     * @return its spelling; null if there is none, as in Mistral's own checkpoints
     */
    public @Nullable String padToken() {
        return padToken;
    }

    /**
     * Returns the id of {@link #bosToken}.
     *
     * @return the id, -1 if there is none
     */
    public long bosTokenId() {
        return id(bosToken);
    }

    /**
     * Returns the id of {@link #eosToken}.
     *
     * @return the id, -1 if there is none
     */
    public long eosTokenId() {
        return id(eosToken);
    }

    /**
     * Returns the id of {@link #unkToken}.
     *
     * @return the id, -1 if there is none
     */
    public long unkTokenId() {
        return id(unkToken);
    }

    /**
     * Returns the id of {@link #padToken}.
     *
     * @return the id, -1 if there is none
     */
    public long padTokenId() {
        return id(padToken);
    }

    private long id(@Nullable String token) {
        return token == null ? -1 : ids.getOrDefault(token, -1);
    }

    /**
     * Returns the size of the vocabulary with its added tokens. A model's {@code vocab_size} may be
     * larger, never smaller.
     *
     * @return one more than the highest id
     */
    public int vocabularySize() {
        return pieces.length;
    }

    /** Frees the native tokenizer. Further calls of this method do nothing. */
    @Override
    public void close() {
        tokenizer.close();
    }

    void check(long id) {
        if (id < 0 || id >= pieces.length) {
            throw new IllegalArgumentException(
                    "id " + id + " is not in the vocabulary of " + pieces.length + " tokens");
        }
    }

    boolean isSpecial(long id) {
        return specialIds.get((int) id);
    }

    boolean isByte(long id) {
        return byteIds.get((int) id);
    }

    boolean hasByteFallback() {
        return byteFallback;
    }
}
