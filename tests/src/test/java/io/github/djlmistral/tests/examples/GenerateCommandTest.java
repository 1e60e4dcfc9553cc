/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.generation.GenerationConfig;
import io.github.djlmistral.tests.Engines;
import io.github.djlmistral.tests.model.Fixture;
import io.github.djlmistral.tests.model.Reference;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.List;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code mistral generate} prints the reference's tokens, as text and as JSON. */
class GenerateCommandTest {

    private static final Reference REFERENCE = Reference.checkpoint("window8-f32");
    private static final String MODEL = REFERENCE.directory().toString();

    private static Cli generate(String... arguments) {
        return Cli.run(
                Stream.concat(
                                Stream.of("generate", "--device=cpu", "--model", MODEL),
                                Arrays.stream(arguments))
                        .toArray(String[]::new));
    }

    private static String commas(JsonElement ids) {
        return Arrays.stream(Reference.ids(ids))
                .mapToObj(Long::toString)
                .collect(Collectors.joining(","));
    }

    @ParameterizedTest
    @ValueSource(strings = {"native", "torch", "reference"})
    void jsonHasTheRecordedTokensAndLogProbabilities(String kernels) {
        JsonObject recorded = REFERENCE.greedy("short");
        JsonObject json =
                generate(
                                "--ids",
                                commas(recorded.getAsJsonArray("prompts").get(0)),
                                "--max-new-tokens=80",
                                "--eos-token-id=none",
                                "--kernels=" + kernels,
                                "--logprobs",
                                "--json")
                        .json();

        assertThat(Reference.ids(json.get("ids")))
                .isEqualTo(Reference.ids(recorded.getAsJsonArray("outputs").get(0)));
        JsonArray expected = recorded.getAsJsonArray("logprobs").get(0).getAsJsonArray();
        JsonArray actual = json.getAsJsonArray("logprobs");
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < expected.size(); ++i) {
            assertThat(actual.get(i).getAsFloat())
                    .isCloseTo(expected.get(i).getAsFloat(), within(Fixture.LOG_PROBABILITIES));
        }
        assertThat(json.get("finish_reason").getAsString()).isEqualTo("length");
        assertThat(json.get("prompt_tokens").getAsInt()).isEqualTo(5);
        assertThat(json.getAsJsonObject("kernels").get("name").getAsString()).isEqualTo(kernels);
        assertThat(json.getAsJsonObject("timings").get("decode_tokens_per_second").getAsDouble())
                .isPositive();
    }

    @Test
    void leftPaddedRowsAreTheRecordedBatch() {
        JsonObject recorded = REFERENCE.greedy("batch");
        List<String> rows = new ArrayList<>();
        List<String> masks = new ArrayList<>();
        for (JsonElement prompt : recorded.getAsJsonArray("prompts")) {
            int padding = 15 - prompt.getAsJsonArray().size();
            rows.add("0,".repeat(padding) + commas(prompt));
            masks.add(
                    "0,".repeat(padding)
                            + String.join(",", Collections.nCopies(15 - padding, "1")));
        }

        JsonArray actual =
                generate(
                                "--ids=" + String.join(";", rows),
                                "--mask=" + String.join(";", masks),
                                "--max-new-tokens=80",
                                "--eos-token-id=none",
                                "--json")
                        .json()
                        .getAsJsonArray("rows");

        JsonArray expected = recorded.getAsJsonArray("outputs");
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < expected.size(); ++i) {
            assertThat(Reference.ids(actual.get(i).getAsJsonObject().get("ids")))
                    .isEqualTo(Reference.ids(expected.get(i)));
        }
    }

    /** The sequences of row 1, then those of row 2. */
    @Test
    void rowsMayHaveSeveralSequences() {
        JsonObject recorded =
                Reference.json(Reference.directory("beams.json"))
                        .getAsJsonArray("window8-f32")
                        .asList()
                        .stream()
                        .map(JsonElement::getAsJsonObject)
                        .filter(c -> c.get("name").getAsString().equals("batch"))
                        .findFirst()
                        .orElseThrow();
        JsonObject options = recorded.getAsJsonObject("options");
        List<String> rows = new ArrayList<>();
        recorded.getAsJsonArray("prompts").forEach(prompt -> rows.add(commas(prompt)));
        JsonArray actual =
                generate(
                                "--ids=" + String.join(";", rows),
                                "--num-beams=" + options.get("num_beams"),
                                "--num-return-sequences=" + options.get("num_return_sequences"),
                                "--max-new-tokens=" + options.get("max_new_tokens"),
                                "--eos-token-id=" + commas(options.get("eos_token_id")),
                                "--json")
                        .json()
                        .getAsJsonArray("rows");
        JsonArray expected = recorded.getAsJsonArray("outputs");
        assertThat(actual).hasSameSizeAs(expected);
        for (int i = 0; i < expected.size(); ++i) {
            JsonObject row = actual.get(i).getAsJsonObject();
            assertThat(Reference.ids(row.get("ids"))).isEqualTo(Reference.ids(expected.get(i)));
            double score = recorded.getAsJsonArray("scores").get(i).getAsDouble();
            assertThat(row.get("beam_score").getAsDouble()).isCloseTo(score, within(1e-4));
        }
    }

    @Test
    void idsArePrintedWhereThereIsNoTokenizer() {
        JsonObject recorded = REFERENCE.greedy("short");
        Cli run =
                generate("--ids=28,52,84,34,89", "--max-new-tokens=3", "--eos-token-id=none")
                        .succeeds();
        JsonArray ids = recorded.getAsJsonArray("outputs").get(0).getAsJsonArray();
        assertThat(run.out().strip()).isEqualTo(ids.get(0) + "," + ids.get(1) + "," + ids.get(2));
        assertThat(run.err())
                .contains(
                        "5 prompt tokens",
                        "3 generated",
                        "kernels " + Engines.fastestKernels() + " float32");
    }

    @Test
    void aSeedRepeatsItsText() {
        String[] arguments = {"--ids=28,52", "--temperature=2", "--seed=7", "--quiet"};
        assertThat(generate(arguments).succeeds()).isEqualTo(generate(arguments));
    }

    @Test
    void everyOptionOfTheGeneratorIsThere() {
        String help = Cli.run("generate", "--help").succeeds().out();
        for (String name : GenerationConfig.Builder.optionNames()) {
            String dashed = name.replace('_', '-');
            assertThat(help).containsPattern("--(\\[no-\\])?" + dashed + "[=\\[]");
        }
    }

    private static String first(String... options) {
        return generate(
                        Stream.concat(
                                        Stream.of(
                                                "--ids=28,52,84,34,89",
                                                "--max-new-tokens=1",
                                                "--quiet"),
                                        Arrays.stream(options))
                                .toArray(String[]::new))
                .succeeds()
                .out()
                .strip();
    }

    /** Each kind of value, with an effect on the first token. */
    @Test
    void optionsOfEveryKind() {
        String id = first();
        assertThat(first("--suppress-tokens=5," + id)).isNotEqualTo(id);
        assertThat(first("--suppress-tokens=none")).isEqualTo(id);
        assertThat(first("--bad-words-ids=1,2", "--bad-words-ids", "89," + id)).isNotEqualTo(id);
        assertThat(first("--bad-words-ids=88," + id)).isEqualTo(id);
        assertThat(first("--logit-bias=5:1", "--logit-bias=" + id + ":-100")).isNotEqualTo(id);
        assertThat(first("--sequence-bias=34,89,7:100", "--sequence-bias=5:1")).isEqualTo("7");
        assertThat(
                        first(
                                "--eos-token-id=9",
                                "--forced-eos-token-id=8",
                                "--exponential-decay-length-penalty=5,1.5"))
                .isEqualTo("8");
        assertThat(first("--eos-token-id=9", "--no-remove-invalid-values")).isEqualTo(id);
    }

    @Test
    void jsonHasTheMostLikelyTokens() {
        JsonObject json =
                generate(
                                "--ids=28,52,84,34,89",
                                "--max-new-tokens=2",
                                "--eos-token-id=none",
                                "--logprobs",
                                "--top-logprobs=3",
                                "--suppress-tokens=5",
                                "--output-scores",
                                "--json")
                        .json();
        JsonArray top = json.getAsJsonArray("top_logprobs");
        assertThat(top).hasSize(2);
        JsonArray first = top.get(0).getAsJsonArray();
        assertThat(first).hasSize(3);
        JsonObject best = first.get(0).getAsJsonObject();
        assertThat(best.get("id")).isEqualTo(json.getAsJsonArray("ids").get(0));
        assertThat(best.get("logprob").getAsFloat())
                .isEqualTo(json.getAsJsonArray("logprobs").get(0).getAsFloat());
        JsonArray scores = json.getAsJsonArray("scores").get(1).getAsJsonArray();
        assertThat(scores).hasSize(99);
        assertThat(scores.get(5).isJsonNull()).isTrue();
        assertThat(scores.get(6).getAsFloat()).isFinite();
    }

    @Test
    void textNeedsATokenizer() {
        assertThat(generate("hello").fault(1)).contains("no tokenizer in", "tokenizer.json");
    }

    @Test
    void idsMustBeInTheVocabulary() {
        assertThat(generate("--ids=5,99").fault(1)).contains("99", "0 to 98");
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "--temperature=NaN",
                "--temperature=-1",
                "--top-k=-3",
                "--top-p=0",
                "--top-p=1.5",
                "--min-p=2",
                "--repetition-penalty=0",
                "--max-new-tokens=0",
                "--max-new-tokens=many",
                "--min-new-tokens=-1",
                "--prefill-chunk-size=0",
                "--eos-token-id=x",
                "--bad-words-ids=5,x",
                "--sequence-bias=5,6",
                "--logit-bias=5",
                "--suppress-tokens=5;6",
                "--exponential-decay-length-penalty=5",
                "--early-stopping=sometimes",
                "--num-beams=0",
                "--presence-penalty=3",
                "--watermarking-config=bais=2",
                "--prompt-lookup-num-tokens=0",
                "--forced-bos-token-id=none",
                "--mask=1,1",
                "--mask=1,0,1",
                "--mask=1,2,1",
                "--ids=5,,6",
                "--device=tpu",
                "--threads=0",
            })
    void wrongOptionsAreNamed(String option) {
        String name = option.substring(0, option.indexOf('='));
        assertThat(generate("--ids=5,6,7", option).fault(2))
                .contains(name)
                .endsWith("see 'mistral generate --help'");
    }

    @Test
    void textAndIdsExcludeEachOther() {
        assertThat(generate("--ids=5", "text").fault(2)).contains("--ids", "text");
    }

    @Test
    void anEmptyPromptIsRefused() {
        assertThat(generate("").fault(2)).contains("the prompt is empty");
    }

    @Test
    void misspelledOptionIsSuggested() {
        assertThat(generate("--ids=5", "--temprature=1").fault(2))
                .contains("--temprature")
                .contains("did you mean --temperature");
    }

    @Test
    void anUnquotedTextIsExplained() {
        assertThat(generate("What", "is", "a", "fox?").fault(2)).contains("quote a text");
    }

    @Test
    void anUnknownInstructionSetIsAnError() {
        assertThat(generate("--ids=5", "--native=sse4").fault(1)).contains("sse4", "avx512");
        assertThat(generate("--ids=5", "--native=avx2", "--kernels=torch").fault(1))
                .contains("native is \"avx2\"", "kernels is \"torch\"");
    }

    @Test
    void unknownKernelsAreAnError() {
        assertThat(generate("--ids=5", "--kernels=fast").fault(1)).contains("fast", "torch");
    }

    @Test
    void textsHaveTheFormOfTheOptions(@TempDir Path directory) throws Exception {
        Path schema = directory.resolve("schema.json");
        Files.writeString(schema, "{\"enum\": [\"red\", \"blue\"]}");
        String question = "What is a lighthouse?";
        assertThat(Cli.run("generate", "-q", "--json-schema", schema.toString(), question).out())
                .matches("\"(red|blue)\"\\R");
        assertThat(Cli.run("generate", "-q", "--choice", "yes", "--choice", "no", question).out())
                .matches("(yes|no)\\R");
        assertThat(Cli.run("generate", "-q", "--regex", "[0-9]{3}", question).out())
                .matches("[0-9]{3}\\R");
        Path gbnf = directory.resolve("answer.gbnf");
        Files.writeString(gbnf, "root ::= [ab]{2} end\nend ::= \"!\"");
        assertThat(Cli.run("generate", "-q", "--grammar", gbnf.toString(), question).out())
                .matches("[ab]{2}!\\R");
        Path lark = directory.resolve("answer.lark");
        Files.writeString(lark, "start: /[cd]/ end\nend: \"?\"");
        assertThat(Cli.run("generate", "-q", "--grammar", lark.toString(), question).out())
                .matches("[cd]\\?\\R");
        Files.writeString(gbnf, "root ::= \"a\"\n  | \"b\"");
        assertThat(Cli.run("generate", "--grammar", gbnf.toString(), question).fault(2))
                .contains("--grammar " + gbnf + ": line 2, column 3: ");
        assertThat(Cli.run("generate", "--grammar", schema.toString(), question).fault(2))
                .contains("--grammar " + schema + ": ", ".gbnf", ".lark");
        Files.writeString(schema, "{\"$ref\": \"https://example.com/schema\"}");
        Cli wrong = Cli.run("generate", "--json-schema", schema.toString(), question);
        assertThat(wrong.err()).contains("--json-schema").contains("https://example.com/schema");
        assertThat(Cli.run("generate", "--regex", "a", "--choice", "b", question).err())
                .contains("exclude each other");
        assertThat(Cli.run("generate", "--regex", "a", "--grammar", "b.gbnf", question).fault(2))
                .contains("exclude each other");
    }
}
