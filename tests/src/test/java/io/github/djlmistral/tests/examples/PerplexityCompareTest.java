/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.examples;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.within;

import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.training.ParameterStore;
import com.google.gson.JsonObject;
import io.github.djlmistral.engine.model.ForwardInput;
import io.github.djlmistral.examples.MistralCli;
import io.github.djlmistral.tests.model.Fixture;
import io.github.djlmistral.tests.model.GgufModel;
import io.github.djlmistral.tests.model.Reference;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Locale;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code mistral perplexity --compare}: KL divergence and perplexity of quantized models. */
class PerplexityCompareTest {

    private static final String TEXT = "A lighthouse is a tower, and a fox is an animal.";

    private static final String CONVERSATIONS =
            """
            {"messages": [{"role": "user", "content": "What is a lighthouse?"}, \
            {"role": "assistant", "content": "a tower with a light that gives warning of shoals to passing ships"}, \
            {"role": "user", "content": "What is a dog?"}, \
            {"role": "assistant", "content": "something with wheels"}]}

            {"messages": [{"role": "system", "content": "Be concise."}, \
            {"role": "user", "content": "Hello!"}, \
            {"role": "assistant", "content": "Hello! Which word shall I explain?"}]}
            """;

    @TempDir private Path directory;

    private Path file(String name, String content) throws IOException {
        return Files.writeString(directory.resolve(name), content);
    }

    private static Path embedded() {
        return Path.of(
                Cli.run("info", "--json")
                        .json()
                        .getAsJsonObject("model")
                        .get("directory")
                        .getAsString());
    }

    private static JsonObject form(JsonObject result, int index) {
        return result.getAsJsonArray("variants").get(index).getAsJsonObject();
    }

    /** Against all log-probabilities of one pass, summed in double precision. */
    @Test
    void divergenceAndPerplexityFollowTheirDefinitions() throws Exception {
        Path file = file("text.txt", TEXT);
        JsonObject result =
                Cli.run("perplexity", "--json", "--compare=int4-g128-head4", file + "").json();
        long[] ids;
        try (MistralTokenizer tokenizer = MistralTokenizer.open(embedded())) {
            ids = tokenizer.encodePlain(TEXT, true);
        }
        Criteria.Builder<NDList, NDList> builder =
                Mistral.criteria(NDList.class, NDList.class).optArgument("kernels", "torch");
        float[][] base = logits(builder.build(), ids);
        float[][] quantized =
                logits(builder.optArgument("quantization", "int4-g128-head4").build(), ids);
        double divergence = 0;
        double likelihood = 0;
        double same = 0;
        int undecided = 0;
        int count = ids.length - 1;
        for (int i = 0; i < count; ++i) {
            double[] p = logSoftmax(base[i]);
            double[] q = logSoftmax(quantized[i]);
            likelihood -= q[(int) ids[i + 1]];
            same += largest(p) == largest(q) ? 1 : 0;
            undecided += Math.min(lead(p), lead(q)) < 2 * Fixture.LOGITS ? 1 : 0;
            for (int j = 0; j < p.length; ++j) {
                divergence += Math.exp(p[j]) * (p[j] - q[j]);
            }
        }
        assertThat(result.get("tokens_counted").getAsInt()).isEqualTo(count);
        JsonObject form = form(result, 1);
        // A log-probability is off by up to LOG_PROBABILITIES, in either model's pass; their
        // difference, which p weighs, by twice that at the very most.
        assertThat(form.get("kl_divergence").getAsDouble())
                .isPositive()
                .isCloseTo(divergence / count, within(2.0 * Fixture.LOG_PROBABILITIES));
        assertThat(divergence / count).isGreaterThan(10 * Fixture.LOG_PROBABILITIES);
        assertThat(form.get("mean_nll").getAsDouble())
                .isCloseTo(likelihood / count, within((double) Fixture.LOG_PROBABILITIES));
        // rounding may decide which token is the most likely
        assertThat(form.get("same_token").getAsDouble())
                .isCloseTo(same / count, within((undecided + 1e-9) / count));
        assertThat(undecided).isLessThan(count / 4);
        double change =
                form.get("perplexity").getAsDouble()
                        / form(result, 0).get("perplexity").getAsDouble();
        assertThat(form.get("perplexity_change_percent").getAsDouble())
                .isCloseTo(100 * (change - 1), within(1e-6));
        // 4 bits and, for 128 weights, a scale and an offset of 16 bits
        assertThat(form.get("bits_per_quantized_weight").getAsDouble())
                .isCloseTo(4.25, within(0.001));
        assertThat(result.has("answers")).isFalse();
    }

