/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Application;
import ai.djl.inference.Predictor;
import ai.djl.modality.Input;
import ai.djl.modality.Output;
import ai.djl.ndarray.NDArray;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.repository.Artifact;
import ai.djl.repository.MRL;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ModelLoader;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.repository.zoo.ModelZoo;
import ai.djl.repository.zoo.ZooModel;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.tests.model.Reference;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.chat.ChatInput;
import io.github.djlmistral.zoo.chat.ChatOutput;
import io.github.djlmistral.zoo.chat.Message;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.security.MessageDigest;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Models of the zoo and of directories load through DJL's criteria. */
class LoadingTest extends ZooFixture {

    private static Criteria.Builder<String, String> plain() {
        return Criteria.builder()
                .setTypes(String.class, String.class)
                .optGroupId("io.github.djlmistral")
                .optArtifactId("mistral-tiny-instruct");
    }

    @Test
    void theZooListsItsModels() throws Exception {
        // DJL heeds the artifact here, but not the group
        Map<Application, List<MRL>> models =
                ModelZoo.listModels(
                        Criteria.builder().optArtifactId("mistral-tiny-instruct").build());
        assertThat(models).containsOnlyKeys(Application.NLP.TEXT_GENERATION);
        assertThat(models.get(Application.NLP.TEXT_GENERATION))
                .extracting(MRL::getGroupId)
                .containsExactly("io.github.djlmistral");
        assertThat(ModelZoo.getModelZoo("io.github.djlmistral").getModelLoaders())
                .extracting(ModelLoader::getArtifactId)
                .contains("mistral-tiny-instruct");
        assertThat(ModelZoo.hasModelZoo("io.github.djlmistral")).isTrue();
    }

    /** Hashes name the cache directory: a stale one would hide a changed model. */
    @Test
    void theChecksumsOfTheEmbeddedModelAreThoseOfItsFiles() throws Exception {
        ModelLoader loader =
                ModelZoo.getModelZoo(Mistral.GROUP_ID).getModelLoader(Mistral.DEFAULT_MODEL);
        Map<String, Artifact.Item> files = loader.getMrl().getDefaultArtifact().getFiles();
        assertThat(files).isNotEmpty();
        for (Artifact.Item item : files.values()) {
            String resource = Mistral.DEFAULT_MODEL + "/" + item.getUri();
            try (InputStream in = Mistral.class.getResourceAsStream(resource)) {
                byte[] sha1 = MessageDigest.getInstance("SHA-1").digest(in.readAllBytes());
                assertThat(item.getSha1Hash())
                        .as("sha1Hash of %s in metadata.json", item.getUri())
                        .isEqualTo(HexFormat.of().formatHex(sha1));
            }
        }
    }

    @Test
    void plainCriteriaLoadTheEmbeddedModel() throws Exception {
        try (ZooModel<String, String> model = plain().build().loadModel()) {
            assertThat(model.getName()).isEqualTo("mistral-tiny-instruct");
            assertAnswers(model);
        }
    }

    @Test
    void theApplicationAloneFindsIt() throws Exception {
        Criteria<String, String> criteria =
                Criteria.builder()
                        .optApplication(Application.NLP.TEXT_GENERATION)
                        .setTypes(String.class, String.class)
                        .optGroupId("io.github.djlmistral")
                        .build();
        try (ZooModel<String, String> model = criteria.loadModel()) {
            assertAnswers(model);
        }
    }

    /** The filter selects the precision; all are made of the same files. */
    @ParameterizedTest
    @CsvSource({"bfloat16, 30, 31", "int4, 9, 11", "nf4, 14, 16"})
    void filtersChooseAmongItsPrecisions(String precision, double least, double most)
            throws Exception {
        try (ZooModel<String, String> plain = plain().build().loadModel();
                ZooModel<String, String> model =
                        plain().optFilter("precision", precision).build().loadModel()) {
            assertAnswers(model);
            assertThat(model.getModelPath()).isEqualTo(plain.getModelPath());
            // what is not quantized, the embedding table of 6.3 MB above all, is in float32
            assertThat(Mistral.network(model).weightBytes() * 1e-6).isBetween(least, most);
        }
    }

