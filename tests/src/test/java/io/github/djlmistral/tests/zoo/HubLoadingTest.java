/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.within;

import ai.djl.inference.Predictor;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.util.Progress;
import io.github.djlmistral.tests.hub.ModelHub;
import io.github.djlmistral.tests.model.GgufModel;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.chat.ChatInput;
import io.github.djlmistral.zoo.chat.ChatOutput;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.hub.HubException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Models of the Hub load by URL, equal to those of a directory. */
class HubLoadingTest extends ZooFixture {

    private static final String URL = "hf://owner/Tiny-v0.1";

    /** The embedded model as a directory, and as GGUF files. */
    @TempDir static Path models;

    @TempDir Path home;
    private ModelHub hub;

    @BeforeAll
    static void unpack() throws Exception {
        Path directory = copy(models.resolve("tiny"));
        Files.createDirectory(models.resolve("gguf"));
        GgufModel.plain(directory).write(models.resolve("gguf/tiny.F32.gguf"));
        GgufModel.eightBits(directory).write(models.resolve("gguf/tiny.Q8_0.gguf"));
    }

    @BeforeEach
    void open() throws IOException {
        hub = new ModelHub(home).offer("owner/Tiny-v0.1", models.resolve("tiny"), "v1");
        hub.offer("owner/Tiny-v0.1", "pytorch_model.bin", "x".repeat(5000));
    }

    @AfterEach
    void close() throws IOException {
        hub.close();
    }

    private static Criteria.Builder<String, String> url(String url) {
        return Criteria.builder().setTypes(String.class, String.class).optModelUrls(url);
    }

    private static List<String> files(ZooModel<?, ?> model) throws IOException {
        try (Stream<Path> files = Files.list(model.getModelPath())) {
            return files.map(file -> file.getFileName().toString()).sorted().toList();
        }
    }

    @Test
    void loadsByUrlOnly() throws Exception {
        try (ZooModel<String, String> model = url(URL).build().loadModel()) {
            assertAnswers(model);
            assertThat(model.getName()).isEqualTo("Tiny-v0.1");
            assertThat(model.getModelPath()).startsWith(home.resolve("hub"));
            assertThat(files(model))
                    .contains("config.json", "model.safetensors", "tokenizer.json")
                    .doesNotContain("pytorch_model.bin", "README.md", "LICENSE-WORDNET.txt");
        }
    }

    @Test
    void itLoadsForEachType() throws Exception {
        try (ZooModel<ChatInput, ChatOutput> model =
                        url(URL).setTypes(ChatInput.class, ChatOutput.class).build().loadModel();
                Predictor<ChatInput, ChatOutput> predictor = model.newPredictor()) {
            assertThat(predictor.predict(new ChatInput(Message.user(QUESTION))).content())
                    .isEqualTo(ANSWER);
        }
        try (ZooModel<NDList, NDList> model =
                        url(URL).setTypes(NDList.class, NDList.class).build().loadModel();
                Predictor<NDList, NDList> predictor = model.newPredictor();
                NDManager manager = model.getNDManager().newSubManager()) {
            NDArray ids = manager.create(new long[] {1, 5, 7}, new Shape(1, 3));
            assertThat(predictor.predict(new NDList(ids)).singletonOrThrow().getShape())
                    .isEqualTo(new Shape(1, 3, 6144));
        }
    }

    @Test
    void embeddingsWithTheSettingsOfTheRepository() throws Exception {
        hub.offer(
                        "owner/Tiny-v0.1",
                        "modules.json",
                        "[{\"type\": \"a.Transformer\", \"path\": \"\"},"
                                + " {\"type\": \"a.Pooling\", \"path\": \"1_Pooling\"},"
                                + " {\"type\": \"a.Normalize\", \"path\": \"2_Normalize\"}]")
                .offer(
                        "owner/Tiny-v0.1",
                        "1_Pooling/config.json",
                        "{\"pooling_mode_mean_tokens\": true}")
                .offer(
                        "owner/Tiny-v0.1",
                        "config_sentence_transformers.json",
                        "{\"prompts\": {\"query\": \"query: \"}}")
                .offer("owner/Tiny-v0.1", "sentence_bert_config.json", "{\"max_seq_length\": 5}");
        try (ZooModel<String, float[]> model =
                        url(URL).setTypes(String.class, float[].class).build().loadModel();
                Predictor<String, float[]> predictor = model.newPredictor()) {
            double squares = 0;
            for (float x : predictor.predict("an owl")) {
                squares += (double) x * x;
            }
            assertThat(squares).isCloseTo(1, within(1e-5));
            assertThatThrownBy(() -> predictor.predict("one two three four five six seven"))
                    .hasMessageContaining("max_seq_length is 5");
            assertThat(files(model))
                    .contains("1_Pooling", "config_sentence_transformers.json", "modules.json");
        }
    }

