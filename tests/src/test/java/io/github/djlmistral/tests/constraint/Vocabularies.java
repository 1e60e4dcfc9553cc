/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.constraint;

import static java.nio.charset.StandardCharsets.UTF_8;

import io.github.djlmistral.engine.constraint.CompiledGrammar;
import io.github.djlmistral.engine.constraint.Constraint;
import io.github.djlmistral.engine.constraint.Grammar;
import io.github.djlmistral.engine.constraint.TokenVocabulary;
import java.io.ByteArrayOutputStream;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.jspecify.annotations.Nullable;

/** A small vocabulary shaped as SentencePiece's, and texts made of its tokens. */
final class Vocabularies {

    static final int END = 2;

    /** Control tokens, the 256 bytes, and pieces that cross the borders of JSON's terminals. */
    static final List<byte @Nullable []> PIECES = pieces();

    /** By first byte: the tokens that begin with it, ascending; an end begins with none. */
    private static final Map<Byte, List<Integer>> BY_FIRST_BYTE =
            IntStream.range(0, PIECES.size())
                    .filter(token -> token != END && PIECES.get(token) != null)
                    .boxed()
                    .collect(Collectors.groupingBy(token -> PIECES.get(token)[0]));

    static final TokenVocabulary SMALL = TokenVocabulary.of(PIECES, END);

    private Vocabularies() {}

    private static List<byte @Nullable []> pieces() {
        List<byte @Nullable []> pieces = new ArrayList<>();
        pieces.add(null);
        pieces.add(null);
        pieces.add("</s>".getBytes(UTF_8));
        for (int b = 0; b < 256; b++) {
            pieces.add(new byte[] {(byte) b});
        }
        String texts =
                "a b c e x 0 1 12 00 . - { } [ ] \" : , \\ ab abc bc true false null tr ue \"a \": "
                        + "\",\" \"} }, ], [{ [[ ]] 1, 1] -0 .5 e+ \"\" \\\" \\u é ü ßé 日 日本 😀 ué () )( +1";
        for (String text : texts.split(" ", -1)) {
            pieces.add(text.getBytes(UTF_8));
        }
        for (String text : new String[] {" ", "  ", " a", " \"", " {", "\n", ", \"", ": "}) {
            pieces.add(text.getBytes(UTF_8));
        }
        // The first and last bytes of characters, as byte-level vocabularies have them.
        pieces.add(new byte[] {'a', (byte) 0xC3});
        pieces.add(new byte[] {(byte) 0xA9, 'b'});
        pieces.add(new byte[] {(byte) 0xE6, (byte) 0x97});
        return pieces;
    }

    /** Returns whether bit {@code token} is set. */
    static boolean has(long[] mask, int token) {
        return (mask[token >>> 6] >>> token & 1) != 0;
    }

    /** Returns whether a text, split into tokens at random, is accepted. */
    static boolean matches(Constraint constraint, String text) {
        for (int token : tokenize(text.getBytes(UTF_8), new Random(text.hashCode()))) {
            if (!constraint.accepts(token)) {
                return false;
            }
            constraint.advance(token);
        }
        return constraint.mayEnd();
    }

    static boolean matches(Grammar grammar, String text) {
        return matches(CompiledGrammar.of(grammar, SMALL).start(), text);
    }

    /** Quotation marks and line feeds, which lists of parameters write otherwise. */
    static String source(String text) {
        return text.replace('\'', '"').replace('⏎', '\n');
    }

    /** Walks under the mask to an end, with short texts preferred after {@code length} tokens. */
    static @Nullable String walk(Constraint constraint, Random random, int length) {
        ByteArrayOutputStream text = new ByteArrayOutputStream();
        for (int step = 0; step < 20 * length; step++) {
            boolean enough = step >= length || random.nextInt(4) == 0;
            if (constraint.mustEnd() || (constraint.mayEnd() && enough)) {
                return text.toString(UTF_8);
            }
            long[] mask = constraint.mask();
            List<Integer> allowed = new ArrayList<>();
            for (int token = 0; token < PIECES.size(); token++) {
                if (token != END && has(mask, token)) {
                    allowed.add(token);
                }
            }
            int token = allowed.get(random.nextInt(allowed.size()));
            constraint.advance(token);
            text.writeBytes(PIECES.get(token));
        }
        return null;
    }

    /** Splits a text into tokens at random. */
    static List<Integer> tokenize(byte[] text, Random random) {
        List<Integer> tokens = new ArrayList<>();
        for (int from = 0; from < text.length; ) {
            List<Integer> fitting = new ArrayList<>();
            for (int token : BY_FIRST_BYTE.get(text[from])) {
                byte[] piece = PIECES.get(token);
                if (from + piece.length <= text.length
                        && Arrays.equals(piece, 0, piece.length, text, from, from + piece.length)) {
                    fitting.add(token);
                }
            }
            int token = fitting.get(random.nextInt(fitting.size()));
            tokens.add(token);
            from += PIECES.get(token).length;
        }
        return tokens;
    }
}
