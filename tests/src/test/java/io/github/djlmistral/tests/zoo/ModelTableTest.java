/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.tests.zoo;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import ai.djl.Application;
import ai.djl.repository.Artifact;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ModelLoader;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.repository.zoo.ModelZoo;
import ai.djl.repository.zoo.ZooModel;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import io.github.djlmistral.tests.hub.HubEnvironment;
import io.github.djlmistral.tests.model.Reference;
import io.github.djlmistral.zoo.HubReference;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.hub.HubException;
import io.github.djlmistral.zoo.hub.HubModel;
import io.github.djlmistral.zoo.hub.ModelFiles;
import java.net.URI;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Mistral 7B by name. */
class ModelTableTest extends ZooFixture {

    private static final List<String> MODELS =
            List.of(
                    "mistral-7b-v0.1",
                    "mistral-7b-instruct-v0.1",
                    "mistral-7b-instruct-v0.2",
                    "mistral-7b-v0.3",
                    "mistral-7b-instruct-v0.3");

    @TempDir Path home;
    private HubEnvironment environment;

    @BeforeEach
    void withoutNetwork() {
        environment =
                new HubEnvironment(URI.create("http://localhost:9"), home)
                        .set("HF_HUB_OFFLINE", "1");
    }

    @AfterEach
    void asBefore() {
        environment.close();
    }

    private static Criteria.Builder<String, String> named(String artifact) {
        return Mistral.criteria(String.class, String.class).optArtifactId(artifact);
    }

    private static List<Artifact> artifacts(String model) throws Exception {
        ModelLoader loader = ModelZoo.getModelZoo(Mistral.GROUP_ID).getModelLoader(model);
        return loader.getMrl().listArtifacts();
    }

    private static HubModel model(Artifact artifact) {
        Map<String, String> properties = artifact.getProperties();
        return new HubModel(
                properties.get("repository"),
                properties.get("revision"),
                properties.get("gguf_file"));
    }

    @Test
    void theZooHasThemAfterTheEmbeddedOne() {
        List<String> names = new ArrayList<>(List.of("mistral-tiny-instruct"));
        names.addAll(MODELS);
        assertThat(ModelZoo.getModelZoo(Mistral.GROUP_ID).getModelLoaders())
                .extracting(ModelLoader::getArtifactId)
                .isEqualTo(names);
    }

    @Test
    void everyFormIsDescribed() throws Exception {
        for (String name : MODELS) {
            List<Artifact> artifacts = artifacts(name);
            assertThat(artifacts)
                    .extracting(artifact -> artifact.getProperties().get("precision"))
                    .as(name)
                    .startsWith("bfloat16", "int4", "nf4", "bitsandbytes")
                    .endsWith("gguf")
                    .doesNotHaveDuplicates();
            for (Artifact artifact : artifacts) {
                Map<String, String> properties = artifact.getProperties();
                assertThat(properties)
                        .as("%s", artifact)
                        .containsEntry("licence", "Apache-2.0")
                        .containsEntry("version", name.substring(name.lastIndexOf('v')))
                        .containsEntry("variant", name.contains("instruct") ? "instruct" : "base");
                assertThat(properties.containsKey("gated"))
                        .isEqualTo(properties.get("repository").startsWith("mistralai/"));
                assertThat(properties.get("size")).matches("about 1?\\d\\.\\d GB");
                assertThat(properties.get("seen")).isIn("files", "name");
                assertThat(HubReference.parse(properties.get("url")).model())
                        .isEqualTo(model(artifact));
                // a form is of the model it stands with
                String version = properties.get("version");
                HubModel model = model(artifact);
                String text = model.repository().toLowerCase(Locale.ROOT) + model.file();
                assertThat(text.contains("instruct")).isEqualTo(name.contains("instruct"));
                assertThat(text.contains(version) || text.contains("unsloth/mistral-7b-bnb"))
                        .as(text)
                        .isTrue();
                assertThat(model.file() != null)
                        .isEqualTo(properties.get("precision").equals("gguf"));
            }
        }
    }

