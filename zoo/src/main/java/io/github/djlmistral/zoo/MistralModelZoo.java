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

    /** Lists one checkpoint in a directory, under a name. */
    MistralModelZoo(Path directory, String name) {
        this(new DirectoryRepository(directory), name);
    }

    private MistralModelZoo(Repository repository, String artifact) {
        addModel(
                new MistralModelLoader(
                        repository.model(NLP.TEXT_GENERATION, Mistral.GROUP_ID, artifact)));
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
