/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.inference.Predictor;
import ai.djl.modality.Classifications;
import ai.djl.modality.nlp.qa.QAInput;
import ai.djl.modality.nlp.translator.NamedEntity;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.djlmistral.tests.examples.Cli;
import io.github.djlmistral.tests.model.Reference;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.tokenizer.EncodedText;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Named entities and answers are those of transformers' pipelines. */
class HeadPipelinesTest {

    @TempDir Path temporary;

    /** A recorded checkpoint beside its tokenizer. */
    private Path checkpoint(String name) throws Exception {
        for (String source : List.of("heads/" + name, "tokenizer/small/canonical")) {
            try (var files = Files.list(Reference.directory(source))) {
                for (Path file : files.toList()) {
                    Files.copy(file, temporary.resolve(file.getFileName()));
                }
            }
        }
        return temporary;
    }

    private static JsonElement expected(String name) throws Exception {
        return JsonParser.parseString(
                Files.readString(Reference.directory("heads/" + name).resolve("expected.json")));
    }

    private static List<String> texts(JsonObject expected) {
        return expected.getAsJsonArray("texts").asList().stream()
                .map(JsonElement::getAsString)
                .toList();
    }

    private static Criteria.Builder<String, NamedEntity[]> entities(Path checkpoint) {
        return Mistral.criteria(checkpoint, String.class, NamedEntity[].class)
                .optArgument("kernels", "reference");
    }

    private static Criteria.Builder<QAInput, String> answers(Path checkpoint) {
        return Mistral.criteria(checkpoint, QAInput.class, String.class)
                .optArgument("kernels", "reference");
    }

    @ParameterizedTest
    @ValueSource(strings = {"none", "simple", "first", "average", "max"})
    void entitiesAreTheReferences(String strategy) throws Exception {
        JsonObject expected = expected("entities").getAsJsonObject();
        List<String> texts = texts(expected);
        JsonArray all = expected.getAsJsonObject("entities").getAsJsonArray(strategy);
        // the reference divides characters that are not in the vocabulary
        int comparable =
                switch (strategy) {
                    case "none" -> 6;
                    case "simple" -> 4;
                    default -> 5;
                };
        try (ZooModel<String, NamedEntity[]> model =
                        entities(checkpoint("entities"))
                                .optArgument("aggregation_strategy", strategy)
                                .build()
                                .loadModel();
                Predictor<String, NamedEntity[]> predictor = model.newPredictor()) {
            List<NamedEntity[]> batch = predictor.batchPredict(texts);
            for (int i = 0; i < comparable; ++i) {
                String text = texts.get(i);
                assertEntities(text, strategy, batch.get(i), all.get(i).getAsJsonArray());
                assertEntities(
                        text, strategy, predictor.predict(text), all.get(i).getAsJsonArray());
            }
        }
    }

    private static void assertEntities(
            String text, String strategy, NamedEntity[] actual, JsonArray expected) {
        assertThat(actual).as(text).hasSize(expected.size());
        for (int i = 0; i < actual.length; ++i) {
            JsonObject wanted = expected.get(i).getAsJsonObject();
            boolean token = strategy.equals("none");
            int start = wanted.get("start").getAsInt();
            int end = wanted.get("end").getAsInt();
            assertThat(actual[i].getEntity())
                    .isEqualTo(wanted.get(token ? "entity" : "entity_group").getAsString());
            assertThat(actual[i].getScore())
                    .isCloseTo(wanted.get("score").getAsFloat(), within(1e-4f));
            if (token) {
                assertThat(actual[i].getWord()).isEqualTo(wanted.get("word").getAsString());
                assertThat(actual[i].getIndex()).isEqualTo(wanted.get("index").getAsInt());
                assertThat(actual[i].getStart()).isEqualTo(start);
                assertThat(actual[i].getEnd()).isEqualTo(end);
            } else {
                // the reference includes the space before a word
                assertThat(actual[i].getWord())
                        .isEqualTo(text.substring(start, end).strip())
                        .isEqualTo(text.substring(actual[i].getStart(), actual[i].getEnd()));
            }
        }
    }

