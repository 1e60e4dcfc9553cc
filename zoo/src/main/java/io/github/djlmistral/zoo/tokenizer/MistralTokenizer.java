/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.tokenizer;

import com.google.gson.JsonNull;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.constraint.TokenVocabulary;
import io.github.djlmistral.engine.internal.Quote;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * The tokenizer of a checkpoint. Encodes and decodes as Hugging Face transformers does.
 *
 * <p>There are two variants of Mistral tokenizers, each with matching chat templates. Legacy
 * tokenizers prepend "▁" to every segment of text between special tokens; newer ones prepend it to
 * the first segment only. {@code tokenizer.json} determines the variant, or, if there is only a
 * {@code tokenizer.model}, {@code legacy} in {@code tokenizer_config.json}.
 *
 * <p>Unpaired surrogates are replaced by {@code U+FFFD}, and so are the noncharacters {@code
 * U+FDD0} to {@code U+FDEF}, which are used internally.
 *
 * <p>Thread-safe. {@link #close} waits for calls in progress; later calls fail.
 *
 * <p>DJL's native tokenizer library is loaded in its CPU build and without telemetry, unless {@code
 * RUST_FLAVOR} or {@code OPT_OUT_TRACKING} is set as an environment variable or a system property.
 */
public final class MistralTokenizer implements AutoCloseable {

    private final NativeTokenizer tokenizer;
    private final SpecialTokens specialTokens;
    private final Vocabulary vocabulary;
    private final @Nullable String bosToken;
    private final @Nullable String eosToken;
    private final @Nullable String unkToken;
    private final @Nullable String padToken;
    // null if the post-processor of tokenizer.json decides
    private final @Nullable Boolean addBos;
    private final boolean addEos;
    private final TokenBytes tokenBytes;
    private volatile @Nullable TokenVocabulary tokenVocabulary;

    /**
     * Makes the tokenizer of a {@code tokenizer.json}.
     *
     * @param root its content, changed here
     * @param settings the settings of the checkpoint
     * @throws IllegalArgumentException if they are damaged or unsupported, or do not fit together
     */
    MistralTokenizer(JsonObject root, TokenizerSettings settings) throws IOException {
        TokenizerJson.model(root); // adds a missing list of added tokens
        settings.addTokensTo(root);
        TokenizerJson.check(root);
        root.add("truncation", JsonNull.INSTANCE);
        root.add("padding", JsonNull.INSTANCE);

        vocabulary = new Vocabulary(root);
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

        tokenBytes = new TokenBytes(root, vocabulary);
        specialTokens = new SpecialTokens(root);
        tokenizer = new NativeTokenizer(root.toString());
    }

    /**
     * Returns whether a checkpoint has a tokenizer.
     *
     * @param directory the directory of the checkpoint, or a GGUF file
     * @return whether one of the files that {@link #open} reads exists
     * @throws IOException if a GGUF file is damaged or cannot be read
     */
    public static boolean isIn(Path directory) throws IOException {
        return TokenizerFiles.areIn(directory);
    }

    /**
     * Opens the tokenizer of a checkpoint: {@code tokenizer.json}, or else a tokenizer converted
     * from {@code tokenizer.model} (or, under Mistral's names, {@code tokenizer.model.v1} or {@code
     * .v3}), or from the metadata of a GGUF file. Settings come from {@code tokenizer_config.json},
     * {@code special_tokens_map.json} and {@code added_tokens.json}, if they exist.
     *
     * @param directory the directory of the checkpoint, or a GGUF file
     * @return the tokenizer, to be closed by the caller
     * @throws IOException if there is none, or a file is damaged or unsupported; the message names
     *     the file and the remedy
     */
    public static MistralTokenizer open(Path directory) throws IOException {
        return TokenizerFiles.open(directory);
    }

    private @Nullable String known(String token) {
        return vocabulary.contains(token) ? token : null;
    }

    private @Nullable String checkedToken(
            TokenizerSettings settings, String role, String fallback) {
        String token = settings.token(role, known(fallback));
        if (token != null && !vocabulary.contains(token)) {
            throw new IllegalArgumentException(
                    "the settings name "
                            + Quote.of(token)
                            + " as "
                            + role
                            + ", but the vocabulary does not contain it: do the tokenizer's files"
                            + " belong to one checkpoint?");
        }
        return token;
    }

