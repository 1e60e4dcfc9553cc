/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.inference.Predictor;
import ai.djl.repository.zoo.ZooModel;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import io.github.djlmistral.engine.constraint.CompiledGrammar;
import io.github.djlmistral.engine.constraint.JsonSchema;
import io.github.djlmistral.engine.constraint.ResponseFormat;
import io.github.djlmistral.engine.generation.BeamOptions;
import io.github.djlmistral.engine.generation.ConstraintOptions;
import io.github.djlmistral.engine.generation.FinishReason;
import io.github.djlmistral.engine.generation.Generation;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.engine.generation.GenerationResult;
import io.github.djlmistral.engine.generation.OutputOptions;
import io.github.djlmistral.engine.generation.Sequence;
import io.github.djlmistral.engine.generation.SpeculationOptions;
import io.github.djlmistral.engine.generation.Token;
import io.github.djlmistral.tests.constraint.SchemaSuite;
import io.github.djlmistral.tests.constraint.Spelling;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.chat.ChatInput;
import io.github.djlmistral.zoo.chat.ChatOutput;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** The embedded model answers in the form of the request, in every way of decoding. */
class ResponseFormatTest extends ZooFixture {

    private static final String SCHEMA =
            "{\"type\": \"object\", \"properties\": {\"thing\": {\"type\": \"string\","
                    + " \"maxLength\": 4}, \"number\": {\"type\": \"integer\", \"minimum\": 0,"
                    + " \"maximum\": 999}, \"known\": {\"type\": \"boolean\"}}, \"required\":"
                    + " [\"thing\", \"number\", \"known\"], \"additionalProperties\": false}";

    private static final ResponseFormat COMPACT =
            ResponseFormat.jsonSchema(SCHEMA, JsonSchema.COMPACT);

    private static ZooModel<ChatInput, ChatOutput> model;
    private static MistralPipeline pipeline;

    @BeforeAll
    static void open() throws Exception {
        model = chats();
        pipeline = MistralPipeline.open(model);
    }

    @AfterAll
    static void close() {
        pipeline.close();
        model.close();
    }

    private static GenerationConfig.Builder options(ResponseFormat format) {
        return pipeline.defaults().maxNewTokens(100).set(ConstraintOptions.RESPONSE_FORMAT, format);
    }

    private static GenerationResult generate(GenerationConfig.Builder options, String... prompts) {
        List<long[]> ids = new ArrayList<>();
        for (String prompt : prompts) {
            ids.add(pipeline.encode(prompt));
        }
        try (Generation generation = pipeline.start(ids, options.build())) {
            return generation.run(token -> true);
        }
    }

    private static String text(Sequence sequence) {
        return pipeline.tokenizer().decode(sequence.generated(), true);
    }

    private static void assertSatisfies(Sequence sequence) {
        assertThat(sequence.finishReason()).isEqualTo(FinishReason.EOS);
        JsonObject object = JsonParser.parseString(text(sequence)).getAsJsonObject();
        assertThat(object.keySet()).containsExactly("thing", "number", "known");
        assertThat(object.get("thing").getAsString()).hasSizeLessThanOrEqualTo(4);
        assertThat(object.get("number").getAsInt()).isBetween(0, 999);
        assertThat(object.get("known").getAsJsonPrimitive().isBoolean()).isTrue();
    }

    /** Chooses the best allowed token by itself, one by one. */
    private static List<Long> masked(ResponseFormat format, String prompt) {
        GenerationConfig config = options(format).set(OutputOptions.OUTPUT_SCORES, true).build();
        try (Generation generation = pipeline.start(List.of(pipeline.encode(prompt)), config)) {
            List<Long> ids = new ArrayList<>();
            generation.run(token -> ids.add(token.id()));
            return ids;
        }
    }

