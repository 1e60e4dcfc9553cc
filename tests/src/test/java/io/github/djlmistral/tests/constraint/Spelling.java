/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.constraint;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import io.github.djlmistral.engine.constraint.TokenVocabulary;
import io.github.djlmistral.tests.tokenizer.ReferenceTokenizers;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/**
 * Ways to write texts with the tokens of a vocabulary.
 *
 * @param vocabulary the tokens
 * @param ways the sequences of tokens that are tried for a text
 */
public record Spelling(TokenVocabulary vocabulary, Function<String, List<int[]>> ways) {

    /** Single bytes; the end is token 256. */
    public static final Spelling BYTES = bytes();

    private static Spelling bytes() {
        List<byte @Nullable []> pieces = new ArrayList<>();
        for (int i = 0; i < 256; i++) {
            pieces.add(new byte[] {(byte) i});
        }
        pieces.add(null);
        return new Spelling(TokenVocabulary.of(pieces, 256), text -> List.of(codes(text)));
    }

    private static int[] codes(String text) {
        byte[] bytes = text.getBytes(UTF_8);
        return IntStream.range(0, bytes.length).map(i -> bytes[i] & 0xff).toArray();
    }

    /** The tokenizer of Mistral 7B v0.3 with 32,768 tokens. */
    public static MistralTokenizer published(Path emptyDirectory) throws IOException {
        Path model = ReferenceTokenizers.path("tokenizer/tokenizer.model.v3");
        return ReferenceTokenizers.fromModel(model, false, emptyDirectory);
    }

    /** The tokens of a tokenizer: as it splits a text itself, as bytes, and split at random. */
    public static Spelling of(MistralTokenizer tokenizer) {
        Map<String, Integer> ids = new HashMap<>();
        int[] bytes = new int[256];
        int longest = 0;
        for (int id = 3; id < tokenizer.vocabularySize(); id++) {
            String token = tokenizer.token(id);
            if (token.matches("<0x[0-9A-F]{2}>")) {
                int code = Integer.parseInt(token.substring(3, 5), 16);
                bytes[code] = id;
                ids.put(Character.toString(code), id);
            } else {
                byte[] piece = token.replace('▁', ' ').getBytes(UTF_8);
                ids.put(new String(piece, ISO_8859_1), id);
                longest = Math.max(longest, piece.length);
            }
        }
        int most = longest;
        return new Spelling(
                tokenizer.tokenVocabulary(),
                text -> {
                    List<int[]> ways = new ArrayList<>();
                    long[] own = tokenizer.encodePlain(text, false);
                    // what is no text, such as half a surrogate pair, is replaced
                    if (tokenizer.decode(own, true).equals(text)) {
                        ways.add(Arrays.stream(own).mapToInt(Math::toIntExact).toArray());
                    }
                    ways.add(Arrays.stream(codes(text)).map(code -> bytes[code]).toArray());
                    ways.add(split(text, ids, most, new Random(text.hashCode())));
                    return ways;
                });
    }

    /** Splits a text at random; pieces are looked up with a character for each byte. */
    private static int[] split(String text, Map<String, Integer> ids, int longest, Random random) {
        String bytes = new String(text.getBytes(UTF_8), ISO_8859_1);
        IntStream.Builder tokens = IntStream.builder();
        for (int from = 0; from < bytes.length(); ) {
            List<String> fitting = new ArrayList<>();
            for (int to = from + 1; to <= Math.min(from + longest, bytes.length()); to++) {
                String piece = bytes.substring(from, to);
                if (ids.containsKey(piece)) {
                    fitting.add(piece);
                }
            }
            String piece = fitting.get(random.nextInt(fitting.size()));
            tokens.add(ids.getOrDefault(piece, -1));
            from += piece.length();
        }
        return tokens.build().toArray();
    }
}
