/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.tokenizer;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.djlmistral.zoo.tokenizer.Detokenizer;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Tokenizer behaviour beyond the recorded outputs, and bad input. */
class MistralTokenizerTest {

    private static final Path CHECKPOINT = ReferenceTokenizers.path("tokenizer/small/canonical");

    @TempDir Path directory;

    private static MistralTokenizer tokenizer;

    @BeforeAll
    static void open() throws IOException {
        tokenizer = MistralTokenizer.open(CHECKPOINT);
    }

    @AfterAll
    static void close() {
        tokenizer.close();
    }

    @Test
    void quotedPartsAreLettersAndTheRestIsNot() {
        String text = "<s>" + tokenizer.quote("<s>") + "</s>";
        long[] letters = tokenizer.encodePlain("<s>", false);
        assertThat(tokenizer.encodeQuoted(text)).startsWith(1).endsWith(2);
        assertThat(tokenizer.encodeQuoted(text).length).isBetween(4, letters.length + 2);
        assertThat(tokenizer.decode(tokenizer.encodeQuoted(text), false)).isEqualTo("<s><s></s>");
    }

    @Test
    void aQuotedTextAloneIsThePlainText() {
        for (String text : List.of("", "Hello", " <s>a</s> ", "<", "s>", "<<s>>", "é🦙<unk>")) {
            assertThat(tokenizer.encodeQuoted(tokenizer.quote(text)))
                    .isEqualTo(tokenizer.encodePlain(text, false));
        }
    }

    @Test
    void manyThreadsOneTokenizer() throws Exception {
        long[] expected = tokenizer.encode("The lighthouse of Skarholm", true);
        ExecutorService threads = Executors.newFixedThreadPool(4);
        try {
            List<Future<Boolean>> results =
                    IntStream.range(0, 200)
                            .mapToObj(
                                    i ->
                                            threads.submit(
                                                    () ->
                                                            Arrays.equals(
                                                                    expected,
                                                                    tokenizer.encode(
                                                                            "The lighthouse of Skarholm",
                                                                            true))))
                            .toList();
            for (Future<Boolean> result : results) {
                assertThat(result.get()).isTrue();
            }
        } finally {
            threads.shutdown();
        }
    }

    @Test
    void aMegabyteOfText() {
        String text = "The lighthouse of Skarholm stands on a rock. ".repeat(24_000);
        assertThat(tokenizer.decode(tokenizer.encode(text, true), true)).isEqualTo(text);
    }

    @Test
    void truncationAndPaddingInTheFileAreIgnored() throws IOException {
        JsonObject json = json();
        json.add(
                "truncation",
                JsonParser.parseString(
                        "{'direction':'Right','max_length':3,'strategy':'LongestFirst','stride':0}"));
        json.add(
                "padding",
                JsonParser.parseString(
                        "{'strategy':{'Fixed':64},'direction':'Left','pad_to_multiple_of':null,"
                                + "'pad_id':2,'pad_type_id':0,'pad_token':'</s>'}"));
        try (MistralTokenizer other = open(json)) {
            assertThat(other.encode("The lighthouse", true))
                    .isEqualTo(tokenizer.encode("The lighthouse", true));
        }
    }

    @Test
    void theSettingsSayWhatIsAdded() throws IOException {
        Files.writeString(
                directory.resolve("tokenizer_config.json"),
                "{\"add_bos_token\": false, \"add_eos_token\": true, \"pad_token\": \"<unk>\"}");
        try (MistralTokenizer other = open(json())) {
            assertThat(other.encode("a", true)).doesNotContain(1).endsWith(2);
            assertThat(other.encode("a", false)).doesNotContain(1, 2);
            assertThat(other.padTokenId()).isZero();
        }
    }

    @Test
    void withoutSettingsTheFileDecides() throws IOException {
        try (MistralTokenizer other = open(json())) {
            assertThat(other.encode("a", true)).startsWith(1);
            assertThat(other.bosToken()).isEqualTo("<s>");
        }
    }

    @Test
    void tokensThatOnlyTheSettingsName() throws IOException {
        Path model = ReferenceTokenizers.path("tokenizer/small/tokenizer.model");
        Files.copy(model, directory.resolve("tokenizer.model"));
        Files.writeString(directory.resolve("added_tokens.json"), "{\"<|im_end|>\": 500}");
        Files.writeString(
                directory.resolve("special_tokens_map.json"), "{\"eos_token\": \"<|im_end|>\"}");
        try (MistralTokenizer other = MistralTokenizer.open(directory)) {
            assertThat(other.eosTokenId()).isEqualTo(500);
            assertThat(other.encode("a<|im_end|>", false)).endsWith(500);
            assertThat(other.encodePlain("a<|im_end|>", false)).doesNotContain(500);
            assertThat(other.decode(new long[] {500}, true)).isEmpty();
            assertThat(other.decode(new long[] {500}, false)).isEqualTo("<|im_end|>");
        }
    }