    @Test
    void downloadedModelsLoadOffline() throws Exception {
        Criteria<String, String> criteria = url(URL).build();
        assertThat(criteria.isDownloaded()).isFalse();
        assertThat(hub.requests()).isZero();
        criteria.downloadModel();
        assertThat(criteria.isDownloaded()).isTrue();
        int requests = hub.requests();
        criteria.downloadModel();
        assertThat(hub.requests()).isEqualTo(requests);
        hub.stop();
        hub.set("HF_HUB_OFFLINE", "1");
        try (ZooModel<String, String> model = url(URL).build().loadModel()) {
            assertAnswers(model);
        }
    }

    @Test
    void missingFileIsDetected() throws Exception {
        Criteria<String, String> criteria = url(URL).build();
        criteria.downloadModel();
        try (Stream<Path> files = Files.walk(home)) {
            Path weights = files.filter(file -> file.endsWith("model.safetensors")).findAny().get();
            Files.delete(weights.toRealPath());
        }
        assertThat(url(URL).build().isDownloaded()).isFalse();
        try (ZooModel<String, String> model = url(URL).build().loadModel()) {
            assertAnswers(model);
        }
    }

    /** File and revision of the URL or of a filter; arguments take precedence. */
    @ParameterizedTest
    @CsvSource({"int4, 9, 11", "nf4, 14, 16", "float32, 30, 31", "int4-head4, 8, 10"})
    void precisionApplies(String precision, double least, double most) throws Exception {
        try (ZooModel<String, String> model =
                url(URL + "?precision=" + precision).build().loadModel()) {
            assertThat(Mistral.network(model).weightBytes() * 1e-6).isBetween(least, most);
        }
    }

    @Test
    void aFilterChoosesThePrecisionToo() throws Exception {
        try (ZooModel<String, String> model =
                url(URL).optFilter("precision", "int4").build().loadModel()) {
            assertThat(Mistral.network(model).weightBytes() * 1e-6).isBetween(9., 11.);
        }
        try (ZooModel<String, String> model =
                url(URL + "?precision=int4")
                        .optArgument("quantization", "nf4")
                        .build()
                        .loadModel()) {
            assertThat(Mistral.network(model).weightBytes() * 1e-6).isBetween(14., 16.);
        }
        assertThatThrownBy(url(URL).optFilter("precision", "int1").build()::loadModel)
                .hasMessage(
                        URL.substring("hf://".length())
                                + " is not available with {precision=int1}, only with"
                                + " [{precision=int4}, {precision=nf4}]: correct optFilter, or"
                                + " leave it out");
    }

    @Test
    void revisionsApply() throws Exception {
        try (ZooModel<String, String> model = url(URL + "?revision=v1").build().loadModel()) {
            assertAnswers(model);
        }
        try (ZooModel<String, String> model =
                url(URL + "@" + ModelHub.COMMIT).build().loadModel()) {
            assertAnswers(model);
        }
        assertThatThrownBy(url(URL + "?revision=v2").build()::loadModel)
                .isInstanceOf(HubException.class)
                .hasMessageContainingAll("owner/Tiny-v0.1", "v2");
    }

    @Test
    void aGgufFileByName() throws Exception {
        hub.offer("owner/Tiny-GGUF", models.resolve("gguf"));
        String gguf = "hf://owner/Tiny-GGUF?gguf_file=tiny.Q8_0.gguf";
        try (ZooModel<String, String> model = url(gguf).build().loadModel()) {
            assertAnswers(model);
            assertThat(files(model)).containsExactly("tiny.Q8_0.gguf");
        }
        // of the same repository, and so into the same directory
        assertThat(url("hf://owner/Tiny-GGUF/tiny.F32.gguf").build().isDownloaded()).isFalse();
        try (ZooModel<String, String> model =
                url("hf://owner/Tiny-GGUF/tiny.F32.gguf").build().loadModel()) {
            assertAnswers(model);
            assertThat(files(model)).containsExactly("tiny.F32.gguf", "tiny.Q8_0.gguf");
        }
        assertThatThrownBy(url("hf://owner/Tiny-GGUF").build()::loadModel)
                .isInstanceOf(HubException.class)
                .hasMessageContainingAll("tiny.F32.gguf", "tiny.Q8_0.gguf");
        assertThatThrownBy(url("hf://owner/Tiny-GGUF/tiny.Q4_0.gguf").build()::loadModel)
                .isInstanceOf(HubException.class)
                .hasMessageContainingAll("tiny.Q4_0.gguf", "tiny.Q8_0.gguf");
    }

