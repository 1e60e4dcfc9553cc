/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.tokenizer;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * The bytes that a token adds to a decoded text. SentencePiece writes a space as U+2581 and single
 * bytes as {@code <0x0A>}; byte-level BPE writes each byte as a printable character, GPT-2's table.
 */
final class TokenBytes {

    private static final char SPACE = '\u2581';

    /** The characters of GPT-2's table above Latin-1 begin here. */
    private static final int FIRST_MAPPED = 0x100;

    private final Vocabulary vocabulary;
    private final byte @Nullable [] byteOf;

    /**
     * Makes the table of a tokenizer.
     *
     * @param root its {@code tokenizer.json}
     * @param vocabulary its tokens
     */
    TokenBytes(JsonObject root, Vocabulary vocabulary) {
        this.vocabulary = vocabulary;
        byteOf = isByteLevel(root.get("decoder")) ? byteLevel() : null;
    }

    private static boolean isByteLevel(@Nullable JsonElement decoder) {
        if (!(decoder instanceof JsonObject object)) {
            return false;
        }
        if (object.get("decoders") instanceof JsonArray parts) {
            return parts.asList().stream().anyMatch(TokenBytes::isByteLevel);
        }
        JsonElement type = object.get("type");
        return type != null && type.getAsString().equals("ByteLevel");
    }

    /** Printable bytes are themselves, the others follow in order from U+0100. */
    private static byte[] byteLevel() {
        byte[] bytes = new byte[FIRST_MAPPED + 0x44];
        int next = FIRST_MAPPED;
        for (int b = 0; b < 256; ++b) {
            boolean printable =
                    (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || (b >= 0xAE && b <= 0xFF);
            bytes[printable ? b : next++] = (byte) b;
        }
        return bytes;
    }

    /**
     * Returns the bytes of a token in the middle of a text.
     *
     * @param id the token
     * @return its bytes; null for a special token, and for an id without a token
     */
    byte @Nullable [] of(int id) {
        String token = vocabulary.token(id);
        if (vocabulary.isSpecial(id) || token.isEmpty()) {
            return null;
        }
        if (vocabulary.isByte(id)) {
            return new byte[] {(byte) Integer.parseInt(token.substring(3, 5), 16)};
        }
        if (byteOf == null) {
            return token.replace(SPACE, ' ').getBytes(StandardCharsets.UTF_8);
        }
        byte[] bytes = new byte[token.length()];
        for (int i = 0; i < bytes.length; ++i) {
            char c = token.charAt(i);
            if (c >= byteOf.length || (byteOf[c] == 0 && c != FIRST_MAPPED)) {
                return token.getBytes(StandardCharsets.UTF_8); // an added token
            }
            bytes[i] = byteOf[c];
        }
        return bytes;
    }
}