    /** By default the first token of a word decides on the class of the word. */
    @Test
    void entitiesConsistOfWholeWords() throws Exception {
        List<String> texts =
                List.of("😀漢字 na\u00efve e\u0301\nthe sea\tship", "the ship", "字", " two  boats ");
        try (ZooModel<String, NamedEntity[]> model =
                        entities(checkpoint("entities")).build().loadModel();
                Predictor<String, NamedEntity[]> predictor = model.newPredictor()) {
            List<NamedEntity[]> batch = predictor.batchPredict(texts);
            int found = 0;
            for (int i = 0; i < texts.size(); ++i) {
                String text = texts.get(i);
                int previous = 0;
                for (NamedEntity entity : batch.get(i)) {
                    String word = entity.getWord();
                    assertThat(word)
                            .isEqualTo(text.substring(entity.getStart(), entity.getEnd()))
                            .isEqualTo(word.strip())
                            .isNotEmpty();
                    assertThat(entity.getEntity()).isIn("PER", "LOC");
                    assertThat(entity.getStart()).isGreaterThanOrEqualTo(previous);
                    assertThat(isBoundary(text, entity.getStart())).as(text + word).isTrue();
                    assertThat(isBoundary(text, entity.getEnd())).as(text + word).isTrue();
                    previous = entity.getEnd();
                    ++found;
                }
            }
            assertThat(found).isGreaterThan(3);
        }
    }

