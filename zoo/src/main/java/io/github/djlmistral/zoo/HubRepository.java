/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo;

import ai.djl.Application.NLP;
import ai.djl.repository.AbstractRepository;
import ai.djl.repository.Artifact;
import ai.djl.repository.MRL;
import ai.djl.repository.Metadata;
import ai.djl.repository.VersionRange;
import ai.djl.util.Progress;
import io.github.djlmistral.engine.kernels.DjlEngine;
import io.github.djlmistral.zoo.hub.Hub;
import io.github.djlmistral.zoo.hub.HubModel;
import io.github.djlmistral.zoo.hub.HubSettings;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/**
 * DJL repository of models on the Hub: those in the zoo's table, or the model of a URL. Files are
 * kept in the Hub's cache instead of DJL's. The settings are read by {@link
 * HubSettings#fromEnvironment} when a model is looked up or downloaded.
 */
final class HubRepository extends AbstractRepository {

    private final Map<String, Metadata> models;

    /** Creates the repository of the models in the table. */
    HubRepository() {
        super("mistral-hub", URI.create("hf:///"));
        models = ModelTable.read();
    }

    /**
     * Creates the repository of the model of a URL, with the artifact id {@code owner/name}. If the
     * URL has no precision, a filter can select one.
     */
    HubRepository(String name, URI uri, HubReference reference) {
        super(name, uri);
        String repository = reference.model().repository();
        List<HubArtifact> artifacts = new ArrayList<>();
        artifacts.add(artifact(reference));
        if (reference.precision() == null) {
            for (String precision : ModelTable.QUANTIZED_ON_LOAD) {
                artifacts.add(artifact(new HubReference(reference.model(), precision)));
            }
        }
        models =
                Map.of(
                        repository,
                        HubArtifact.metadata(new UrlMetadata(), repository, null, artifacts));
    }

    /**
     * Metadata of the model of a URL, with a better message than the "No matching filter found" of
     * DJL's loader.
     */
    private static final class UrlMetadata extends Metadata {

        @Override
        public List<Artifact> search(@Nullable VersionRange range, Map<String, String> filter) {
            List<Artifact> found = super.search(range, filter);
            if (found.isEmpty()) {
                throw new IllegalArgumentException(
                        MistralModelLoader.noMatch(getArtifactId(), filter, getArtifacts()));
            }
            return found;
        }
    }

    private static HubArtifact artifact(HubReference reference) {
        String repository = reference.model().repository();
        String precision = reference.precision();
        return new HubArtifact(
                repository.substring(repository.indexOf('/') + 1),
                MistralEngine.nameOf(DjlEngine.preferred()),
                reference,
                precision == null ? Map.of() : Map.of("precision", precision));
    }

    @Override
    public boolean isRemote() {
        return true;
    }

    @Override
    public @Nullable Metadata locate(MRL mrl) {
        return models.get(mrl.getArtifactId());
    }

    @Override
    public @Nullable Artifact resolve(MRL mrl, Map<String, String> filter) {
        Metadata metadata = locate(mrl);
        if (metadata == null) {
            return null;
        }
        List<Artifact> artifacts = metadata.search(VersionRange.parse(mrl.getVersion()), filter);
        return artifacts.isEmpty() ? null : artifacts.get(0);
    }

    /**
     * Returns the snapshot in the Hub's cache, or a path that never exists, if the model is not
     * complete there: DJL considers a model as downloaded if the path exists.
     */
    @Override
    public Path getResourceDirectory(Artifact artifact) throws IOException {
        Hub hub = hub();
        HubModel model = ((HubArtifact) artifact).model();
        Optional<Path> found = hub.find(model);
        if (found.isEmpty()) {
            String directory = "models--" + model.repository().replace("/", "--");
            return hub.settings().cache().resolve(directory).resolve("not-downloaded");
        }
        Path path = found.get();
        // DJL expects a directory; the arguments name the GGUF file in it
        return Files.isRegularFile(path) ? path.resolveSibling("") : path;
    }

    @Override
    public void prepare(Artifact artifact, @Nullable Progress progress) throws IOException {
        HubModel model = ((HubArtifact) artifact).model();
        Mistral.download(
                hub(), model, progress == null ? new LoggedProgress(model.toString()) : progress);
    }

    private static Hub hub() throws IOException {
        return new Hub(HubSettings.fromEnvironment());
    }

    @Override
    public List<MRL> getResources() {
        return models.keySet().stream()
                .map(name -> model(NLP.TEXT_GENERATION, Mistral.GROUP_ID, name))
                .toList();
    }
}
