/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo;

import ai.djl.repository.AbstractRepository;
import ai.djl.repository.Artifact;
import ai.djl.repository.MRL;
import ai.djl.repository.Metadata;
import ai.djl.repository.VersionRange;
import ai.djl.util.JsonUtils;
import ai.djl.util.Progress;
import ai.djl.util.Utils;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.Reader;
import java.net.URI;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * The repository of the models embedded in this jar. Each is a resource directory, named as the
 * artifact, with a {@code metadata.json}. Files are extracted once into DJL's cache, since weights
 * are memory-mapped.
 *
 * <p>An artifact without files shares those of the first one and differs in its arguments, such as
 * the artifact of precision {@code int4}, which is quantized on load.
 */
final class EmbeddedRepository extends AbstractRepository {

    EmbeddedRepository() {
        super("mistral-embedded", URI.create("mistral-embedded:///"));
    }

    @Override
    public boolean isRemote() {
        return false;
    }

    @Override
    public Metadata locate(MRL mrl) throws IOException {
        try (Reader reader =
                new InputStreamReader(
                        open(mrl.getArtifactId(), "metadata.json"), StandardCharsets.UTF_8)) {
            Metadata metadata = JsonUtils.GSON_PRETTY.fromJson(reader, Metadata.class);
            metadata.init(Map.of());
            Map<String, Artifact.Item> files = metadata.getArtifacts().get(0).getFiles();
            for (Artifact artifact : metadata.getArtifacts()) {
                if (artifact.getFiles().isEmpty()) {
                    artifact.setFiles(files);
                }
            }
            metadata.setRepositoryUri(mrl.toURI());
            return metadata;
        }
    }

    @Override
    public @Nullable Artifact resolve(MRL mrl, Map<String, String> filter) throws IOException {
        List<Artifact> artifacts = locate(mrl).search(VersionRange.parse(mrl.getVersion()), filter);
        return artifacts.isEmpty() ? null : artifacts.get(0);
    }

    /** Returns a directory named by the hashes of the files, so that versions of the jar differ. */
    @Override
    public Path getResourceDirectory(Artifact artifact) throws IOException {
        String hashes =
                artifact.getFiles().values().stream()
                        .map(Artifact.Item::getSha1Hash)
                        .sorted()
                        .collect(Collectors.joining());
        return super.getResourceDirectory(artifact).resolve(Utils.hash(hashes));
    }

    @Override
    protected void download(
            Path directory, URI base, Artifact.Item item, @Nullable Progress progress)
            throws IOException {
        try (InputStream in = open(item.getArtifact().getName(), item.getUri())) {
            save(in, directory, item, progress);
        }
    }

    private static InputStream open(String artifact, String file) throws IOException {
        InputStream in = EmbeddedRepository.class.getResourceAsStream(artifact + "/" + file);
        if (in == null) {
            throw new IOException(
                    "the zoo's jar is incomplete, it lacks "
                            + artifact
                            + "/"
                            + file
                            + ": build it again");
        }
        return in;
    }

    @Override
    public List<MRL> getResources() {
        return List.of();
    }
}