    /**
     * Encodes a text in which spellings of special tokens, such as {@code <s>}, denote these
     * tokens. For untrusted text use {@link #encodePlain}.
     *
     * @param text the text
     * @param addSpecialTokens whether to add the special tokens of the checkpoint, usually {@code
     *     <s>} at the beginning
     * @return token ids
     * @throws IllegalStateException if the tokenizer is closed
     */
    public long[] encode(String text, boolean addSpecialTokens) {
        return encodeMarked(specialTokens.mark(SpecialTokens.clean(text)), addSpecialTokens);
    }

    /**
     * Encodes a text in which spellings of special tokens are ordinary text.
     *
     * @param text the text
     * @param addSpecialTokens as in {@link #encode}
     * @return token ids
     * @throws IllegalStateException if the tokenizer is closed
     */
    public long[] encodePlain(String text, boolean addSpecialTokens) {
        return encodeMarked(SpecialTokens.clean(text), addSpecialTokens);
    }

    /**
     * Quotes a text that is inserted into a larger one, such as a message in a prompt: {@link
     * #encodeQuoted} recognizes no special token in it, nor across its ends. Its characters are
     * unchanged, including leading and trailing white space.
     *
     * @param text the text
     * @return the text with invisible marks, which only {@link #encodeQuoted} understands
     */
    public String quote(String text) {
        return specialTokens.quote(SpecialTokens.clean(text));
    }

    /**
     * Encodes a text with {@linkplain #quote quoted} parts. Special tokens are recognized in the
     * other parts; none are added.
     *
     * @param text the text, valid Unicode except for the marks of its quoted parts
     * @return token ids
     * @throws IllegalStateException if the tokenizer is closed
     */
    public long[] encodeQuoted(String text) {
        return tokenizer.encode(specialTokens.mark(text), false);
    }

    /**
     * Encodes a text as {@link #encodeQuoted}, and tells which characters each token is made of.
     *
     * @param text as for {@link #encodeQuoted}
     * @return token ids, with offsets in the text without the marks of its quoted parts
     * @throws IllegalStateException if the tokenizer is closed
     */
    public EncodedText encodeQuotedWithOffsets(String text) {
        String marked = specialTokens.mark(text);
        return tokenizer.encodeWithOffsets(marked, false).mapped(specialTokens.origins(marked));
    }

    /**
     * Encodes a text as {@link #encodePlain}, and tells which characters each token is made of.
     *
     * @param text the text
     * @param addSpecialTokens as in {@link #encode}
     * @return token ids with offsets
     * @throws IllegalStateException if the tokenizer is closed
     */
    public EncodedText encodeWithOffsets(String text, boolean addSpecialTokens) {
        String cleaned = SpecialTokens.clean(text); // of the same length
        if (!addSpecialTokens || addBos == null) {
            return tokenizer.encodeWithOffsets(cleaned, addSpecialTokens);
        }
        return tokenizer.encodeWithOffsets(cleaned, false).surrounded(before(), after());
    }

    private long[] encodeMarked(String text, boolean addSpecialTokens) {
        if (!addSpecialTokens || addBos == null) {
            return tokenizer.encode(text, addSpecialTokens);
        }
        long[] body = tokenizer.encode(text, false);
        return Stream.of(before(), body, after()).flatMapToLong(LongStream::of).toArray();
    }

    private long[] before() {
        return addBos != null && addBos && bosToken != null
                ? new long[] {bosTokenId()}
                : new long[0];
    }

    private long[] after() {
        return addEos && eosToken != null ? new long[] {eosTokenId()} : new long[0];
    }

    /**
     * Decodes token ids. Invalid UTF-8 becomes U+FFFD.
     *
     * @param ids token ids
     * @param skipSpecialTokens whether to omit special tokens
     * @return the text
     * @throws IllegalArgumentException if an id is not in the vocabulary
     * @throws IllegalStateException if the tokenizer is closed
     */
    public String decode(long[] ids, boolean skipSpecialTokens) {
        for (long id : ids) {
            vocabulary.check(id);
        }
        return specialTokens.restore(tokenizer.decode(ids, skipSpecialTokens));
    }