    @Test
    void greedyDecodingChoosesTheBestAllowedTokenAndDraftsForcedOnes() {
        GenerationResult result = generate(options(COMPACT), QUESTION);
        Sequence sequence = result.sequences().get(0);
        assertSatisfies(sequence);
        // with output_scores the mask is built at each token
        assertThat(sequence.generated())
                .containsExactly(
                        masked(COMPACT, QUESTION).stream().mapToLong(Long::longValue).toArray());
        assertThat(result.speculation().accepted()).isGreaterThan(4);
    }

    @Test
    void everyWayOfDecodingAndEverySequenceOfABatch() {
        String other = "What is a dog?";
        List<Sequence> greedy = generate(options(COMPACT), QUESTION, other).sequences();
        greedy.forEach(r -> assertSatisfies(r));
        GenerationConfig.Builder sampled =
                options(COMPACT).doSample(true).temperature(2).topP(0.9).seed(1);
        sampled.set(BeamOptions.NUM_RETURN_SEQUENCES, 2);
        List<Sequence> samples = generate(sampled, QUESTION, other).sequences();
        assertThat(samples).hasSize(4).allSatisfy(r -> assertSatisfies(r));
        GenerationConfig.Builder beams = options(COMPACT).set(BeamOptions.NUM_BEAMS, 3);
        assertSatisfies(generate(beams, QUESTION).sequences().get(0));
        GenerationConfig.Builder lookup =
                options(COMPACT).set(SpeculationOptions.PROMPT_LOOKUP_NUM_TOKENS, 5);
        assertThat(generate(lookup, QUESTION).sequences().get(0).generated())
                .isEqualTo(greedy.get(0).generated());
        GenerationConfig.Builder guided =
                options(COMPACT).set(ConstraintOptions.GUIDANCE_SCALE, 1.5);
        assertSatisfies(generate(guided, QUESTION).sequences().get(0));
    }

