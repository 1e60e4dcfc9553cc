/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.examples;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.djlmistral.tests.hub.ModelHub;
import io.github.djlmistral.tests.model.GgufModel;
import io.github.djlmistral.tests.model.Reference;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** {@code mistral pull}, {@code list} and {@code rm}, and models of the Hub in other commands. */
class HubCommandsTest {

    private static final String NAME = "owner/Tiny";
    private static final Path CHECKPOINT = Reference.directory("checkpoints/window8-f32");

    @TempDir Path home;
    @TempDir Path directory;
    private ModelHub hub;

    @BeforeEach
    void open() throws IOException {
        hub = new ModelHub(home).offer(NAME, CHECKPOINT, "v1");
        hub.offer(NAME, "README.md", "# Tiny");
    }

    @AfterEach
    void close() throws IOException {
        hub.close();
    }

    private static List<String> strings(JsonElement array) {
        return array.getAsJsonArray().asList().stream().map(JsonElement::getAsString).toList();
    }

    private static JsonObject only(JsonObject list) {
        assertThat(list.getAsJsonArray("models")).hasSize(1);
        return list.getAsJsonArray("models").get(0).getAsJsonObject();
    }

    /** Generates from three token ids, so that no tokenizer is needed. */
    private static JsonElement ids(String model) {
        return Cli.run(
                        "generate",
                        "--json",
                        "--ids=5,6,7",
                        "--max-new-tokens=4",
                        "--model=" + model)
                .json()
                .get("ids");
    }

    @Test
    void pullListRemove() throws Exception {
        JsonObject pulled = Cli.run("pull", "--json", NAME).json();
        assertThat(pulled.get("repository").getAsString()).isEqualTo(NAME);
        assertThat(pulled.get("revision").getAsString()).isEqualTo("main");
        assertThat(pulled.get("commit").getAsString()).isEqualTo(ModelHub.COMMIT);
        assertThat(strings(pulled.get("files")))
                .contains("config.json", "model.safetensors")
                .doesNotContain("README.md", "expected.safetensors");
        long bytes =
                Files.size(CHECKPOINT.resolve("config.json"))
                        + Files.size(CHECKPOINT.resolve("model.safetensors"));
        assertThat(pulled.get("bytes").getAsLong()).isGreaterThanOrEqualTo(bytes);
        assertThat(pulled.get("downloaded_bytes").getAsLong())
                .isEqualTo(pulled.get("bytes").getAsLong());
        Path path = Path.of(pulled.get("path").getAsString());
        assertThat(path.resolve("model.safetensors"))
                .hasSameBinaryContentAs(CHECKPOINT.resolve("model.safetensors"));

        JsonObject again = Cli.run("pull", "--json", NAME).json();
        assertThat(again.get("downloaded_bytes").getAsLong()).isZero();
        assertThat(Cli.run("pull", NAME).succeeds().out())
                .contains(path.toString(), "was here already");

        JsonObject listed = only(Cli.run("list", "--json").json());
        assertThat(listed.get("repository").getAsString()).isEqualTo(NAME);
        // and what is written down about them
        assertThat(listed.get("bytes").getAsLong())
                .isBetween(pulled.get("bytes").getAsLong(), pulled.get("bytes").getAsLong() + 4096);
        assertThat(listed.get("unfinished_bytes").getAsLong()).isZero();
        JsonObject revision = listed.getAsJsonArray("revisions").get(0).getAsJsonObject();
        assertThat(strings(revision.get("names"))).containsExactly("main");
        assertThat(revision.get("files")).isEqualTo(pulled.get("files"));
        Cli table = Cli.run("list").succeeds();
        assertThat(table.out().lines().toList().get(0)).startsWith(NAME);
        assertThat(table.out().lines().toList().get(1)).startsWith("  main").contains(" files");
        assertThat(table.err()).contains(home.toString());

        assertThat(ids(NAME)).isEqualTo(ids(CHECKPOINT.toString()));

        JsonObject removed = Cli.run("rm", "--json", NAME).json();
        assertThat(removed.get("freed_bytes")).isEqualTo(listed.get("bytes"));
        assertThat(Cli.run("list", "--json").json().getAsJsonArray("models")).isEmpty();
        assertThat(Cli.run("list").succeeds().err()).contains("no models");
        assertThat(Cli.run("rm", NAME).fault(1)).contains(NAME);
        try (Stream<Path> files = Files.walk(home)) {
            assertThat(files.filter(Files::isRegularFile)).isEmpty();
        }
    }

