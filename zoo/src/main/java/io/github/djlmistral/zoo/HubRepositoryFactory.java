/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo;

import ai.djl.repository.Repository;
import ai.djl.repository.RepositoryFactory;
import java.net.URI;
import java.util.Set;

/**
 * Teaches DJL the scheme {@code hf}. Nothing but the URL is needed to load a model:
 *
 * <pre>{@code
 * Criteria.builder()
 *         .setTypes(String.class, String.class)
 *         .optModelUrls("hf://mistralai/Mistral-7B-Instruct-v0.2?precision=int4")
 *         .build()
 *         .loadModel();
 * }</pre>
 *
 * <p>{@link HubReference} says what such a URL may contain. DJL's service loader finds this class.
 */
public final class HubRepositoryFactory implements RepositoryFactory {

    /** Used by the service loader. */
    public HubRepositoryFactory() {}

    /**
     * Makes a repository with one model. Nothing is asked of the Hub yet.
     *
     * @throws IllegalArgumentException if the URL is none of the Hub's, or has an unknown option
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
