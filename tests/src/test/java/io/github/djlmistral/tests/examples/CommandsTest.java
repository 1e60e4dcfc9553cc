/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;
import static org.assertj.core.api.Assertions.withinPercentage;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import io.github.djlmistral.tests.Engines;
import io.github.djlmistral.tests.model.GgufModel;
import io.github.djlmistral.tests.model.Reference;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The other commands of {@code mistral}: output and error messages. */
class CommandsTest {

    private static final String MODEL = Reference.directory("checkpoints/window8-f32").toString();

    @TempDir Path directory;

    @ParameterizedTest
    @ValueSource(
            strings = {
                "chat",
                "generate",
                "tokenize",
                "info",
                "bench",
                "perplexity",
                "quantize",
                "pull",
                "list",
                "rm",
                "logits",
                "completion"
            })
    void everyCommandHasHelp(String command) {
        String help = Cli.run(command, "--help").succeeds().out();
        assertThat(help).startsWith("Usage: mistral " + command).contains("Exit codes:");
        assertThat(help.lines()).allMatch(line -> line.length() <= 80);
        assertThat(Cli.run("--help").succeeds().out()).contains("  " + command + " ");
    }

    @Test
    void withoutACommandTheUsageIsPrinted() {
        Cli run = Cli.run();
        assertThat(run.exitCode()).isEqualTo(2);
        assertThat(run.err()).startsWith("Usage: mistral").contains("generate");
        assertThat(run.out()).isEmpty();
    }

    @Test
    void anUnknownCommandIsAUsageError() {
        assertThat(Cli.run("generat").fault(2)).contains("generat");
    }

    @Test
    void completionIsABashScript() {
        assertThat(Cli.run("completion").succeeds().out())
                .startsWith("#!/usr/bin/env bash")
                .contains("--max-new-tokens", "complete -F");
    }

    @ParameterizedTest
    @ValueSource(strings = {"info", "bench", "tokenize"})
    void aModelThatIsNotThereIsNamed(String command) {
        String text = command.equals("tokenize") ? "text" : "--json";
        assertThat(Cli.run(command, "--model=no/such/model", text).fault(1))
                .contains("no/such/model", "mistral-tiny-instruct");
    }

    @Test
    void aDirectoryWithoutAModelIsNamed() {
        assertThat(Cli.run("info", "--model=" + directory).fault(1))
                .contains(directory.toString(), "config.json");
        assertThat(Cli.run("bench", "--model=" + directory).fault(1))
                .contains(directory.toString(), "config.json");
    }

    @Test
    void aFileIsNoModel() throws IOException {
        Path file = Files.writeString(directory.resolve("x"), "");
        assertThat(Cli.run("info", "--model=" + file).fault(1)).contains("is not a GGUF file");
    }

    @Test
    void debugAddsTheStackTrace() {
        Cli run = Cli.run("info", "--debug", "--model=" + directory);
        assertThat(run.exitCode()).isEqualTo(1);
        assertThat(run.err()).contains("\tat ").contains("mistral: ");
    }

    @Test
    void infoReadsHeadersOnly() {
        JsonObject json = Cli.run("info", "--model=" + MODEL, "--json").json();
        JsonObject config = json.getAsJsonObject("config");
        assertThat(config.get("hidden_size").getAsInt()).isEqualTo(32);
        assertThat(config.get("sliding_window").getAsInt()).isEqualTo(8);
        assertThat(config.get("eos_token_id").toString()).isEqualTo("[2]");
        JsonObject weights = json.getAsJsonObject("weights");
        long parameters = weights.get("parameters").getAsLong();
        assertThat(weights.get("stored_bytes").getAsLong()).isEqualTo(4 * parameters);
        JsonObject cache = json.getAsJsonObject("kv_cache");
        // keys and values of 3 layers, 2 heads of 8, 4 bytes each
        assertThat(cache.get("bytes_per_token").getAsInt()).isEqualTo(2 * 3 * 2 * 8 * 4);
        assertThat(cache.get("tokens_kept_at_most").getAsInt()).isEqualTo(8);
        assertThat(json.getAsJsonObject("kernels").get("reason").getAsString())
                .startsWith(Engines.fastestKernels());
        assertThat(json.getAsJsonObject("model").get("chat_template").getAsBoolean()).isFalse();

        assertThat(Cli.run("info", "--model=" + MODEL).succeeds().out())
                .contains("hidden_size", "kernels", "parameters");
    }

