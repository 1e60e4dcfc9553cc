/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo;

import ai.djl.Application.NLP;
import ai.djl.repository.zoo.ModelZoo;
import java.util.Set;

/** The Mistral models that DJL lists and loads by group and artifact. */
public final class MistralModelZoo extends ModelZoo {

    /** Lists the models; files are touched only when one is loaded. */
    public MistralModelZoo() {
        addModel(
                new EmbeddedRepository()
                        .model(NLP.TEXT_GENERATION, Mistral.GROUP_ID, Mistral.DEFAULT_MODEL));
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