    /**
     * Creates an incremental detokenizer for one text.
     *
     * @param skipSpecialTokens whether to omit special tokens
     * @return a new detokenizer
     */
    public Detokenizer newDetokenizer(boolean skipSpecialTokens) {
        return new Detokenizer(this, skipSpecialTokens);
    }

    /**
     * Returns the token of an id in the vocabulary, such as "▁Hello", "&lt;0x0A&gt;" or
     * "&lt;s&gt;".
     *
     * @param id the id
     * @return the token
     * @throws IllegalArgumentException if the id is not in the vocabulary
     */
    public String token(long id) {
        return vocabulary.token(id);
    }

    /**
     * Returns the bytes that a token adds in the middle of a text.
     *
     * @param id the id
     * @return bytes of UTF-8, not always of whole characters; null for a special token, and for an
     *     id without a token
     * @throws IllegalArgumentException if the id is not in the vocabulary
     */
    public byte @Nullable [] bytes(long id) {
        vocabulary.check(id);
        return tokenBytes.of((int) id);
    }

    /**
     * Returns the tokens of ids, see {@link #token}.
     *
     * @param ids the ids
     * @return the tokens, one for each id
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
     * Returns the beginning-of-sequence token.
     *
     * @return its text, usually {@code <s>}; null if there is none
     */
    public @Nullable String bosToken() {
        return bosToken;
    }

    /**
     * Returns the end-of-sequence token.
     *
     * @return its text, usually {@code </s>}; null if there is none
     */
    public @Nullable String eosToken() {
        return eosToken;
    }

    /**
     * Returns the token for text that the vocabulary cannot represent.
     *
     * @return its text, usually {@code <unk>}; null if there is none
     */
    public @Nullable String unkToken() {
        return unkToken;
    }

    /**
     * Returns the padding token.
     *
     * @return its text; null if there is none, as in Mistral's own checkpoints
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
        return vocabulary.id(bosToken);
    }

    /**
     * Returns the id of {@link #eosToken}.
     *
     * @return the id, -1 if there is none
     */
    public long eosTokenId() {
        return vocabulary.id(eosToken);
    }

    /**
     * Returns the id of {@link #unkToken}.
     *
     * @return the id, -1 if there is none
     */
    public long unkTokenId() {
        return vocabulary.id(unkToken);
    }

    /**
     * Returns the id of {@link #padToken}.
     *
     * @return the id, -1 if there is none
     */
    public long padTokenId() {
        return vocabulary.id(padToken);
    }

    /**
     * Returns the size of the vocabulary, including added tokens. The model's {@code vocab_size} is
     * at least as large.
     *
     * @return one more than the highest id
     */
    public int vocabularySize() {
        return vocabulary.size();
    }

    /**
     * Returns the bytes of all tokens, for constraints on the generated text. Special tokens have
     * none.
     *
     * @return the vocabulary; its end is the end-of-sequence token, if there is one
     * @throws IllegalStateException if the tokenizer is closed
     */
    public TokenVocabulary tokenVocabulary() {
        TokenVocabulary known = tokenVocabulary;
        if (known == null) {
            known = newTokenVocabulary();
            tokenVocabulary = known;
        }
        return known;
    }

    private TokenVocabulary newTokenVocabulary() {
        List<byte @Nullable []> pieces = new ArrayList<>();
        int spaced = -1;
        for (int id = 0; id < vocabularySize(); ++id) {
            boolean control = id == bosTokenId() || id == unkTokenId() || id == padTokenId();
            byte[] piece = control ? null : tokenBytes.of(id);
            pieces.add(piece);
            if (piece != null && piece.length > 1 && piece[0] == ' ' && piece[1] > ' ') {
                spaced = id;
            }
        }
        int eos = (int) eosTokenId();
        TokenVocabulary result = TokenVocabulary.of(pieces, eos < 0 ? new int[0] : new int[] {eos});
        boolean drops = spaced >= 0 && !decode(new long[] {spaced}, true).startsWith(" ");
        return drops ? result.withoutFirstSpace() : result;
    }

    /** Frees the native tokenizer. Further calls have no effect. */
    @Override
    public void close() {
        tokenizer.close();
    }

    Vocabulary vocabulary() {
        return vocabulary;
    }
}