    @Test
    void argumentTakesPrecedenceOverTheFilter() throws Exception {
        try (ZooModel<String, String> model =
                        plain().optFilter("precision", "int4").build().loadModel();
                ZooModel<String, String> other =
                        plain().optFilter("precision", "int4")
                                .optArgument("quantization", "int4-head4")
                                .build()
                                .loadModel()) {
            assertThat(Mistral.network(other).weightBytes())
                    .isLessThan(Mistral.network(model).weightBytes());
        }
    }

    /** Not as the cause of DJL's one message for everything that is not found. */
    @Test
    void unknownPrecisionListsTheKnownOnes() {
        Criteria<String, String> criteria = plain().optFilter("precision", "int1").build();
        assertThatThrownBy(criteria::loadModel)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "mistral-tiny-instruct is not available with {precision=int1}, only with"
                                + " [{precision=bfloat16}, {precision=int4}, {precision=nf4}]:"
                                + " correct optFilter, or leave it out");
        assertThatThrownBy(criteria::downloadModel)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageContaining("{precision=nf4}");
    }

    @Test
    void itsFilesAreUnpackedOnce() throws Exception {
        plain().build().downloadModel();
        assertThat(plain().build().isDownloaded()).isTrue();
        Path file;
        FileTime time;
        try (ZooModel<String, String> model = plain().build().loadModel()) {
            file = model.getModelPath().resolve("model.safetensors");
            time = Files.getLastModifiedTime(file);
        }
        try (ZooModel<String, String> model = plain().build().loadModel()) {
            assertThat(model.getModelPath().resolve("model.safetensors")).isEqualTo(file);
            assertThat(Files.getLastModifiedTime(file)).isEqualTo(time);
        }
    }

    @Test
    void unsupportedTypesAreRejected() {
        assertThatThrownBy(() -> Mistral.criteria(Integer.class, String.class).build().loadModel())
                .isInstanceOf(ModelNotFoundException.class);
    }

    @Test
    void aDirectoryLoadsForEachType(@TempDir Path temporary) throws Exception {
        Path directory = copy(temporary.resolve("a checkpoint, of mine"));
        try (ZooModel<String, String> model = Mistral.criteria(directory).build().loadModel()) {
            assertAnswers(model);
        }
        try (ZooModel<ChatInput, ChatOutput> model =
                        Mistral.criteria(directory, ChatInput.class, ChatOutput.class)
                                .build()
                                .loadModel();
                Predictor<ChatInput, ChatOutput> predictor = model.newPredictor()) {
            ChatOutput output = predictor.predict(new ChatInput(Message.user(QUESTION)));
            assertThat(output.content()).isEqualTo(ANSWER);
        }
        try (ZooModel<Input, Output> model =
                        Mistral.criteria(directory, Input.class, Output.class).build().loadModel();
                Predictor<Input, Output> predictor = model.newPredictor()) {
            Output output = predictor.predict(input(QUESTION));
            assertThat(json(output).get("generated_text").getAsString()).isEqualTo(ANSWER);
        }
        try (ZooModel<NDList, NDList> model =
                        Mistral.criteria(directory, NDList.class, NDList.class)
                                .build()
                                .loadModel();
                Predictor<NDList, NDList> predictor = model.newPredictor();
                NDManager manager = model.getNDManager().newSubManager()) {
            NDArray ids = manager.create(new long[] {1, 5, 7}, new Shape(1, 3));
            NDList output = predictor.predict(new NDList(ids));
            assertThat(output.singletonOrThrow().getShape()).isEqualTo(new Shape(1, 3, 6144));
        }
    }

    @Test
    void aDirectoryWithoutTokenizerServesArrays() throws Exception {
        assertGivesTheRecordedLogits(withoutTokenizer());
    }

    @Test
    void mistralsOwnLayoutLoads() throws Exception {
        assertGivesTheRecordedLogits(Reference.directory("checkpoints/consolidated"));
    }

    private static void assertGivesTheRecordedLogits(Path directory) throws Exception {
        Reference reference = Reference.checkpoint("window8-f32");
        try (ZooModel<NDList, NDList> model =
                        Mistral.criteria(directory, NDList.class, NDList.class)
                                .build()
                                .loadModel();
                Predictor<NDList, NDList> predictor = model.newPredictor();
                NDManager manager = model.getNDManager().newSubManager()) {
            NDList inputs = new NDList(reference.array(manager, "single.input_ids"));
            NDArray logits = predictor.predict(inputs).singletonOrThrow();
            NDArray expected = reference.array(manager, "single.logits");
            // as in ForwardTest: five times what float32 and float64 differ by
            assertThat(logits.sub(expected).abs().max().getFloat()).isLessThan(1e-4f);
        }
    }

    @Test
    void textInputNeedsATokenizer() {
        Criteria<String, String> criteria =
                Mistral.criteria(withoutTokenizer())
                        .optArgument("blockFactory", new RememberingFactory())
                        .build();
        assertThatThrownBy(criteria::loadModel)
                .hasMessageContaining("no tokenizer in")
                .hasMessageContaining("window8-f32")
                .hasMessageContaining("tokenizer.json")
                .hasMessageContaining("download");
        assertThat(RememberingFactory.models())
                .singleElement()
                .satisfies(model -> assertThat(model.getNDManager().isOpen()).isFalse());
    }

    @Test
    void tokenizerModelIsEnough(@TempDir Path temporary) throws Exception {
        Path directory = copy(temporary.resolve("c"), "tokenizer.json", "special_tokens_map.json");
        try (ZooModel<String, String> model = Mistral.criteria(directory).build().loadModel()) {
            assertAnswers(model);
        }
        // no chat template any more: texts are completed
        Files.delete(directory.resolve("tokenizer_config.json"));
        try (ZooModel<String, String> model =
                        Mistral.criteria(directory)
                                .optArgument("max_new_tokens", 4)
                                .build()
                                .loadModel();
                Predictor<String, String> predictor = model.newPredictor();
                MistralPipeline pipeline = MistralPipeline.open(model)) {
            assertThat(pipeline.chatTemplate()).isEmpty();
            assertThat(pipeline.encode("A fox")).startsWith(1).doesNotContain(2);
            assertThat(predictor.predict("A fox")).isNotEmpty();
        }
    }

    @Test
    void theNetworkOfAModelIsAtHand() throws Exception {
        try (ZooModel<String, String> model = texts()) {
            MistralForCausalLM network = Mistral.network(model);
            assertThat(network).isSameAs(model.getBlock());
            assertThat(network.config().slidingWindow()).isEqualTo(512);
        }
    }

    @Test
    void argumentsOfLoadingGoThrough() throws Exception {
        try (ZooModel<String, String> model =
                Mistral.criteria(String.class, String.class)
                        .optArgument("kernels", "reference")
                        .build()
                        .loadModel()) {
            assertThat(Mistral.network(model).kernels().name()).isEqualTo("reference");
            assertThat(model.getProperty("kernels")).isEqualTo("reference");
            assertAnswers(model);
        }
    }

    @Test
    void anIncompleteDirectoryLeavesNothingBehind(@TempDir Path directory) throws Exception {
        Files.copy(withoutTokenizer().resolve("config.json"), directory.resolve("config.json"));
        Criteria<String, String> criteria =
                Mistral.criteria(directory)
                        .optArgument("blockFactory", new RememberingFactory())
                        .build();
        assertThatThrownBy(criteria::loadModel)
                .isInstanceOf(IOException.class)
                .hasMessageContaining("model.safetensors")
                .hasMessageContaining(directory.toString());
        assertThat(RememberingFactory.models())
                .singleElement()
                .satisfies(model -> assertThat(model.getNDManager().isOpen()).isFalse());
    }
}
