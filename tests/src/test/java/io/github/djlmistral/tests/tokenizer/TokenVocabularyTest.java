/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import io.github.djlmistral.engine.constraint.CompiledGrammar;
import io.github.djlmistral.engine.constraint.Constraint;
import io.github.djlmistral.engine.constraint.Expression;
import io.github.djlmistral.engine.constraint.Grammar;
import io.github.djlmistral.engine.constraint.TokenVocabulary;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The bytes of tokens are those of the decoded text. */
class TokenVocabularyTest {

    private static final List<String> TEXTS =
            List.of("{\"a b\": [1, true]}", " two", "  x\n\ty", "é日本😀🦙", "\u0000\u007F", "it's");

    private static void assertSpells(MistralTokenizer tokenizer, String text) {
        Grammar grammar = Grammar.of(Expression.literal(text));
        TokenVocabulary vocabulary = tokenizer.tokenVocabulary();
        Constraint constraint = CompiledGrammar.of(grammar, vocabulary).start();
        long[] encoded = tokenizer.encodePlain(text, false);
        // the canonical variant loses a space at the beginning
        if (tokenizer.decode(encoded, true).equals(text)) {
            for (long id : encoded) {
                constraint.advance((int) id);
            }
            assertThat(constraint.mayEnd()).as(text).isTrue();
        }
        // any other way: what is decoded is the text of the grammar
        Constraint other = CompiledGrammar.of(grammar, vocabulary).start();
        long[] ids = new long[100];
        int count = 0;
        while (!other.mustEnd()) {
            long[] mask = other.mask();
            int id = vocabulary.size() - 1;
            while ((mask[id >>> 6] >>> id & 1) == 0) {
                --id;
            }
            other.advance(id);
            ids[count++] = id;
        }
        assertThat(tokenizer.decode(Arrays.copyOf(ids, count), true)).isEqualTo(text);
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void sentencePiece(boolean legacy, @TempDir Path directory) throws Exception {
        Path model = ReferenceTokenizers.path("tokenizer/small/tokenizer.model");
        try (MistralTokenizer tokenizer = ReferenceTokenizers.fromModel(model, legacy, directory)) {
            TEXTS.forEach(text -> assertSpells(tokenizer, text));
        }
    }

    /** GPT-2's table has a character for each byte; 256 tokens spell everything. */
    @Test
    void byteLevel(@TempDir Path directory) throws Exception {
        StringBuilder vocabulary = new StringBuilder();
        int next = 0x100;
        for (int b = 0; b < 256; ++b) {
            boolean printable =
                    (b >= '!' && b <= '~') || (b >= 0xA1 && b <= 0xAC) || (b >= 0xAE && b <= 0xFF);
            int c = printable ? b : next++;
            String separator = b == 0 ? "" : ", ";
            vocabulary.append(String.format(Locale.ROOT, "%s\"\\u%04x\": %d", separator, c, b + 1));
        }
        Files.writeString(
                directory.resolve("tokenizer.json"),
                """
                {"version": "1.0", "added_tokens": [{"id": 0, "content": "</s>", "special": true,
                "single_word": false, "lstrip": false, "rstrip": false, "normalized": false}],
                "normalizer": null, "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false,
                "trim_offsets": true, "use_regex": true}, "post_processor": null, "decoder": {"type":
                "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
                "model": {"type": "BPE", "vocab": {%s}, "merges": []}}
                """
                        .formatted(vocabulary));
        try (MistralTokenizer tokenizer = MistralTokenizer.open(directory)) {
            TEXTS.forEach(text -> assertSpells(tokenizer, text));
        }
    }

    @Test
    void withoutByteFallbackOnlyCharactersOfTokensAreWritten() {
        List<byte @Nullable []> pieces =
                List.of(new byte[0], new byte[] {'a'}, new byte[] {'b'}, new byte[] {(byte) 0xC3});
        TokenVocabulary vocabulary = TokenVocabulary.of(pieces, 0);
        CompiledGrammar some =
                CompiledGrammar.of(Grammar.of(Expression.regex("[a-c]é|[abx]{2}")), vocabulary);
        Constraint constraint = some.start();
        assertThat(constraint.mask()).containsExactly(0b110);
        constraint.advance(1);
        assertThat(constraint.mask()).containsExactly(0b110);
        assertThatThrownBy(() -> CompiledGrammar.of(Grammar.of(Expression.regex("ax")), vocabulary))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("cannot spell");
        assertThatThrownBy(
                        () ->
                                CompiledGrammar.of(
                                        Grammar.of(Expression.regex("a")), vocabulary.withEnds()))
                .hasMessageContaining("no token that ends a text");
    }
}