    /**
     * Half the size of a download depends on it. The lists are put together from what scripts and
     * reports of others fetch from these repositories, and may lack files.
     */
    @Test
    void onlyRequiredFilesAreSelected() throws Exception {
        Path recorded =
                Path.of(Objects.requireNonNull(getClass().getResource("/hub/files.json")).toURI());
        JsonObject repositories = Reference.json(recorded);
        int found = 0;
        for (String name : MODELS) {
            for (Artifact artifact : artifacts(name)) {
                HubModel model = model(artifact);
                boolean listed = repositories.has(model.repository());
                assertThat(artifact.getProperties().get("seen"))
                        .isEqualTo(listed ? "files" : "name");
                if (!listed) {
                    continue;
                }
                ++found;
                List<String> files =
                        repositories.getAsJsonArray(model.repository()).asList().stream()
                                .map(JsonElement::getAsString)
                                .toList();
                List<String> chosen = ModelFiles.choose(model, files);
                assertThat(chosen)
                        .contains("config.json", "generation_config.json", "tokenizer.json")
                        .contains("tokenizer_config.json", "special_tokens_map.json")
                        .doesNotContain("consolidated.safetensors", "README.md")
                        .noneMatch(file -> file.contains(".bin"));
                assertThat(chosen)
                        .filteredOn(file -> file.contains("safetensors"))
                        .containsExactlyInAnyOrderElementsOf(
                                files.stream().filter(file -> file.startsWith("model")).toList());
            }
        }
        assertThat(found).isEqualTo(4 * 3 + 1);
    }

    @Test
    void missingFilesAreNotDownloaded() throws Exception {
        assertThat(named("mistral-7b-instruct-v0.2").build().isDownloaded()).isFalse();
        assertThat(named("mistral-7b-v0.1").optFilter("precision", "gguf").build().isDownloaded())
                .isFalse();
        assertThatThrownBy(named("mistral-7b-instruct-v0.2").build()::loadModel)
                .isInstanceOf(HubException.class)
                .hasMessageContaining("mistralai/Mistral-7B-Instruct-v0.2");
    }

    @Test
    void filtersChoose() throws Exception {
        assertThatThrownBy(
                        named("mistral-7b-instruct-v0.2").optFilter("precision", "awq").build()
                                ::loadModel)
                .isInstanceOf(HubException.class)
                .hasMessageContaining("TheBloke/Mistral-7B-Instruct-v0.2-AWQ");
        assertThatThrownBy(
                        named("mistral-7b-instruct-v0.2").optFilter("precision", "int2").build()
                                ::loadModel)
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessage(
                        "mistral-7b-instruct-v0.2 is not available with {precision=int2}, only with"
                                + " [{precision=bfloat16}, {precision=int4}, {precision=nf4},"
                                + " {precision=bitsandbytes}, {precision=gptq}, {precision=awq},"
                                + " {precision=gguf}]: correct optFilter, or leave it out");
    }

    /** DJL tries, and downloads, all models that match the criteria. */
    @Test
    void unfilteredCriteriaDownloadNothing() throws Exception {
        Criteria<String, String> any =
                Criteria.builder()
                        .optApplication(Application.NLP.TEXT_GENERATION)
                        .setTypes(String.class, String.class)
                        .optGroupId(Mistral.GROUP_ID)
                        .build();
        any.downloadModel();
        assertThat(any.isDownloaded()).isTrue();
        try (ZooModel<String, String> model = any.loadModel()) {
            assertAnswers(model);
        }
        assertThat(home).isEmptyDirectory();
        Criteria<String, String> gptq =
                Criteria.builder()
                        .setTypes(String.class, String.class)
                        .optGroupId(Mistral.GROUP_ID)
                        .optFilter("precision", "gptq")
                        .build();
        assertThatThrownBy(gptq::loadModel)
                .isInstanceOf(ModelNotFoundException.class)
                .hasRootCauseMessage(
                        "mistral-7b-instruct-v0.3 is large and is loaded only by name: give"
                                + " optArtifactId(\"mistral-7b-instruct-v0.3\")");
    }
}