    private static float[][] logits(Criteria<NDList, NDList> criteria, long[] ids)
            throws Exception {
        try (ZooModel<NDList, NDList> model = criteria.loadModel();
                NDManager scope = model.getNDManager().newSubManager()) {
            NDArray input = scope.create(ids, new Shape(1, ids.length));
            float[] all =
                    Mistral.network(model)
                            .forward(
                                    new ParameterStore(scope, false),
                                    ForwardInput.ofIds(input),
                                    false)
                            .logits()
                            .toFloatArray();
            int vocabulary = all.length / ids.length;
            float[][] rows = new float[ids.length][vocabulary];
            for (int i = 0; i < ids.length; ++i) {
                System.arraycopy(all, i * vocabulary, rows[i], 0, vocabulary);
            }
            return rows;
        }
    }

    private static double[] logSoftmax(float[] logits) {
        double sum = 0;
        for (float logit : logits) {
            sum += Math.exp(logit);
        }
        double[] result = new double[logits.length];
        for (int i = 0; i < logits.length; ++i) {
            result[i] = logits[i] - Math.log(sum);
        }
        return result;
    }

    /** By how much the largest value exceeds the second. */
    private static double lead(double[] values) {
        double[] sorted = values.clone();
        Arrays.sort(sorted);
        return sorted[sorted.length - 1] - sorted[sorted.length - 2];
    }

    private static int largest(double[] values) {
        int best = 0;
        for (int i = 1; i < values.length; ++i) {
            best = values[i] > values[best] ? i : best;
        }
        return best;
    }

    @Test
    void divergenceOfAModelFromItselfIsZero() throws Exception {
        Path file = file("text.txt", TEXT);
        JsonObject result =
                Cli.run("perplexity", "--json", "--compare", embedded() + "", file + "").json();
        JsonObject form = form(result, 1);
        // not zero: it is loaded twice, and other addresses may mean another order of summation.
        // Log-probabilities that are off by d have a divergence of d * d / 2; up to 16 in
        // magnitude, they are themselves rounded by 2^-21, and so is their sum.
        double off = 2.0 * Fixture.LOG_PROBABILITIES;
        assertThat(form.get("kl_divergence").getAsDouble())
                .isCloseTo(0, within(off * off / 2 + Math.scalb(4.0, -21)));
        assertThat(form.get("perplexity_change_percent").getAsDouble())
                .isCloseTo(0, within(100 * off));
        assertThat(form.get("same_token").getAsDouble()).isGreaterThan(0.9);
        assertThat(form.get("bits_per_quantized_weight").isJsonNull()).isTrue();
    }

    /** The model has memorized two of the answers; the third is wrong on purpose. */
    @Test
    void ofConversationsTheAnswersCount() throws Exception {
        Path file = file("c.jsonl", CONVERSATIONS);
        JsonObject plain = Cli.run("perplexity", "--json", file + "").json();
        assertThat(plain.get("answers").getAsInt()).isEqualTo(3);
        assertThat(plain.get("answers_right").getAsInt()).isEqualTo(2);
        // the questions, a third of all tokens, and the template's tokens do not count
        assertThat(plain.get("tokens_counted").getAsInt())
                .isBetween(20, plain.get("tokens").getAsInt() - 20);

        Cli run = Cli.run("perplexity", "--compare=int4,nf4-double", file + "").succeeds();
        assertThat(run.out().lines()).hasSize(5).allMatch(line -> line.startsWith("|"));
        assertThat(run.out()).contains("KL", "nf4-double", "2 of 3", "4.50");
        assertThat(run.err()).contains("KL divergence in nats");
    }

