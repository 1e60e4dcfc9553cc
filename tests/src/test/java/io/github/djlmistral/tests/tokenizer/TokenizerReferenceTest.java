/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.tokenizer;

import static io.github.djlmistral.tests.tokenizer.ReferenceTokenizers.ids;
import static org.assertj.core.api.Assertions.assertThat;

import io.github.djlmistral.tests.model.GgufModel;
import io.github.djlmistral.tests.tokenizer.ReferenceTokenizers.Decoded;
import io.github.djlmistral.tests.tokenizer.ReferenceTokenizers.Entry;
import io.github.djlmistral.tests.tokenizer.ReferenceTokenizers.Outputs;
import io.github.djlmistral.tests.tokenizer.ReferenceTokenizers.Recorded;
import io.github.djlmistral.tests.weights.GgufWriter;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.io.IOException;
import java.nio.file.Path;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Ids and texts equal those of Hugging Face tokenizers and of SentencePiece. */
class TokenizerReferenceTest {

    @TempDir Path directory;

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void builtFromTheModelOfMistral7B(boolean legacy) throws IOException {
        Path model = ReferenceTokenizers.path("tokenizer/tokenizer.model.v1");
        try (MistralTokenizer tokenizer = ReferenceTokenizers.fromModel(model, legacy, directory)) {
            assertThat(tokenizer.vocabularySize()).isEqualTo(32_000);
            assertEquals(tokenizer, ReferenceTokenizers.published(), legacy);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void builtFromTheSmallModel(boolean legacy) throws IOException {
        Path model = ReferenceTokenizers.path("tokenizer/small/tokenizer.model");
        try (MistralTokenizer tokenizer = ReferenceTokenizers.fromModel(model, legacy, directory)) {
            assertEquals(tokenizer, ReferenceTokenizers.small(), legacy);
        }
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void readFromTokenizerJson(boolean legacy) throws IOException {
        String name = "tokenizer/small/" + (legacy ? "legacy" : "canonical");
        try (MistralTokenizer tokenizer = MistralTokenizer.open(ReferenceTokenizers.path(name))) {
            assertEquals(tokenizer, ReferenceTokenizers.small(), legacy);
        }
    }

    @ParameterizedTest
    @CsvSource({
        "tokenizer.model.v1, true",
        "tokenizer.model.v1, false",
        "small/tokenizer.model, true"
    })
    void builtFromAGgufFile(String name, boolean legacy) throws IOException {
        Path model = ReferenceTokenizers.path("tokenizer/" + name);
        GgufWriter writer = GgufModel.tokenizer(new GgufWriter(), model);
        if (!legacy) { // newer templates put the space there themselves
            writer.put("tokenizer.chat_template", "{{ bos_token }}{{ ' [INST] ' }}");
        }
        Path file = writer.write(directory.resolve("vocabulary.gguf"));
        Recorded recorded =
                name.startsWith("small")
                        ? ReferenceTokenizers.small()
                        : ReferenceTokenizers.published();
        try (MistralTokenizer tokenizer = MistralTokenizer.open(file)) {
            assertEquals(tokenizer, recorded, legacy);
        }
    }

    @Test
    void aModelAloneUnderMistralsVersionedName() throws IOException {
        Path published = ReferenceTokenizers.path("tokenizer");
        try (MistralTokenizer tokenizer = MistralTokenizer.open(published)) {
            assertThat(tokenizer.bosToken()).isEqualTo("<s>");
            assertThat(tokenizer.eosToken()).isEqualTo("</s>");
            assertThat(tokenizer.padToken()).isNull();
            assertThat(tokenizer.padTokenId()).isEqualTo(-1);
            assertThat(tokenizer.encode("Hello world!", true))
                    .containsExactly(1, 22557, 1526, 28808);
            assertThat(tokenizer.tokens(new long[] {1, 22557, 13, 2}))
                    .containsExactly("<s>", "▁Hello", "<0x0A>", "</s>");
        }
    }

    private static void assertEquals(
            MistralTokenizer tokenizer, Recorded recorded, boolean legacy) {
        assertThat(tokenizer.bosTokenId()).isEqualTo(1);
        assertThat(tokenizer.eosTokenId()).isEqualTo(2);
        for (Entry entry : recorded.texts()) {
            String text = entry.text();
            Outputs expected = entry.outputs(legacy);
            long[] parsed = ids(expected.parse());
            assertThat(tokenizer.encode(text, true)).as(text).isEqualTo(parsed);
            assertThat(tokenizer.encodePlain(text, true)).as(text).isEqualTo(ids(expected.plain()));
            assertThat(tokenizer.encode(text, false))
                    .as(text)
                    .isEqualTo(LongStream.of(parsed).skip(1).toArray());
            if (legacy) {
                assertThat(tokenizer.encodePlain(text, false))
                        .as(text)
                        .isEqualTo(ids(entry.sentencepiece()));
            }
            assertThat(tokenizer.decode(parsed, true)).isEqualTo(expected.decoded());
            assertThat(tokenizer.decode(parsed, false)).isEqualTo(expected.decodedWithSpecial());
        }
        for (Decoded decoded : recorded.decode()) {
            assertThat(tokenizer.decode(ids(decoded.ids()), true)).isEqualTo(decoded.tokenizers());
            assertThat(tokenizer.decode(ids(decoded.ids()), false))
                    .isEqualTo(decoded.tokenizersWithSpecial());
        }
    }
}
