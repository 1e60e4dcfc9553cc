/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import java.util.Collection;
import java.util.List;

/** Which of a repository's files a model needs. */
public final class ModelFiles {

    private ModelFiles() {}

    /**
     * Chooses: see the class.
     *
     * @param model what is asked for
     * @param files the paths of all files that the repository has
     * @return the paths of those to be downloaded, the weights (or their index) last
     * @throws HubException if the repository has no weights that can be read, or no such GGUF file,
     *     or several and none is named
     */
    public static List<String> choose(HubModel model, Collection<String> files)
            throws HubException {
        throw new UnsupportedOperationException();
    }
}