    @Test
    void aGgufFileIsAModel() throws IOException {
        Path checkpoint = Reference.directory("checkpoints/window4-bf16");
        Path file = GgufModel.eightBits(checkpoint).write(directory.resolve("small.Q8_0.gguf"));
        JsonObject json = Cli.run("info", "--model=" + file, "--json").json();
        JsonObject plain = Cli.run("info", "--model=" + checkpoint, "--json").json();
        for (JsonObject each : List.of(json, plain)) { // the file does not name its source
            each.getAsJsonObject("config").remove("dtype");
        }
        assertThat(json.get("config")).isEqualTo(plain.get("config"));
        assertThat(json.getAsJsonObject("model").get("file").getAsString()).contains("Q8_0.gguf");
        JsonObject weights = json.getAsJsonObject("weights");
        // two layers with two norms each, and the last norm
        assertThat(weights.get("tensors").toString()).isEqualTo("{\"Q8_0\":16,\"F32\":5}");
        long matrices = weights.get("parameters").getAsLong() - 5 * 64;
        assertThat(weights.get("stored_bytes").getAsLong())
                .isEqualTo(matrices / 32 * 34 + 5 * 64 * 4);

        String[] ids = {"logits", "--ids=1,5,7", "--model=" + file};
        Cli.run(ids).succeeds();
        assertThat(
                        Cli.run("generate", "--ids=1,5,7", "--max-new-tokens=3", "--model=" + file)
                                .out())
                .isNotEmpty();
        assertThat(Cli.run("tokenize", "text", "--model=" + file).fault(1))
                .contains("Q8_0.gguf", "contains no tokenizer");
    }

    @Test
    void benchMeasuresPrefillAndDecode() {
        String[] arguments = {
            "bench", "--model=" + MODEL, "--prompt=20", "--generate=6", "--repetitions=3", "-d=4"
        };
        Cli table = Cli.run(arguments).succeeds();
        assertThat(table.out().lines()).hasSize(4).allMatch(l -> l.matches("\\|.*\\|"));
        assertThat(table.out()).contains("pp20 @ d4", "tg6 @ d4", "±");

        String[] asJson = Arrays.copyOf(arguments, arguments.length + 1);
        asJson[arguments.length] = "--json";
        JsonArray tests = Cli.run(asJson).json().getAsJsonArray("tests");
        assertThat(tests).hasSize(2);
        tests.forEach(
                test -> {
                    JsonObject fields = test.getAsJsonObject();
                    assertThat(fields.getAsJsonArray("seconds")).hasSize(3);
                    assertThat(fields.get("tokens_per_second").getAsDouble()).isPositive();
                    assertThat(fields.get("gigabytes_per_second").getAsDouble()).isPositive();
                    assertThat(fields.get("gigamacs_per_second").getAsDouble()).isPositive();
                });
    }

    /** 212,992 quantized weights take half a byte each, and two more per group of 64. */
    @Test
    void benchCountsBytesOfQuantizedWeights() {
        String[] arguments = {
            "bench", "--synthetic=tiny", "--layers=1", "--group=64", "-p=5", "-n=3", "-r=1", "-d=4"
        };
        String[] asJson = Arrays.copyOf(arguments, arguments.length + 2);
        asJson[arguments.length] = "--json";
        asJson[arguments.length + 1] = "--memory";
        JsonObject json = Cli.run(asJson).json();
        long norms = 3 * 128 * 4;
        long read = 212_992 / 2 + 212_992 / 64 * 2 + norms;
        assertThat(json.get("bytes_per_pass").getAsLong()).isEqualTo(read);
        long table = 512 * 128 * 4;
        assertThat(json.get("weights_bytes").getAsLong()).isEqualTo(read + table);
        assertThat(json.get("load_seconds").getAsDouble()).isPositive();
        assertThat(json.get("memory_read_gigabytes_per_second").getAsDouble()).isPositive();
        JsonObject generation = json.getAsJsonArray("tests").get(1).getAsJsonObject();
        assertThat(generation.get("gigabytes_per_second").getAsDouble())
                .isCloseTo(
                        read * generation.get("tokens_per_second").getAsDouble() * 1e-9,
                        withinPercentage(1e-6));

        assertThat(Cli.run(arguments).succeeds().out()).contains("synthetic tiny int4 g64");
    }

    @Test
    void benchNamesTheSyntheticModels() {
        assertThat(Cli.run("bench", "--synthetic=8b").fault(2)).contains("8b", "7b-v0.2", "tiny");
        assertThat(Cli.run("bench", "--synthetic=tiny", "--group=16").fault(2))
                .contains("16", "32");
        assertThat(Cli.run("bench", "--synthetic=tiny", "--layers=0").fault(2)).contains("0");
    }