    private static boolean isBoundary(String text, int index) {
        return index == 0
                || index == text.length()
                || Character.isWhitespace(text.charAt(index))
                || Character.isWhitespace(text.charAt(index - 1));
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 3, 15})
    void answersAreTheReferences(int longest) throws Exception {
        List<QAInput> questions = new ArrayList<>();
        List<String> wanted = new ArrayList<>();
        for (JsonElement element : expected("answers").getAsJsonArray()) {
            JsonObject given = element.getAsJsonObject();
            if (given.get("max_answer_len").getAsInt() == longest) {
                String context = given.get("context").getAsString();
                questions.add(new QAInput(given.get("question").getAsString(), context));
                wanted.add(
                        context.substring(
                                        given.get("start").getAsInt(), given.get("end").getAsInt())
                                .strip());
            }
        }
        var criteria = answers(checkpoint("answers"));
        if (longest != 15) {
            criteria.optArgument("max_answer_len", longest);
        }
        try (ZooModel<QAInput, String> model = criteria.build().loadModel();
                Predictor<QAInput, String> predictor = model.newPredictor()) {
            assertThat(predictor.batchPredict(questions)).isEqualTo(wanted);
            for (int i = 0; i < wanted.size(); ++i) {
                assertThat(predictor.predict(questions.get(i))).isEqualTo(wanted.get(i));
            }
        }
    }

    @Test
    void answersNeverDivideACharacter() throws Exception {
        try (ZooModel<QAInput, String> model = answers(checkpoint("answers")).build().loadModel();
                Predictor<QAInput, String> predictor = model.newPredictor()) {
            for (String paragraph : List.of("😀", "😀漢字😀 x", "e\u0301\u0301 \u00e9")) {
                String answer = predictor.predict(new QAInput("who?", paragraph));
                assertThat(paragraph).contains(answer);
                assertThat(answer).isNotEmpty();
                assertThat(answer.codePoints().noneMatch(c -> c >= 0xD800 && c <= 0xDFFF)).isTrue();
            }
        }
    }

    @Test
    void offsetsCountUtf16() throws Exception {
        String text = "<s>a😀e\u0301 漢\ud800b";
        try (MistralTokenizer tokenizer =
                MistralTokenizer.open(Reference.directory("tokenizer/small/legacy"))) {
            EncodedText encoded = tokenizer.encodeWithOffsets(text, true);
            assertThat(encoded.ids()).isEqualTo(tokenizer.encodePlain(text, true));
            assertThat(encoded.isSpecial(0)).isTrue();
            int end = 0;
            for (int i = 1; i < encoded.ids().length; ++i) {
                assertThat(encoded.isSpecial(i)).isFalse();
                assertThat(encoded.starts()[i]).isLessThan(encoded.ends()[i]);
                // nothing is left out
                assertThat(encoded.starts()[i]).isLessThanOrEqualTo(end);
                end = Math.max(end, encoded.ends()[i]);
                String token = tokenizer.token(encoded.ids()[i]).replace('▁', ' ').strip();
                if (!token.startsWith("<0x")) {
                    assertThat(text.substring(encoded.starts()[i], encoded.ends()[i]))
                            .contains(token);
                }
            }
            assertThat(end).isEqualTo(text.length());
            assertThat(tokenizer.encodeWithOffsets(text, false).ids())
                    .isEqualTo(tokenizer.encodePlain(text, false));
        }
    }

    @Test
    void truncationKeepsTheSpecialTokenAtTheEnd() {
        EncodedText text =
                new EncodedText(
                        new long[] {1, 5, 6, 7, 2},
                        new int[] {-1, 0, 1, 2, -1},
                        new int[] {-1, 1, 2, 3, -1});
        assertThat(text.truncated(5)).isSameAs(text);
        assertThat(text.truncated(3).ids()).containsExactly(1, 5, 2);
        assertThat(text.truncated(3).ends()).containsExactly(-1, 1, -1);
        assertThat(text.truncated(1).ids()).containsExactly(1);
    }

    @Test
    void textsThatAreEmptyOrTooLong() throws Exception {
        Path directory = checkpoint("answers");
        Path config = directory.resolve("config.json");
        Files.writeString(
                config,
                Files.readString(config)
                        .replaceFirst(
                                "\"max_position_embeddings\": \\d+",
                                "\"max_position_embeddings\": 12"));
        QAInput longer = new QAInput("who?", "the ship and the lighthouse at the sea");
        try (ZooModel<QAInput, String> model = answers(directory).build().loadModel();
                Predictor<QAInput, String> predictor = model.newPredictor()) {
            assertThatThrownBy(() -> predictor.predict(new QAInput("", "a")))
                    .hasMessageContaining("the question is empty");
            assertThatThrownBy(() -> predictor.predict(new QAInput("who?", "")))
                    .hasMessageContaining("the paragraph is empty");
            assertThatThrownBy(() -> predictor.predict(new QAInput("who?", null)))
                    .hasMessageContaining("the paragraph is empty");
            assertThatThrownBy(() -> predictor.predict(longer))
                    .hasMessageContaining("max_position_embeddings is 12")
                    .hasMessageContaining("truncation");
            assertThatThrownBy(
                            () -> predictor.predict(new QAInput(longer.getParagraph(), "the ship")))
                    .hasMessageContaining("the question has")
                    .hasMessageContaining("shorter question");
        }
        try (ZooModel<QAInput, String> model =
                        answers(directory).optArgument("truncation", true).build().loadModel();
                Predictor<QAInput, String> predictor = model.newPredictor()) {
            assertThat(longer.getParagraph())
                    .startsWith("the ship")
                    .contains(predictor.predict(longer));
        }
    }

    @Test
    void argumentsAndHeadsThatDoNotFit() throws Exception {
        Path directory = checkpoint("entities");
        assertThatThrownBy(
                        () ->
                                entities(directory)
                                        .optArgument("aggregation_strategy", "last")
                                        .build()
                                        .loadModel())
                .hasMessageContaining("none, simple, first, average or max");
        assertThatThrownBy(
                        () ->
                                answers(directory)
                                        .optArgument("max_answer_len", 0)
                                        .build()
                                        .loadModel())
                .hasMessageContaining("max_answer_len is 0");
        assertThatThrownBy(() -> answers(directory).build().loadModel())
                .hasMessageContaining(
                        "is a MistralForTokenClassification, not a MistralForQuestionAnswering");
        assertThatThrownBy(
                        () ->
                                Mistral.criteria(directory, String.class, Classifications.class)
                                        .build()
                                        .loadModel())
                .hasMessageContaining("not a MistralForSequenceClassification");
        try (ZooModel<String, NamedEntity[]> model = entities(directory).build().loadModel();
                Predictor<String, NamedEntity[]> predictor = model.newPredictor()) {
            assertThatThrownBy(() -> predictor.predict("")).hasMessageContaining("text is empty");
        }
    }

    @Test
    void theCommandLinePrintsEntities() throws Exception {
        Path directory = checkpoint("entities");
        String text = "the ship and the lighthouse at the sea";
        JsonObject json =
                Cli.runWith(text + "\n\na fox\n", "classify", "--model=" + directory, "--json")
                        .json();
        JsonArray rows = json.getAsJsonArray("entities");
        assertThat(rows).hasSize(2);
        try (ZooModel<String, NamedEntity[]> model = entities(directory).build().loadModel();
                Predictor<String, NamedEntity[]> predictor = model.newPredictor()) {
            NamedEntity expected = predictor.predict(text)[0];
            JsonObject row = rows.get(0).getAsJsonObject();
            assertThat(row.get("text").getAsString()).isEqualTo(text);
            JsonObject entity = row.getAsJsonArray("entities").get(0).getAsJsonObject();
            assertThat(entity.get("entity").getAsString()).isEqualTo(expected.getEntity());
            assertThat(entity.get("word").getAsString()).isEqualTo(expected.getWord());
            assertThat(entity.get("start").getAsInt()).isEqualTo(expected.getStart());
            assertThat(entity.get("end").getAsInt()).isEqualTo(expected.getEnd());
            assertThat(entity.get("score").getAsFloat())
                    .isCloseTo(expected.getScore(), within(1e-4f));
        }
        assertThat(
                        Cli.run(
                                        "classify",
                                        "--model=" + directory,
                                        "--aggregation-strategy=none",
                                        "a fox")
                                .succeeds()
                                .out())
                .startsWith("a fox")
                .contains("B-PER  \u2581a");
        assertThat(Cli.run("classify", "--model=" + directory, "--question=who?", "a fox").fault(2))
                .contains("MistralForQuestionAnswering", "MistralForTokenClassification");
    }

    @Test
    void theCommandLineAnswersQuestions() throws Exception {
        Path directory = checkpoint("answers");
        String text = "the ship and the lighthouse at the sea";
        String[] arguments = {
            "classify",
            "--model=" + directory,
            "--question=where is the ship",
            "--max-answer-len=3",
            "--context=" + text
        };
        String answer = "t the s";
        assertThat(Cli.run(arguments).succeeds().out().lines().map(String::strip))
                .containsExactly(text, answer);
        arguments[4] = text;
        String[] withJson = Arrays.copyOf(arguments, 6);
        withJson[5] = "--json";
        JsonObject json = Cli.run(withJson).json();
        JsonObject row = json.getAsJsonArray("answers").get(0).getAsJsonObject();
        assertThat(row.get("answer").getAsString()).isEqualTo(answer);
        assertThat(json.get("question").getAsString()).isEqualTo("where is the ship");
        assertThat(Cli.run("classify", "--model=" + directory, text).fault(2))
                .contains("give a --question");
        assertThat(
                        Cli.run(
                                        "classify",
                                        "--model=" + directory,
                                        "--question=a",
                                        "--context=b",
                                        "c")
                                .fault(2))
                .contains("--context");
        assertThat(Cli.run("classify", "--model=" + directory, "--question=", "b").fault(1))
                .contains("the question is empty");
    }
}