    @ParameterizedTest
    @ValueSource(
            strings = {"\uD83E", "\uDD99", "a\uD83Eb", "\uDD99\uD83E", "\uFDD0\uFDE0", "\uFDD1"})
    void invalidUnicode(String text) {
        String clean = text.replaceAll("[\uFDD0-\uFDEF]|\\p{Cs}", "\uFFFD");
        assertThat(tokenizer.encode(text, true)).isEqualTo(tokenizer.encode(clean, true));
        assertThat(tokenizer.encodePlain(text, true)).isEqualTo(tokenizer.encode(clean, true));
        assertThat(tokenizer.encodeQuoted(tokenizer.quote(text)))
                .isEqualTo(tokenizer.encode(clean, false));
    }

    @Test
    void nulCharacters() {
        assertThat(tokenizer.decode(tokenizer.encode("a\0b\0", true), true)).isEqualTo("a\0b\0");
    }

    @ParameterizedTest
    @ValueSource(longs = {-1, 500, 1L << 32, Long.MIN_VALUE})
    void idsOutsideTheVocabulary(long id) {
        assertThatThrownBy(() -> tokenizer.decode(new long[] {1, id}, true))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage("id " + id + " is not in the vocabulary of 500 tokens");
        assertThatThrownBy(() -> tokenizer.token(id)).isInstanceOf(IllegalArgumentException.class);
    }

    @Test
    void aClosedTokenizer() throws IOException {
        MistralTokenizer closed = MistralTokenizer.open(CHECKPOINT);
        Detokenizer detokenizer = closed.newDetokenizer(true);
        closed.close();
        closed.close();
        assertThatThrownBy(() -> closed.encode("a", true))
                .isInstanceOf(IllegalStateException.class)
                .hasMessage("the tokenizer is closed");
        assertThatThrownBy(() -> closed.decode(new long[] {1}, true))
                .isInstanceOf(IllegalStateException.class);
        assertThatThrownBy(() -> detokenizer.push(400)).isInstanceOf(IllegalStateException.class);
    }

    @Test
    void aDirectoryWithoutTokenizer() {
        assertThatThrownBy(() -> MistralTokenizer.open(directory))
                .isInstanceOf(IOException.class)
                .hasMessageContaining(directory.toString())
                .hasMessageContaining("looked for tokenizer.json, tokenizer.model");
    }

    @ParameterizedTest
    @ValueSource(strings = {"", "{", "[]", "text", "{\"model\": {\"type\": \"Unigram\"}}", "{}"})
    void invalidTokenizerJson(String content) throws IOException {
        Files.writeString(directory.resolve("tokenizer.json"), content);
        assertThatThrownBy(() -> MistralTokenizer.open(directory))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("tokenizer.json");
    }

    @Test
    void tokenizerJsonThatTheNativeLibraryRefuses() throws IOException {
        JsonObject json = json();
        json.getAsJsonObject("model").getAsJsonArray("merges").add("no piece");
        assertThatThrownBy(() -> open(json))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("tokenizer.json")
                .hasMessageContaining("rejected");
    }

    @Test
    void settingsOfAnotherCheckpoint() throws IOException {
        Files.writeString(
                directory.resolve("tokenizer_config.json"), "{\"eos_token\": \"<|im_end|>\"}");
        JsonObject json = json();
        assertThatThrownBy(() -> open(json))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("<|im_end|>");
    }

    @Test
    void aGitLfsPointer() throws IOException {
        Files.writeString(
                directory.resolve("tokenizer.model"),
                "version https://git-lfs.github.com/spec/v1\noid sha256:dadf\nsize 493443\n");
        assertThatThrownBy(() -> MistralTokenizer.open(directory))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("git lfs pull");
    }

    @Test
    void anEmptyModel() throws IOException {
        Files.write(directory.resolve("tokenizer.model"), new byte[0]);
        assertThatThrownBy(() -> MistralTokenizer.open(directory))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("tokenizer.model: it has no pieces");
    }

    @Test
    void aModelCutAnywhere() throws IOException {
        byte[] model =
                Files.readAllBytes(ReferenceTokenizers.path("tokenizer/small/tokenizer.model"));
        for (int length = 1; length < model.length; length += 97) {
            Files.write(directory.resolve("tokenizer.model"), Arrays.copyOf(model, length));
            assertThatThrownBy(() -> MistralTokenizer.open(directory))
                    .isInstanceOf(IOException.class)
                    .hasMessageContaining("cannot use");
        }
    }

    @Test
    void aUnigramModel() throws IOException {
        byte[] pieceAndType = {10, 3, 10, 1, 'a', 18, 2, 24, 1};
        Files.write(directory.resolve("tokenizer.model"), pieceAndType);
        assertThatThrownBy(() -> MistralTokenizer.open(directory))
                .isInstanceOf(IOException.class)
                .hasMessageContaining("type unigram: only BPE");
    }

    private static JsonObject json() throws IOException {
        JsonElement json =
                JsonParser.parseString(Files.readString(CHECKPOINT.resolve("tokenizer.json")));
        return json.getAsJsonObject();
    }

    private MistralTokenizer open(JsonObject json) throws IOException {
        Files.writeString(directory.resolve("tokenizer.json"), json.toString());
        return MistralTokenizer.open(directory);
    }
}