    /** A rolling cache cannot be rewound. */
    @Test
    void benchMeasuresBeyondTheWindow() {
        JsonObject json =
                Cli.run("bench", "--model=" + MODEL, "-p=0", "-n=3", "-d=9", "-r=2", "--json")
                        .json();
        JsonObject test = json.getAsJsonArray("tests").get(0).getAsJsonObject();
        assertThat(test.getAsJsonArray("seconds")).hasSize(2);
        assertThat(test.get("depth_seconds").getAsDouble()).isPositive();
    }

    @Test
    void benchStaysWithinTheModel() {
        assertThat(Cli.run("bench", "--model=" + MODEL, "--prompt=600").fault(2))
                .contains("600", "512");
        assertThat(Cli.run("bench", "--prompt=0", "--generate=0").fault(2)).contains("nothing");
    }

    @Test
    void tokenizeShowsIdsAndPieces() {
        String tokenizer = Reference.directory("tokenizer/small").toString();
        JsonObject json = Cli.run("tokenize", "--model=" + tokenizer, "--json", "hello <s>").json();
        JsonArray ids = json.getAsJsonArray("ids");
        assertThat(ids.get(0).getAsInt()).isEqualTo(1);
        assertThat(json.getAsJsonArray("tokens")).hasSameSizeAs(ids);
        assertThat(json.getAsJsonArray("tokens").get(0).getAsString()).isEqualTo("<s>");

        String list =
                Cli.runWith("hello <s>\n", "tokenize", "--model=" + tokenizer, "--ids-only")
                        .succeeds()
                        .out()
                        .strip();
        assertThat("[" + list + "]").isEqualTo(ids.toString());
        String back =
                Cli.run("tokenize", "--model=" + tokenizer, "--decode=" + list, "--json")
                        .json()
                        .get("text")
                        .getAsString();
        assertThat(back).contains("hello <s>");
    }

    /** Scoring by windows equals the log-probabilities of a single pass. */
    @Test
    void perplexityOfTheBuiltInModel() throws IOException {
        Path file = Files.writeString(directory.resolve("text"), "A lighthouse is a tower. ");
        JsonObject whole = Cli.run("perplexity", "--json", file.toString()).json();
        int tokens = whole.get("tokens").getAsInt();
        assertThat(whole.get("tokens_counted").getAsInt()).isEqualTo(tokens - 1);
        assertThat(whole.get("perplexity").getAsDouble())
                .isCloseTo(Math.exp(whole.get("mean_nll").getAsDouble()), within(1e-9));

        JsonObject sliding =
                Cli.run("perplexity", "--json", "-c=6", "--stride=2", file.toString()).json();
        assertThat(sliding.get("tokens_counted").getAsInt()).isEqualTo(tokens - 1);
        JsonObject apart =
                Cli.run("perplexity", "--json", "-c=4", "--stride=4", file.toString()).json();
        assertThat(apart.get("tokens_counted").getAsInt())
                .isEqualTo(tokens - apart.get("windows").getAsInt());
        assertThat(Cli.run("perplexity", "-c=4", "--stride=5", file.toString()).fault(2))
                .contains("--stride");
    }

    @Test
    void chatAnswersPipedLines() {
        Cli run =
                Cli.runWith(
                                """
                                What is a lighthouse?
                                /help
                                /reset
                                /system Be brief.
                                /nonsense

                                What is a fox?
                                /exit
                                What is never read?
                                """,
                                "chat",
                                "--max-new-tokens=30",
                                "--verbose")
                        .succeeds();
        assertThat(run.out().lines()).hasSize(2).noneMatch(String::isBlank);
        assertThat(run.out()).doesNotContain("> ");
        assertThat(run.err()).contains("/system TEXT", "unknown command /nonsense", "tokens/s");
    }

    @Test
    void chatDropsTheOldestMessages() {
        String line = "What is a lighthouse, and what is a fox? ".repeat(50) + "\n";
        Cli run = Cli.runWith(line.repeat(4), "chat", "--max-new-tokens=4").succeeds();
        assertThat(run.out().lines()).hasSize(4);
        assertThat(run.err()).contains("dropped the oldest turn");
    }

    @Test
    void chatNeedsATemplate() {
        String model = Reference.directory("checkpoints/window8-f32").toString();
        assertThat(Cli.run("chat", "--model=" + model).fault(1)).contains("no tokenizer");
    }
}