    /** Keys that do not concern it are ignored; tools become part of the prompt. */
    @Test
    void conversationsMayHaveToolsAndKeysOfADataSet() throws Exception {
        String one =
                """
                {"messages": [{"role": "user", "content": "What is a fox?"}, \
                {"role": "assistant", "content": "an animal"}]%s}
                """;
        String[] more = {"", ", \"id\": 7", ", \"id\": 7, \"tools\": [{\"name\": \"f\"}]"};
        JsonObject[] results = new JsonObject[more.length];
        for (int i = 0; i < more.length; ++i) {
            Path file = file(i + ".jsonl", String.format(Locale.ROOT, one, more[i]));
            results[i] = Cli.run("perplexity", "--json", file + "").json();
        }
        assertThat(results[1].get("perplexity")).isEqualTo(results[0].get("perplexity"));
        assertThat(results[2].get("tokens").getAsInt())
                .isGreaterThan(results[0].get("tokens").getAsInt());
        assertThat(results[2].get("tokens_counted")).isEqualTo(results[0].get("tokens_counted"));
        Path bad = file("bad.jsonl", "{\"messages\": [], \"tools\": 5}\n");
        assertThat(Cli.run("perplexity", bad + "").fault(1)).contains("line 1", "\"tools\"");
    }

    /** However short the windows, each answer token is scored exactly once. */
    @Test
    void windowsOfConversationsCountEachTokenOnce() throws Exception {
        Path file = file("c.jsonl", CONVERSATIONS);
        JsonObject whole = Cli.run("perplexity", "--json", file + "").json();
        JsonObject sliding =
                Cli.run("perplexity", "--json", "-c=12", "--stride=5", file + "").json();
        assertThat(sliding.get("tokens_counted")).isEqualTo(whole.get("tokens_counted"));
        assertThat(sliding.get("windows").getAsInt())
                .isGreaterThan(whole.get("windows").getAsInt());
    }

    /** Same bits per weight, unquantized output layer in both; a sixth of the built-in text. */
    @Test
    void int4ErrorIsBelowQ4Error() throws Exception {
        String lines;
        try (InputStream in = MistralCli.class.getResourceAsStream("cli/dialogues.jsonl")) {
            lines = new String(in.readAllBytes(), StandardCharsets.UTF_8);
        }
        Path text = file("some.jsonl", String.join("\n", lines.lines().limit(25).toList()));
        Path gguf = GgufModel.fourBits(embedded()).write(directory.resolve("Q4_0.gguf"));
        JsonObject result =
                Cli.run("perplexity", "--json", "--compare=int4-head16," + gguf, text + "").json();
        JsonObject ours = form(result, 1);
        JsonObject theirs = form(result, 2);
        assertThat(theirs.get("bits_per_quantized_weight").getAsDouble()).isEqualTo(4.5);
        assertThat(ours.get("bits_per_quantized_weight").getAsDouble()).isEqualTo(4.5);
        assertThat(ours.get("kl_divergence").getAsDouble())
                .isLessThan(0.85 * theirs.get("kl_divergence").getAsDouble());
        assertThat(theirs.get("kl_divergence").getAsDouble()).isLessThan(1e-2);
    }

    @Test
    void faultsAreNamed() throws Exception {
        Path file = file("text.txt", TEXT);
        assertThat(Cli.run("perplexity", "--compare=int3", file + "").fault(1))
                .contains("no file or directory 'int3'", "int4");
        assertThat(
                        Cli.run("perplexity", "--compare=int4", "--quantization=nf4", file + "")
                                .fault(2))
                .contains("--compare", "nf4");
        Path other = Reference.directory("checkpoints/window8-f32");
        assertThat(Cli.run("perplexity", "--compare=" + other, file + "").fault(1))
                .contains("window8-f32", "vocabulary", "6144");
        Path lines = file("bad.jsonl", "{\"messages\": []}\n");
        assertThat(Cli.run("perplexity", lines + "").fault(1)).contains("line 1");
        Files.writeString(lines, CONVERSATIONS + "[INST] What? [/INST]\n");
        assertThat(Cli.run("perplexity", lines + "").fault(1)).contains("line 4", "JSON");
        Files.writeString(lines, "{\"text\": \"\"}\n");
        assertThat(Cli.run("perplexity", lines + "").fault(1)).contains("\"messages\"");
        Files.writeString(lines, "{\"messages\": [{\"role\": \"user\", \"content\": \"a\"}]}\n");
        assertThat(Cli.run("perplexity", lines + "").fault(1)).contains("assistant");
    }
}