    @Test
    void revisions() {
        JsonObject pulled = Cli.run("pull", "--json", "--revision=v1", NAME).json();
        assertThat(pulled.get("revision").getAsString()).isEqualTo("v1");
        assertThat(Cli.run("pull", "--json", NAME + "@v1").json().get("path"))
                .isEqualTo(pulled.get("path"));
        assertThat(Cli.run("pull", "--revision=v2", NAME).fault(1)).contains(NAME, "v2");
        assertThat(Cli.run("pull", "--revision=v2", NAME + "@v1").fault(2))
                .contains("--revision is v2", "omit one");
        assertThat(Cli.run("rm", NAME + "@main").fault(1)).contains(NAME);
        assertThat(Cli.run("rm", NAME + "@v1").succeeds().out()).contains(" freed");
        assertThat(Cli.run("list", "--json").json().getAsJsonArray("models")).isEmpty();
    }

    /** Files that were downloaded before are kept and not downloaded again. */
    @Test
    void interruptedDownloadsAreListedAndResume() throws Exception {
        hub.breakAfter(50_000);
        Cli broken = Cli.run("pull", NAME);
        assertThat(broken.exitCode()).as(broken.err()).isEqualTo(1);
        JsonObject listed = only(Cli.run("list", "--json").json());
        long there = listed.get("unfinished_bytes").getAsLong();
        assertThat(there).isPositive();
        assertThat(Cli.run("list").succeeds().out()).contains("  unfinished ");
        hub.repair();
        JsonObject pulled = Cli.run("pull", "--json", NAME).json();
        assertThat(pulled.get("downloaded_bytes").getAsLong())
                .isLessThan(pulled.get("bytes").getAsLong());
        assertThat(ids(NAME)).isEqualTo(ids(CHECKPOINT.toString()));
    }

    @ParameterizedTest
    @ValueSource(strings = {NAME, "hf://" + NAME, NAME + "@v1", "hf://" + NAME + "?revision=v1"})
    void aModelOfTheHubIsAModelOfEveryCommand(String model) throws Exception {
        assertThat(Cli.run("info", "--json", "--model=" + model).json().getAsJsonObject("config"))
                .isEqualTo(
                        Cli.run("info", "--json", "--model=" + CHECKPOINT)
                                .json()
                                .getAsJsonObject("config"));
        hub.stop();
        hub.set("HF_HUB_OFFLINE", "1");
        assertThat(ids(model)).isEqualTo(ids(CHECKPOINT.toString()));
        assertThat(Cli.run("logits", "--json", "--ids=5,6,7", "--model", model).exitCode())
                .isZero();
    }

    @Test
    void urlMayContainThePrecision() throws Exception {
        String model = "hf://owner/Window4?precision=nf4";
        Path plain = Reference.directory("checkpoints/window4-bf16");
        hub.offer("owner/Window4", plain);
        JsonObject weights =
                Cli.run("info", "--json", "--model", model).json().getAsJsonObject("weights");
        JsonObject expected =
                Cli.run("info", "--json", "--quantization=nf4", "--model=" + plain)
                        .json()
                        .getAsJsonObject("weights");
        assertThat(weights).isEqualTo(expected);
        assertThat(Cli.run("quantize", model, directory.resolve("x").toString()).fault(2))
                .contains("nf4", "unquantized model");
        assertThat(
                        Cli.run(
                                        "quantize",
                                        "--method=nf4",
                                        "hf://owner/Window4",
                                        directory.resolve("x").toString())
                                .exitCode())
                .isZero();
        assertThat(directory.resolve("x/model.safetensors")).exists();
    }

    @Test
    void aGgufFileOfTheZoo() throws Exception {
        Path file = directory.resolve("mistral-7b-v0.1.Q4_K_M.gguf");
        GgufModel.plain(CHECKPOINT).write(file);
        hub.offer("TheBloke/Mistral-7B-v0.1-GGUF", file);
        assertThat(ids("mistral-7b-v0.1:gguf")).isEqualTo(ids(file.toString()));
        assertThat(ids("TheBloke/Mistral-7B-v0.1-GGUF/" + file.getFileName()))
                .isEqualTo(ids(file.toString()));
        assertThat(Cli.run("rm", "mistral-7b-v0.1:gguf").succeeds().out()).contains(" freed");
        assertThat(Cli.run("list", "--json").json().getAsJsonArray("models")).isEmpty();
    }

