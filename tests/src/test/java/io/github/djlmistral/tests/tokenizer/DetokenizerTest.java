/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.djlmistral.tests.tokenizer.ReferenceTokenizers.Entry;
import io.github.djlmistral.zoo.tokenizer.Detokenizer;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Incremental decoding equals decoding of all ids at once. */
class DetokenizerTest {

    @TempDir static Path directory;

    private static MistralTokenizer tokenizer;

    @BeforeAll
    static void open() throws IOException {
        Path model = ReferenceTokenizers.path("tokenizer/tokenizer.model.v1");
        tokenizer = ReferenceTokenizers.fromModel(model, true, directory);
    }

    @AfterAll
    static void close() {
        tokenizer.close();
    }

    @Test
    void randomTextsOfAllPlanes() {
        Random random = new Random(1);
        for (int i = 0; i < 300; i++) {
            String text = randomText(random);
            long[] ids = tokenizer.encodePlain(text, true);
            assertThat(String.join("", pieces(ids, true)))
                    .isEqualTo(tokenizer.decode(ids, true))
                    .isEqualTo(text);
        }
    }

    @Test
    void randomIdsWithBrokenCharactersAndSpecialTokens() {
        Random random = new Random(2);
        for (int i = 0; i < 1000; i++) {
            // The first 259 ids are special tokens and bytes.
            int bound = random.nextBoolean() ? 300 : tokenizer.vocabularySize();
            long[] ids = random.longs(random.nextInt(12), 0, bound).toArray();
            for (boolean skip : new boolean[] {true, false}) {
                assertThat(String.join("", pieces(ids, skip)))
                        .as("%s", (Object) tokenizer.tokens(ids))
                        .isEqualTo(tokenizer.decode(ids, skip));
            }
        }
    }

    @Test
    void recordedTexts() {
        for (Entry entry : ReferenceTokenizers.published().texts()) {
            assertThat(
                            String.join(
                                    "",
                                    pieces(ReferenceTokenizers.ids(entry.legacy().parse()), true)))
                    .isEqualTo(entry.legacy().decoded());
        }
    }

    @Test
    void everyPieceHoldsWholeCharacters() {
        long[] ids = tokenizer.encodePlain("a 🦙🦙 镇 é👩‍🚀\uD83C\uDDE9\uD83C\uDDF0!", true);
        assertThat(pieces(ids, true)).noneMatch(piece -> piece.contains("\uFFFD"));
    }

    @Test
    void plainWordsAreNotHeldBack() {
        long[] ids = tokenizer.encodePlain("This is a test", true);
        assertThat(pieces(ids, true)).containsExactly("", "This", " is", " a", " test", "");
    }

    @Test
    void aNewTextBeginsAfterFlush() {
        Detokenizer detokenizer = tokenizer.newDetokenizer(true);
        long[] ids = tokenizer.encodePlain("Hello world", false);
        for (int round = 0; round < 2; round++) {
            StringBuilder text = new StringBuilder();
            for (long id : ids) {
                text.append(detokenizer.push(id));
            }
            assertThat(text.append(detokenizer.flush())).hasToString("Hello world");
        }
        assertThat(detokenizer.flush()).isEmpty();
    }

    @Test
    void anIncompleteCharacterComesWithFlush() {
        Detokenizer detokenizer = tokenizer.newDetokenizer(true);
        assertThat(detokenizer.push(243)).isEmpty(); // <0xF0>
        assertThat(detokenizer.push(162)).isEmpty(); // <0x9F>
        assertThat(detokenizer.flush()).isEqualTo("\uFFFD\uFFFD");
    }

    @Test
    void longTextTakesLinearTime() {
        Detokenizer detokenizer = tokenizer.newDetokenizer(true);
        long[] cycle = {22557, 13, 13, 243, 162, 169, 156, 1526};
        int length = 0;
        for (int i = 0; i < 100_000; i++) { // would take minutes if each id decoded all before it
            length += detokenizer.push(cycle[i % cycle.length]).length();
        }
        for (int i = 0; i < 100_000; i++) {
            length += detokenizer.push(13).length();
        }
        assertThat(length + detokenizer.flush().length())
                .isEqualTo(12_500 * "Hello\n\n🦙 world".length() + 12_499 + 100_000);
    }

    @Test
    void anIdOutsideTheVocabulary() {
        Detokenizer detokenizer = tokenizer.newDetokenizer(true);
        assertThatThrownBy(() -> detokenizer.push(32_000))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("32000");
    }

    private static List<String> pieces(long[] ids, boolean skipSpecialTokens) {
        Detokenizer detokenizer = tokenizer.newDetokenizer(skipSpecialTokens);
        List<String> pieces = new ArrayList<>();
        for (long id : ids) {
            pieces.add(detokenizer.push(id));
        }
        pieces.add(detokenizer.flush());
        return pieces;
    }

    /** Excluding what does not round-trip: "▁" (decoded as a space), surrogates, U+FDD0..U+FDEF. */
    private static String randomText(Random random) {
        int[] bounds = {0x80, 0x250, 0x3000, 0x10000, 0x20000, 0x110000};
        StringBuilder text = new StringBuilder();
        for (int n = random.nextInt(40); n > 0; n--) {
            int c = random.nextInt(4) == 0 ? ' ' : random.nextInt(bounds[random.nextInt(6)]);
            if (c != '▁' && (c < 0xD800 || c > 0xDFFF) && (c < 0xFDD0 || c > 0xFDEF)) {
                text.appendCodePoint(c);
            }
        }
        return text.toString();
    }
}
