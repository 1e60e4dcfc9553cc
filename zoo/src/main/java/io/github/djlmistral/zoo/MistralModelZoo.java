/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo;

import ai.djl.Application.NLP;
import ai.djl.repository.Repository;
import ai.djl.repository.zoo.ModelZoo;
import java.nio.file.Path;
import java.util.Set;

/** The Mistral models that DJL lists and loads by group and artifact. */
public final class MistralModelZoo extends ModelZoo {

    /** Lists the models; files are touched only when one is loaded. */
    public MistralModelZoo() {
        this(new EmbeddedRepository(), Mistral.DEFAULT_MODEL);
    }

    /** Lists one checkpoint. */
    MistralModelZoo(Path directory) {
        this(new DirectoryRepository(directory), name(directory));
    }

    private MistralModelZoo(Repository repository, String artifact) {
        addModel(
                new MistralModelLoader(
                        repository.model(NLP.TEXT_GENERATION, Mistral.GROUP_ID, artifact)));
    }

    /** Of a file system's root there is no name. */
    private static String name(Path directory) {
        Path name = directory.toAbsolutePath().normalize().getFileName();
        return name == null ? "mistral" : name.toString();
    }

    @Override
    public String getGroupId() {
        return Mistral.GROUP_ID;
    }

    @Override
    public Set<String> getSupportedEngines() {
        return Set.of("PyTorch");
    }
}