    @Test
    void theOnlyGgufFileNeedsNoName() throws Exception {
        hub.offer("owner/One-GGUF", models.resolve("gguf/tiny.Q8_0.gguf"));
        try (ZooModel<String, String> model = url("hf://owner/One-GGUF").build().loadModel()) {
            assertAnswers(model);
        }
    }

    /** The embedded model's name, with other weights. */
    @Test
    void aModelOfTheTableIsLoadedFromItsRepository() throws Exception {
        hub.offer("mistralai/Mistral-7B-Instruct-v0.2", models.resolve("tiny"));
        Criteria<String, String> criteria =
                Mistral.criteria(String.class, String.class)
                        .optArtifactId("mistral-7b-instruct-v0.2")
                        .optFilter("precision", "int4")
                        .build();
        assertThat(criteria.isDownloaded()).isFalse();
        try (ZooModel<String, String> model = criteria.loadModel()) {
            assertAnswers(model);
            assertThat(model.getName()).isEqualTo("mistral-7b-instruct-v0.2");
            assertThat(Mistral.network(model).weightBytes() * 1e-6).isBetween(9., 11.);
        }
        assertThat(criteria.isDownloaded()).isTrue();
        Path file = models.resolve("mistral-7b-v0.1.Q4_K_M.gguf");
        Files.copy(models.resolve("gguf/tiny.Q8_0.gguf"), file);
        hub.offer("TheBloke/Mistral-7B-v0.1-GGUF", file);
        try (ZooModel<String, String> model =
                Mistral.criteria(String.class, String.class)
                        .optArtifactId("mistral-7b-v0.1")
                        .optFilter("precision", "gguf")
                        .build()
                        .loadModel()) {
            assertAnswers(model);
        }
    }

    /** DJL would swallow a ModelNotFoundException. */
    @Test
    void errorsReachTheApplication() throws Exception {
        assertThatThrownBy(url("hf://owner/None").build()::loadModel)
                .isInstanceOf(HubException.class)
                .hasMessageContaining("owner/None");
        assertThatThrownBy(url("hf://owner/None").build()::downloadModel)
                .isInstanceOf(HubException.class)
                .hasMessageContaining("owner/None");
        hub.gate("hf_right");
        assertThatThrownBy(url(URL).build()::loadModel)
                .isInstanceOf(HubException.class)
                .hasMessageContainingAll("owner/Tiny-v0.1", "HF_TOKEN");
        hub.set("HF_TOKEN", "hf_right");
        url(URL).build().downloadModel();
        hub.set("HF_HUB_OFFLINE", "1");
        assertThatThrownBy(url("hf://owner/Other").build()::loadModel)
                .isInstanceOf(HubException.class)
                .hasMessageContainingAll("owner/Other", "HF_HUB_OFFLINE");
    }

    /** Other programs may have put further files in the directory. */
    @Test
    void servingPropertiesBesideADownloadAreIgnored() throws Exception {
        url(URL).build().downloadModel();
        try (Stream<Path> files = Files.walk(home)) {
            Path config =
                    files.filter(file -> file.getFileName().toString().equals("config.json"))
                            .findAny()
                            .get();
            Files.writeString(
                    config.resolveSibling("serving.properties"),
                    """
                    engine=Python
                    translatorFactory=none.Such
                    blockFactory=none.Such
                    option.hasParameter=true
                    """);
        }
        try (ZooModel<String, String> model = url(URL).build().loadModel()) {
            assertAnswers(model);
        }
    }

    @Test
    void progressIsReported() throws Exception {
        List<String> told = new ArrayList<>();
        Progress progress =
                new Progress() {
                    private long all;

                    @Override
                    public void reset(String message, long max, String trailingMessage) {
                        all = max;
                        told.add("reset " + max);
                    }

                    @Override
                    public void start(long initialProgress) {}

                    @Override
                    public void end() {
                        told.add("end");
                    }

                    @Override
                    public void increment(long increment) {}

                    @Override
                    public void update(long done, String message) {
                        if (done == all) {
                            told.add("all");
                        }
                    }
                };
        url(URL).optProgress(progress).build().downloadModel();
        long bytes = hub.served();
        assertThat(bytes).isGreaterThan(15_000_000);
        assertThat(told).startsWith("reset " + bytes, "all").endsWith("end");
    }
}