    /** Without a terminal nobody can be asked. */
    @Test
    void rmOfAQuantizedAliasAsksBeforeItDeletesTheFilesItShares() throws Exception {
        hub.offer("mistralai/Mistral-7B-v0.1", CHECKPOINT);
        for (String alias :
                List.of("mistral-7b-v0.1:int4", "hf://mistralai/Mistral-7B-v0.1?precision=nf4")) {
            Cli.run("pull", alias).succeeds();
            assertThat(Cli.run("rm", alias).fault(1))
                    .contains(alias, "shares the files of hf://mistralai/Mistral-7B-v0.1", "--yes");
            assertThat(rmOnATerminal(alias, "").exitCode()).isEqualTo(1);
            Cli refused = rmOnATerminal(alias, "no\n");
            assertThat(refused.err()).contains("Delete them? [y/N]", "nothing was deleted");
            only(Cli.run("list", "--json").json());
            assertThat(rmOnATerminal(alias, "y\n").succeeds().out()).contains(" freed");
            assertThat(Cli.run("list", "--json").json().getAsJsonArray("models")).isEmpty();
        }
        Cli.run("pull", "mistral-7b-v0.1").succeeds();
        Cli.run("rm", "--yes", "mistral-7b-v0.1:int4").succeeds();
        Cli.run("pull", "mistral-7b-v0.1").succeeds();
        Cli.run("rm", "mistral-7b-v0.1").succeeds();
    }

    private static Cli rmOnATerminal(String model, String answer) {
        System.setProperty("mistral.terminals", "0");
        try {
            return Cli.runWith(answer, "rm", model);
        } finally {
            System.clearProperty("mistral.terminals");
        }
    }

    /** From where the tests run there is such a directory. */
    @Test
    void aDirectoryComesBeforeTheHub() throws Exception {
        assertThat(Path.of("src/test")).isDirectory();
        hub.offer("src/test", CHECKPOINT);
        assertThat(Cli.run("info", "--model=src/test").fault(1)).contains("src", "config.json");
        assertThat(Cli.run("pull", "src/test").fault(1))
                .contains("is a local directory or file", "hf://src/test");
        assertThat(Cli.run("rm", "src/test").fault(1)).contains("local directory", "hf://src/test");
        assertThat(hub.requests()).isZero();
        assertThat(ids("hf://src/test")).isEqualTo(ids(CHECKPOINT.toString()));
    }

    @Test
    void missingModelIsExplained() {
        assertThat(Cli.run("pull", "owner/None").fault(1)).contains("owner/None");
        assertThat(Cli.run("info", "--model=owner/None").fault(1))
                .contains("owner/None", "no local directory or file owner/None either");
        assertThat(Cli.run("info", "--model=./owner/None").fault(1))
                .contains("there is no model ./owner/None", "OWNER/NAME", "mistral-7b-v0.1");
        assertThat(Cli.run("info", "--model=mistral-7b-v0.1:fp4").fault(1))
                .contains("not available as 'fp4'", "[bfloat16, int4");
        assertThat(Cli.run("pull", "hf://owner/None?what=x").fault(1)).contains("'what'");
        assertThat(Cli.run("pull", "mistral-tiny-instruct").fault(1)).contains("is embedded");
        assertThat(Cli.run("rm", "mistral-tiny-instruct:int4").fault(1)).contains("is embedded");
        hub.gate("hf_right");
        assertThat(Cli.run("pull", NAME).fault(1)).contains(NAME, "HF_TOKEN");
        hub.set("HF_HUB_OFFLINE", "1");
        assertThat(Cli.run("pull", NAME).fault(1)).contains(NAME, "HF_HUB_OFFLINE");
    }

    /** Options are validated before a model is downloaded. */
    @ParameterizedTest
    @ValueSource(strings = {"--quantization=int3", "--dtype=float12", "--device=abacus"})
    void wrongOptionsAreReportedBeforeLoading(String option) {
        Cli run = Cli.run("generate", "--ids=5", "--model=" + NAME, option);
        assertThat(run.exitCode()).isIn(1, 2);
        assertThat(run.err()).contains(option.substring(option.indexOf('=') + 1));
        assertThat(hub.requests()).isZero();
    }

    @Test
    void theZooIsListed() {
        String table = Cli.run("list", "--zoo").succeeds().out();
        assertThat(table.lines())
                .anyMatch(line -> line.matches("mistral-tiny-instruct:int4 +embedded"))
                .anyMatch(
                        line ->
                                line.matches(
                                        "mistral-7b-v0.1:int4 +about 14.5 GB +mistralai/Mistral-7B-v0.1"
                                                + " \\*"))
                .anyMatch(
                        line ->
                                line.matches(
                                        "mistral-7b-instruct-v0.2:awq +about 4.2 GB"
                                                + " +TheBloke/Mistral-7B-Instruct-v0.2-AWQ"));
        assertThat(Cli.run("list", "--zoo", "--json").json().getAsJsonArray("models"))
                .hasSize((int) table.lines().count());
        assertThat(hub.requests()).isZero();
    }
}
