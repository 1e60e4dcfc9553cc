/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.tokenizer;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonPrimitive;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Special tokens, protected from injection by untrusted text.
 *
 * <p>The native tokenizer gets each special token under a name of Unicode noncharacters ({@code
 * U+FDD0} and four digits out of {@code U+FDE0..U+FDEF}), which do not occur in {@linkplain #clean
 * cleaned} text. Text is therefore encoded without special tokens, unless {@link #mark} replaces
 * their spellings by these names first.
 *
 * <p>{@link #quote} protects text that is inserted into a larger one, in which special tokens are
 * recognized: it inserts {@code U+FDD1} after each character of a spelling.
 *
 * @see <a href="https://www.unicode.org/faq/private_use.html#nonchar4">Unicode: noncharacters</a>
 */
final class SpecialTokens {

    private static final char FIRST_NONCHARACTER = '\uFDD0';
    private static final char LAST_NONCHARACTER = '\uFDEF';
    private static final char NAME = '\uFDD0';
    private static final char BREAK = '\uFDD1';
    private static final char ZERO = '\uFDE0';
    private static final int NAME_LENGTH = 5;

    /** The text of a token that is matched before normalization. */
    private record Spelling(String text, boolean singleWord, @Nullable String name) {}

    private final List<String> specials = new ArrayList<>();
    private final Map<Character, List<Spelling>> spellingsByFirst = new HashMap<>();

    /**
     * Renames the special tokens of a {@code tokenizer.json}, in place.
     *
     * @param tokenizer the root object; {@code added_tokens} and a {@code model} of type BPE are
     *     there
     */
    SpecialTokens(JsonObject tokenizer) {
        Map<String, String> names = new HashMap<>();
        for (JsonElement element : tokenizer.getAsJsonArray("added_tokens")) {
            JsonObject token = element.getAsJsonObject();
            String text = token.get("content").getAsString();
            boolean special = isTrue(token, "special");
            if (text.isEmpty() || (!special && isTrue(token, "normalized"))) {
                continue;
            }
            String name = null;
            if (special) {
                name = name(specials.size());
                specials.add(text);
                names.put(text, name);
                token.addProperty("content", name);
            }
            spellingsByFirst
                    .computeIfAbsent(text.charAt(0), c -> new ArrayList<>())
                    .add(new Spelling(text, isTrue(token, "single_word"), name));
            if (special) {
                token.addProperty(
                        "single_word", false); // checked by longestAt, with the actual neighbours
            }
        }
        for (List<Spelling> list : spellingsByFirst.values()) {
            list.sort(Comparator.comparingInt((Spelling s) -> s.text().length()).reversed());
        }
        rename(tokenizer.getAsJsonObject("model"), names);
    }

    private static void rename(JsonObject model, Map<String, String> names) {
        JsonObject vocabulary = model.getAsJsonObject("vocab");
        names.forEach(
                (text, name) -> {
                    JsonElement id = vocabulary.remove(text);
                    if (id != null) {
                        vocabulary.add(name, id);
                    }
                });
        JsonElement unknown = model.get("unk_token");
        if (unknown != null && unknown.isJsonPrimitive()) {
            String name = names.get(unknown.getAsString());
            if (name != null) {
                model.addProperty("unk_token", name);
            }
        }
        // special tokens take no part in merges
        JsonArray merges = new JsonArray();
        for (JsonElement merge : model.getAsJsonArray("merges")) {
            String left;
            String right;
            if (merge.isJsonArray()) {
                left = merge.getAsJsonArray().get(0).getAsString();
                right = merge.getAsJsonArray().get(1).getAsString();
            } else {
                String pair = merge.getAsString();
                int space = pair.indexOf(' ');
                left = pair.substring(0, Math.max(space, 0));
                right = pair.substring(space + 1);
            }
            if (!names.containsKey(left)
                    && !names.containsKey(right)
                    && !names.containsKey(left + right)) {
                merges.add(merge);
            }
        }
        model.add("merges", merges);
    }

    private static boolean isTrue(JsonObject object, String key) {
        return object.get(key) instanceof JsonPrimitive p && p.isBoolean() && p.getAsBoolean();
    }

    private static String name(int index) {
        StringBuilder name = new StringBuilder(NAME_LENGTH).append(NAME);
        for (int shift = 12; shift >= 0; shift -= 4) {
            name.append((char) (ZERO + ((index >> shift) & 15)));
        }
        return name.toString();
    }

    /** Replaces unpaired surrogates and the noncharacters used by this class by U+FFFD. */
    static String clean(String text) {
        StringBuilder cleaned = null;
        for (int i = 0; i < text.length(); i++) {
            char c = text.charAt(i);
            boolean bad = c >= FIRST_NONCHARACTER && c <= LAST_NONCHARACTER;
            if (Character.isSurrogate(c)) {
                boolean pair =
                        Character.isHighSurrogate(c)
                                ? i + 1 < text.length()
                                        && Character.isLowSurrogate(text.charAt(i + 1))
                                : i > 0 && Character.isHighSurrogate(text.charAt(i - 1));
                bad = !pair;
            }
            if (bad) {
                if (cleaned == null) {
                    cleaned = new StringBuilder(text);
                }
                cleaned.setCharAt(i, '\uFFFD');
            }
        }
        return cleaned == null ? text : cleaned.toString();
    }

    /** Replaces the spellings of special tokens by their names, and removes the marks of quotes. */
    String mark(String text) {
        StringBuilder marked = new StringBuilder(text.length() + 16);
        int i = 0;
        while (i < text.length()) {
            Spelling spelling = longestAt(text, i);
            if (spelling == null) {
                char c = text.charAt(i++);
                if (c != BREAK) {
                    marked.append(c);
                }
            } else {
                marked.append(spelling.name() == null ? spelling.text() : spelling.name());
                i += spelling.text().length();
            }
        }
        return marked.toString();
    }

    /**
     * Marks every spelling of a special token in a text, including those that surrounding text
     * could complete.
     *
     * @param text clean text
     */
    String quote(String text) {
        StringBuilder quoted = new StringBuilder(text.length() + 16);
        if (startsWithinToken(text)) {
            quoted.append(BREAK);
        }
        int end = 0; // of the characters to be marked
        for (int i = 0; i < text.length(); i++) {
            for (Spelling spelling : candidates(text.charAt(i))) {
                if (spelling.name() != null && text.startsWith(spelling.text(), i)) {
                    end = Math.max(end, i + spelling.text().length());
                }
            }
            quoted.append(text.charAt(i));
            if (i < end && !Character.isHighSurrogate(text.charAt(i))) {
                quoted.append(BREAK);
            }
        }
        if (endsWithinToken(text)) {
            quoted.append(BREAK);
        }
        return quoted.toString();
    }

    private boolean startsWithinToken(String text) {
        for (String token : specials) {
            for (int from = 1; from < token.length(); from++) {
                if (text.regionMatches(0, token, from, token.length() - from)) {
                    return true;
                }
            }
        }
        return false;
    }

    private boolean endsWithinToken(String text) {
        for (String token : specials) {
            for (int length = Math.min(token.length() - 1, text.length()); length > 0; length--) {
                if (text.regionMatches(text.length() - length, token, 0, length)) {
                    return true;
                }
            }
        }
        return false;
    }

    /** Replaces the names in decoded text by the spellings of the tokens. */
    String restore(String text) {
        int name = text.indexOf(NAME);
        if (name < 0) {
            return text;
        }
        StringBuilder restored = new StringBuilder(text.length());
        int done = 0;
        while (name >= 0) {
            int index = indexAt(text, name);
            if (index >= 0) {
                restored.append(text, done, name).append(specials.get(index));
                done = name + NAME_LENGTH;
            }
            name = text.indexOf(NAME, Math.max(done, name + 1));
        }
        return restored.append(text, done, text.length()).toString();
    }

    /**
     * Tells where the characters of a marked text come from.
     *
     * @param marked a result of {@link #mark}
     * @return for each character, and for the end, the index in the text before marking, without
     *     the marks of quotes
     */
    int[] origins(String marked) {
        int[] origins = new int[marked.length() + 1];
        int origin = 0;
        int i = 0;
        while (i < marked.length()) {
            int index = marked.charAt(i) == NAME ? indexAt(marked, i) : -1;
            if (index < 0) {
                origins[i++] = origin++;
            } else {
                Arrays.fill(origins, i, i + NAME_LENGTH, origin);
                i += NAME_LENGTH;
                origin += specials.get(index).length();
            }
        }
        origins[i] = origin;
        return origins;
    }

    private int indexAt(String text, int at) {
        if (at + NAME_LENGTH > text.length()) {
            return -1;
        }
        int index = 0;
        for (int i = at + 1; i < at + NAME_LENGTH; i++) {
            int digit = text.charAt(i) - ZERO;
            if (digit < 0 || digit > 15) {
                return -1;
            }
            index = (index << 4) | digit;
        }
        return index < specials.size() ? index : -1;
    }

    private @Nullable Spelling longestAt(String text, int at) {
        for (Spelling spelling : candidates(text.charAt(at))) {
            int end = at + spelling.text().length();
            if (text.startsWith(spelling.text(), at)
                    && !(end < text.length() && text.charAt(end) == BREAK)
                    && !(spelling.singleWord() && (isWord(text, at - 1) || isWord(text, end)))) {
                return spelling;
            }
        }
        return null;
    }

    private List<Spelling> candidates(char first) {
        return spellingsByFirst.getOrDefault(first, List.of());
    }

    private static boolean isWord(String text, int at) {
        return at >= 0
                && at < text.length()
                && (Character.isLetterOrDigit(text.charAt(at)) || text.charAt(at) == '_');
    }
}
