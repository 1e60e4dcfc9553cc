/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo;

import ai.djl.repository.Repository;
import ai.djl.repository.RepositoryFactory;
import java.net.URI;
import java.util.Set;

/**
 * Adds the URL scheme {@code hf} to DJL. A URL is all that is needed to load a model:
 *
 * <pre>{@code
 * Criteria.builder()
 *         .setTypes(String.class, String.class)
 *         .optModelUrls("hf://mistralai/Mistral-7B-Instruct-v0.2?precision=int4")
 *         .build()
 *         .loadModel();
 * }</pre>
 *
 * <p>See {@link HubReference} for the grammar of these URLs. DJL finds this class by its service
 * loader.
 *
 * <p>The model runs on the first engine on the class path among those of {@link
 * io.github.djlmistral.engine.kernels.DjlEngine}. Choose another one by its name after "Mistral",
 * {@code optEngine("MistralRust")}: with {@code optEngine("Rust")} DJL's loader creates a model of
 * its own class, which must not be closed while other threads predict.
 */
public final class HubRepositoryFactory implements RepositoryFactory {

    /** Called by the service loader. */
    public HubRepositoryFactory() {}

    /**
     * Creates a repository with the model of a URL, without network access.
     *
     * @throws IllegalArgumentException if it is not a URL of the Hub, or has an unknown option
     */
    @Override
    public Repository newInstance(String name, URI uri) {
        MistralEngine.register();
        return new HubRepository(name, uri, HubReference.parse(uri.toString()));
    }

    @Override
    public Set<String> getSupportedScheme() {
        return Set.of("hf");
    }
}
