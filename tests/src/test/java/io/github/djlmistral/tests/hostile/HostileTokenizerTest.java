/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.hostile;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.djlmistral.tests.tokenizer.ReferenceTokenizers;
import io.github.djlmistral.zoo.chat.ChatTemplate;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HexFormat;
import org.assertj.core.api.AbstractStringAssert;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * Tokenizer files crafted to break their reader. Those of {@code componentsThatPanic} would end the
 * JVM in the native library.
 */
@Timeout(20)
class HostileTokenizerTest {

    @TempDir Path directory;

    private JsonObject tokenizer;

    @BeforeEach
    void read() throws IOException {
        Path file = ReferenceTokenizers.path("tokenizer/small/canonical/tokenizer.json");
        tokenizer = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
    }

    private AbstractStringAssert<?> refusal() throws IOException {
        Files.writeString(directory.resolve("tokenizer.json"), tokenizer.toString());
        return Refusal.of(() -> MistralTokenizer.open(directory)).contains(directory.toString());
    }

    private JsonObject model() {
        return tokenizer.getAsJsonObject("model");
    }

    private static JsonElement json(String text) {
        return JsonParser.parseString(text.replace('\'', '"'));
    }

    private static JsonObject token(String id, String content) {
        JsonObject token =
                json("{'id':"
                                + id
                                + ",'single_word':false,'lstrip':false,'rstrip':false,"
                                + "'normalized':false,'special':true}")
                        .getAsJsonObject();
        token.addProperty("content", content);
        return token;
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "2147483646",
                "2147483648",
                "-1",
                "1e999999999",
                "1.5",
                "null",
                "'7'",
                "[]",
                "18446744073709551615"
            })
    void idsOfAddedTokens(String id) throws IOException {
        tokenizer.getAsJsonArray("added_tokens").add(token(id.replace('\'', '"'), "<new>"));

        refusal().contains("<new>");
    }

    @ParameterizedTest
    @ValueSource(strings = {"2147483646", "-1", "1e9", "null", "{}"})
    void idsOfTheVocabulary(String id) throws IOException {
        model().getAsJsonObject("vocab").add("piece", json(id));

        refusal().contains("piece");
    }

    @ParameterizedTest
    @ValueSource(booleans = {true, false})
    void manySpecialTokens(boolean sameName) throws IOException {
        JsonArray tokens = tokenizer.getAsJsonArray("added_tokens");
        for (int i = 0; i < 65_536; i++) {
            tokens.add(token("" + (1000 + i), sameName ? "<same>" : "<prefix" + i + ">"));
        }

        refusal().contains("added tokens, more than the limit");
    }

    @Test
    void anAddedTokenTwice() throws IOException {
        tokenizer.getAsJsonArray("added_tokens").add(token("600", "<same>"));
        tokenizer.getAsJsonArray("added_tokens").add(token("601", "<same>"));

        refusal().contains("\"<same>\" is not unique");
    }

    @Test
    void longSpecialTokens() throws IOException {
        for (int i = 0; i < 11; i++) {
            tokenizer
                    .getAsJsonArray("added_tokens")
                    .add(token("" + (600 + i), i + "<".repeat(100_000)));
        }

        refusal().contains("more than 1048576 characters");
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "normalizer     | {'type':'Precompiled','precompiled_charsmap':'ABAAAP////8A'}",
                "pre_tokenizer  | {'type':'Split','pattern':{'Regex':'(a+)+$'},'behavior':'Isolated','invert':false}",
                "normalizer     | {'type':'Replace','pattern':{'Regex':'(a*)*b'},'content':''}",
                "normalizer     | {'type':'Sequence','normalizers':[{'type':'Replace','pattern':{'Regex':'(a*)*b'},'content':''}]}",
                "pre_tokenizer  | {'type':'FixedLength','length':0}",
                "post_processor | {'type':'TemplateProcessing','single':[{'SpecialToken':{'id':'<x>','type_id':0}}],'pair':[],'special_tokens':{}}",
                "post_processor | {'type':'TemplateProcessing','single':[{'Sequence':{'id':'B','type_id':0}}],'pair':[],'special_tokens':{}}",
                "post_processor | {'type':'TemplateProcessing','single':[],'pair':[],'special_tokens':{'<s>':{'id':'<s>','ids':[1,2],'tokens':['<s>']}}}",
                "post_processor | {'type':'Sequence','processors':[{'type':'RobertaProcessing'}]}",
                "decoder        | {'type':'WordPiece','prefix':'##','cleanup':true}",
                "decoder        | {'type':'Strip','content':' ','start':1e309,'stop':0}",
                "decoder        | {'type':'Fuse','unknown':1e999999999}",
                "decoder        | []",
                "decoder        | {'type':7}",
                "normalizer     | {'type':'Sequence','normalizers':{}}",
            })
    void componentsThatPanic(String key, String component) throws IOException {
        tokenizer.add(key, json(component));

        refusal();
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = '|',
            quoteCharacter = '`',
            value = {
                "continuing_subword_prefix | 'abcdefgh'",
                "continuing_subword_prefix | 7",
                "unk_token                 | 'no such token'",
                "unk_token                 | []",
                "type                      | 'Unigram'",
                "dropout                   | 2",
                "merges                    | [['a']]",
                "merges                    | [['a','b','c']]",
                "merges                    | [[1,2]]",
                "merges                    | ['ab']",
                "merges                    | [null]",
                "merges                    | {}",
                "vocab                     | []",
            })
    void partsOfTheModel(String key, String value) throws IOException {
        model().add(key, json(value));

        refusal();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"bos_token\": 7}",
                "{\"bos_token\": {\"content\": []}}",
                "{\"bos_token\": \"no such token\"}",
                "{\"add_bos_token\": \"yes\"}",
                "{\"chat_template\": 7}",
                "{\"chat_template\": [7]}",
                "{\"chat_template\": [{\"name\": 1}]}",
                "{\"added_tokens_decoder\": []}",
                "{\"added_tokens_decoder\": {\"7\": null}}",
                "{\"added_tokens_decoder\": {\"x\": {\"content\": \"y\"}}}",
                "{\"added_tokens_decoder\": {\"999999999\": {\"content\": \"y\"}}}",
                "{\"a\": 1, \"a\": 2}",
            })
    void settings(String json) throws IOException {
        Files.writeString(directory.resolve("tokenizer_config.json"), json);

        refusal();
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "tokenizer.json",
                "tokenizer.model",
                "tokenizer_config.json",
                "special_tokens_map.json",
                "added_tokens.json"
            })
    void filesOfGigabytes(String name) throws IOException {
        Path file = directory.resolve(name);
        try (RandomAccessFile sparse = new RandomAccessFile(file.toFile(), "rw")) {
            sparse.setLength(5L << 30);
        }

        Refusal.of(() -> MistralTokenizer.open(directory)).contains(name, "5368709120 bytes");
        if (name.equals("tokenizer_config.json")) {
            Refusal.of(() -> ChatTemplate.open(directory)).contains(name, "5368709120 bytes");
        }
    }

    /** A length-delimited field of a protocol buffer. */
    private static void field(ByteArrayOutputStream to, int number, byte[] content) {
        to.write((number << 3) | 2);
        int length = content.length;
        for (; length > 127; length >>>= 7) {
            to.write((length & 127) | 128);
        }
        to.write(length);
        to.writeBytes(content);
    }

    private static byte[] piece(String text) {
        ByteArrayOutputStream piece = new ByteArrayOutputStream();
        field(piece, 1, text.getBytes(StandardCharsets.UTF_8));
        return piece.toByteArray();
    }

    private AbstractStringAssert<?> modelRefusal(ByteArrayOutputStream model) throws IOException {
        field(model, 2, new byte[] {3 << 3, 2}); // the trainer: type BPE
        field(model, 3, new byte[] {4 << 3, 0}); // the normalizer: keeps white space
        Files.write(directory.resolve("tokenizer.model"), model.toByteArray());
        return Refusal.of(() -> MistralTokenizer.open(directory)).contains("tokenizer.model");
    }

    @Test
    void piecesWithoutEnd() throws IOException {
        ByteArrayOutputStream model = new ByteArrayOutputStream();
        for (int i = 0; i < 4_000_000; i++) {
            model.write((1 << 3) | 2);
            model.write(0);
        }
        modelRefusal(model).contains("more than 524288 pieces");
    }

    @Test
    void pieceOfAMillionCharacters() throws IOException {
        ByteArrayOutputStream model = new ByteArrayOutputStream();
        field(model, 1, piece("a".repeat(1_000_000)));
        modelRefusal(model).contains("more than 256 characters");
    }

    @Test
    void aPieceTwice() throws IOException {
        ByteArrayOutputStream model = new ByteArrayOutputStream();
        field(model, 1, piece("a"));
        field(model, 1, piece("a"));
        modelRefusal(model).contains("\"a\" is not unique");
    }

    @Test
    void aPieceThatIsNotUtf8() throws IOException {
        ByteArrayOutputStream model = new ByteArrayOutputStream();
        field(model, 1, new byte[] {(1 << 3) | 2, 1, (byte) 0xFF});
        modelRefusal(model).contains("damaged");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "0a", // a length that is missing
                "0aff", // a length that goes on
                "0affffffff0f", // 2^32 - 1 bytes
                "0affffffffffffffffff01", // -1 bytes
                "80808080808080808080808001", // a tag of 13 bytes
                "0b", // a group, which this format no longer has
                "0f", // a wire type that does not exist
            })
    void damagedProtocolBuffers(String hex) throws IOException {
        Files.write(directory.resolve("tokenizer.model"), HexFormat.of().parseHex(hex));

        Refusal.of(() -> MistralTokenizer.open(directory)).contains("damaged");
    }

    @Test
    void manySpecialTokensDoNotSlowAText() throws IOException {
        JsonArray tokens = tokenizer.getAsJsonArray("added_tokens");
        for (int i = tokens.size(); i < 1000; i++) {
            tokens.add(token("" + (500 + i), "<".repeat(i) + ">"));
        }
        Files.writeString(directory.resolve("tokenizer.json"), tokenizer.toString());

        try (MistralTokenizer open = MistralTokenizer.open(directory)) {
            assertThat(open.encode(open.quote("<".repeat(2000)), false)).isNotEmpty();
        }
    }
}
