/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo;

import ai.djl.repository.AbstractRepository;
import ai.djl.repository.Artifact;
import ai.djl.repository.MRL;
import ai.djl.repository.Metadata;
import ai.djl.util.Progress;
import java.net.URI;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A repository with a single model, a checkpoint directory that is used in place. DJL's repository
 * for directories does not support commas in the path, and interprets files named {@code
 * metadata.json}.
 */
final class DirectoryRepository extends AbstractRepository {

    private final Path directory;

    DirectoryRepository(Path directory) {
        super("mistral-directory", directory.toUri());
        this.directory = directory;
    }

    @Override
    public boolean isRemote() {
        return false;
    }

    @Override
    public Metadata locate(MRL mrl) {
        Artifact artifact = new Artifact();
        artifact.setName(mrl.getArtifactId());
        Metadata metadata = new Metadata.MatchAllMetadata();
        metadata.setArtifactId(mrl.getArtifactId());
        metadata.setRepositoryUri(URI.create(""));
        metadata.setArtifacts(List.of(artifact));
        return metadata;
    }

    @Override
    public Artifact resolve(MRL mrl, Map<String, String> filter) {
        return locate(mrl).getArtifacts().get(0);
    }

    @Override
    public Path getResourceDirectory(Artifact artifact) {
        return directory;
    }

    /** Does nothing: the files are local. */
    @Override
    public void prepare(Artifact artifact, @Nullable Progress progress) {}

    @Override
    public List<MRL> getResources() {
        return List.of();
    }
}