    @Test
    void fewerTextsThanBeams() {
        GenerationConfig.Builder beams =
                options(ResponseFormat.choice(List.of("yes", "no"))).set(BeamOptions.NUM_BEAMS, 4);
        Sequence best = generate(beams, QUESTION).sequences().get(0);
        assertThat(text(best)).isIn("yes", "no");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "{\"type\": \"regex\", \"regex\": \" ?[A-C]{3}-é\\\\n日😀\"}",
                "{\"type\": \"choice\", \"choice\": [\" ABC-é\\n日😀\", \"ABC-é\\n日😀\"]}",
                "{\"type\": \"grammar\", \"syntax\": \"regex\", \"definition\":"
                        + " \" ?[A-C]{3}-é\\\\n日😀\"}",
                "{\"type\": \"grammar\", \"syntax\": \"gbnf\", \"definition\":"
                        + " \"root ::= [A-C]{3} rest\\nrest ::= \\\"-é\\\\n日😀\\\"\"}",
                "{\"type\": \"grammar\", \"syntax\": \"lark\", \"definition\":"
                        + " \"start: /[A-C]{3}/ rest\\nrest: \\\"-é\\\\n日😀\\\"\"}"
            })
    void textsOfAnyCharactersAndWithALeadingSpace(String format) {
        String text =
                text(generate(options(ResponseFormat.of(format)), QUESTION).sequences().get(0));
        assertThat(text).matches(" ?[A-C]{3}-é\\n日😀");
    }

    @Test
    void grammarsOfTheSameTextAreEqual() {
        Map<String, String> grammar =
                Map.of("type", "grammar", "syntax", "gbnf", "definition", "root ::= \"a\"");
        assertThat(ResponseFormat.of(grammar)).isEqualTo(ResponseFormat.of(grammar));
        assertThatThrownBy(
                        () ->
                                GenerationConfig.builder()
                                        .option(
                                                "response_format",
                                                Map.of(
                                                        "type",
                                                        "grammar",
                                                        "syntax",
                                                        "lark",
                                                        "definition",
                                                        "start: \"a\" \\n  b")))
                .hasMessageStartingWith("response_format: line 1, column ");
    }

    @Test
    void aSpaceAtTheBeginningIsPartOfTheTextIfTheFormHasOne() {
        GenerationConfig.Builder spaced = options(ResponseFormat.regex("  [ab]"));
        assertThat(text(generate(spaced, QUESTION).sequences().get(0))).matches("  [ab]");
    }

    @Test
    void anEndThatIsForcedComesBeforeMinNewTokens() {
        GenerationConfig.Builder yes =
                options(ResponseFormat.choice(List.of("yes"))).minNewTokens(50);
        Sequence sequence = generate(yes, QUESTION).sequences().get(0);
        assertThat(text(sequence)).isEqualTo("yes");
        assertThat(sequence.finishReason()).isEqualTo(FinishReason.EOS);
    }

    @Test
    void aTextThatIsCutOffSaysSo() {
        Sequence cut = generate(options(COMPACT).maxNewTokens(4), QUESTION).sequences().get(0);
        assertThat(cut.finishReason()).isEqualTo(FinishReason.LENGTH);
        assertThat(text(cut)).startsWith("{\"th");
    }

    /** Draws from the softmax of the allowed scores: the mask comes before top_k. */
    @Test
    void samplingUnderAMaskHasTheDistributionOfTheAllowedTokens() {
        ResponseFormat letter = ResponseFormat.regex("[abc]");
        GenerationConfig.Builder options =
                options(letter).doSample(true).temperature(5).topK(3).maxNewTokens(1);
        long[] prompt = pipeline.encode(QUESTION);
        float[] scores;
        Map<Long, Integer> counts = new TreeMap<>();
        GenerationConfig all =
                options.copy()
                        .seed(5)
                        .set(OutputOptions.OUTPUT_SCORES, true)
                        .set(BeamOptions.NUM_RETURN_SEQUENCES, 200)
                        .build();
        try (Generation generation = pipeline.start(List.of(prompt), all)) {
            for (Token token : generation.next()) {
                counts.merge(token.id(), 1, Integer::sum);
            }
            scores = generation.result().sequences().get(0).scores().get(0);
        }
        double total = 0;
        int kept = 0;
        for (float score : scores) {
            total += Math.exp(score);
            kept += score > Float.NEGATIVE_INFINITY ? 1 : 0;
        }
        assertThat(kept).isEqualTo(3);
        for (int id = 0; id < scores.length; ++id) {
            double expected = 200 * Math.exp(scores[id]) / total;
            int actual = counts.getOrDefault((long) id, 0);
            assertThat(Math.abs(actual - expected)).isLessThanOrEqualTo(4 * Math.sqrt(expected));
        }
    }

    @Test
    void chatsAndStreamsAnswerInTheForm() throws Exception {
        ChatInput input = new ChatInput(Message.user(QUESTION)).responseFormat(COMPACT);
        try (Predictor<ChatInput, ChatOutput> predictor = model.newPredictor()) {
            ChatOutput answer = predictor.predict(input);
            assertThat(JsonParser.parseString(answer.content()).getAsJsonObject().keySet())
                    .containsExactly("thing", "number", "known");
            StringBuilder streamed = new StringBuilder();
            try (var text = pipeline.stream(pipeline.encode(QUESTION), options(COMPACT).build())) {
                text.run(streamed::append);
            }
            assertThat(streamed).asString().isEqualTo(answer.content());
        }
    }

    /** A type of an application. */
    record Thing(String name, Size size, int weight, List<String> parts, @Nullable Thing above) {}

    enum Size {
        SMALL,
        LARGE
    }

    record Found(boolean known, short count) {}

    @Test
    void answersAreObjectsOfAJavaType() throws Exception {
        ChatInput input = new ChatInput(Message.user(QUESTION)).responseType(Found.class);
        try (Predictor<ChatInput, ChatOutput> predictor = model.newPredictor()) {
            ChatOutput answer = predictor.predict(input);
            JsonObject json = JsonParser.parseString(answer.content()).getAsJsonObject();
            assertThat(json.keySet()).containsExactly("known", "count");
            assertThat(answer.as(Found.class))
                    .isEqualTo(
                            new Found(
                                    json.get("known").getAsBoolean(),
                                    json.get("count").getAsShort()));
            assertThatThrownBy(() -> answer.as(Found[].class))
                    .isInstanceOf(IllegalArgumentException.class)
                    .hasMessageContaining("is no [L");
        }
    }

    @ParameterizedTest
    @CsvSource(
            delimiter = ';',
            quoteCharacter = '`',
            value = {
                "{'name':'a','size':'LARGE','weight':-1,'parts':[],'above':null}; true",
                "{'name':'a','size':'LARGE','weight':1,'parts':['b','c']}; true",
                "{'name':'a','size':'SMALL','weight':1,'parts':[],'above':"
                        + "{'name':'b','size':'SMALL','weight':1,'parts':[]}}; true",
                "{'name':'a','size':'TINY','weight':1,'parts':[]}; false",
                "{'name':'a','size':'SMALL','weight':2147483648,'parts':[]}; false",
                "{'name':'a','size':'SMALL','weight':1.5,'parts':[]}; false",
                "{'name':null,'size':'SMALL','weight':1,'parts':[]}; false",
                "{'name':'a','size':'SMALL','weight':1}; false",
                "{'size':'SMALL','name':'a','weight':1,'parts':[]}; false",
                "{'name':'a','size':'SMALL','weight':1,'parts':[],'more':1}; false"
            })
    void aJavaTypeIsASchema(String json, boolean accepted) {
        ChatInput input = new ChatInput(Message.user(QUESTION)).responseType(Thing.class);
        ResponseFormat format = ResponseFormat.of(input.options().get("response_format"));
        CompiledGrammar grammar =
                CompiledGrammar.of(format.grammar().orElseThrow(), Spelling.BYTES.vocabulary());
        String text = json.replace('\'', '"');
        assertThat(SchemaSuite.accepts(grammar, text)).isEqualTo(accepted);
        if (accepted) {
            ChatOutput output =
                    new ChatOutput(text, List.of(), FinishReason.EOS, 1, 1, Duration.ZERO, 1);
            assertThat(output.as(Thing.class).name()).isEqualTo("a");
        }
    }

    @Test
    void isAnArgumentOfTheModel() throws Exception {
        try (ZooModel<String, String> texts =
                        Mistral.criteria(String.class, String.class)
                                .optArgument(
                                        "responseFormat",
                                        "{\"type\": \"choice\", \"choice\": [\"yes\", \"no\"]}")
                                .build()
                                .loadModel();
                Predictor<String, String> predictor = texts.newPredictor()) {
            assertThat(predictor.predict(QUESTION)).isIn("yes", "no");
        }
    }

    @Test
    void mistakesAreNamed() {
        assertThatThrownBy(
                        () ->
                                GenerationConfig.builder()
                                        .option(
                                                "response_format",
                                                Map.of(
                                                        "type",
                                                        "json_schema",
                                                        "json_schema",
                                                        Map.of(
                                                                "schema",
                                                                Map.of("uniqueItems", true)))))
                .hasMessageStartingWith("response_format: JSON Schema, #/uniqueItems: the keyword");
        assertThatThrownBy(() -> ResponseFormat.of("{\"type\": \"xml\"}"))
                .hasMessage(
                        "type is \"xml\", must be text, json_object, json_schema, regex, choice or"
                                + " grammar");
        assertThatThrownBy(
                        () ->
                                ResponseFormat.of(
                                        "{\"type\": \"grammar\", \"syntax\": \"bnf\","
                                                + " \"definition\": \"\"}"))
                .hasMessage("syntax is \"bnf\", must be gbnf, lark or regex");
        assertThatThrownBy(() -> ResponseFormat.of("{\"type\": \"regex\", \"pattern\": \"a\"}"))
                .hasMessage("unknown key pattern");
        assertThatThrownBy(() -> generate(options(COMPACT).eosTokenIds(List.of()), QUESTION))
                .hasMessage("response_format needs a token that ends the text: set eos_token_id");
        assertThatThrownBy(() -> options(COMPACT).option("forced_eos_token_id", "2").build())
                .hasMessageContaining("with a response_format");
    }
}
