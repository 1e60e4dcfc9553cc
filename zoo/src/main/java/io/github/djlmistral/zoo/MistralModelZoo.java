/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo;

import ai.djl.Application.NLP;
import ai.djl.repository.Repository;
import ai.djl.repository.zoo.ModelLoader;
import ai.djl.repository.zoo.ModelZoo;
import io.github.djlmistral.engine.kernels.DjlEngine;
import java.nio.file.Path;
import java.util.AbstractSet;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Iterator;
import java.util.List;
import java.util.Set;

/**
 * DJL model zoo of Mistral models, which are loaded by group id and artifact id: the model embedded
 * in this jar, and the models of the Hub listed in {@code models.json}. {@code
 * optFilter("precision", ..)} selects a variant of a model of the Hub: {@code bfloat16}, the
 * default; {@code int4} and {@code nf4}, the same weights quantized on load; or weights that others
 * have quantized to 4 bits, {@code bitsandbytes}, {@code gptq}, {@code awq} and {@code gguf}.
 */
public final class MistralModelZoo extends ModelZoo {

    private final List<ModelLoader> loaders = new ArrayList<>();

    /** Creates the zoo. Files are accessed only when a model is loaded. */
    public MistralModelZoo() {
        this(new EmbeddedRepository(), Mistral.DEFAULT_MODEL);
        new HubRepository().getResources().forEach(mrl -> add(new MistralModelLoader(mrl)));
    }

    /** Creates a zoo with a single model, a checkpoint directory. */
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

    /** Returns the loaders in order, the embedded model first: DJL loads the first match. */
    @Override
    public Collection<ModelLoader> getModelLoaders() {
        return List.copyOf(loaders);
    }

    @Override
    public String getGroupId() {
        return Mistral.GROUP_ID;
    }

    /**
     * Returns the names of {@link DjlEngine}. The set claims to contain all others as well, so that
     * the loader explains which engines there are: DJL would only say that no model matches.
     */
    @Override
    public Set<String> getSupportedEngines() {
        return new AbstractSet<>() {
            @Override
            public boolean contains(Object name) {
                return true;
            }

            @Override
            public Iterator<String> iterator() {
                return DjlEngine.names().iterator();
            }

            @Override
            public int size() {
                return DjlEngine.names().size();
            }
        };
    }
}
