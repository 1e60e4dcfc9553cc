/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo;

import ai.djl.Application.NLP;
import ai.djl.repository.Repository;
import ai.djl.repository.zoo.ModelLoader;
import ai.djl.repository.zoo.ModelZoo;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Set;

/**
 * The Mistral models that DJL lists and loads by group and artifact: the one inside this jar, and
 * those of the Hub that {@code models.json} names. Of a model of the Hub {@code
 * optFilter("precision", ..)} chooses the form: {@code bfloat16}, or the same quantized while it is
 * loaded, {@code int4} and {@code nf4}; {@code bitsandbytes}, {@code gptq}, {@code awq} and {@code
 * gguf} are downloads of 4 bits that others have made.
 */
public final class MistralModelZoo extends ModelZoo {

    private final List<ModelLoader> loaders = new ArrayList<>();

    /** Lists the models; files are touched only when one is loaded. */
    public MistralModelZoo() {
        this(new EmbeddedRepository(), Mistral.DEFAULT_MODEL);
        new HubRepository().getResources().forEach(mrl -> add(new MistralModelLoader(mrl)));
    }

    /** Lists one checkpoint in a directory, under a name. */
    MistralModelZoo(Path directory, String name) {
        this(new DirectoryRepository(directory), name);
    }

    private MistralModelZoo(Repository repository, String artifact) {
        add(
                new MistralModelLoader(
                        repository.model(NLP.TEXT_GENERATION, Mistral.GROUP_ID, artifact)));
    }

    private void add(ModelLoader loader) {
        addModel(loader);
        loaders.add(loader);
    }

    /** The embedded one first: DJL takes the first that fits, and has no order of its own. */
    @Override
    public Collection<ModelLoader> getModelLoaders() {
        return List.copyOf(loaders);
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
