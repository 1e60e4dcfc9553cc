/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo;

import ai.djl.MalformedModelException;
import ai.djl.repository.MRL;
import ai.djl.repository.zoo.BaseModelLoader;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.repository.zoo.ZooModel;
import java.io.IOException;

/** Loads a model as DJL does, and gives it as one that says clearly when it is closed. */
final class MistralModelLoader extends BaseModelLoader {

    MistralModelLoader(MRL mrl) {
        super(mrl);
    }

    @Override
    public <I, O> ZooModel<I, O> loadModel(Criteria<I, O> criteria)
            throws IOException, ModelNotFoundException, MalformedModelException {
        ZooModel<I, O> model = super.loadModel(criteria);
        return new MistralZooModel<>(model.getWrappedModel(), model.getTranslator());
    }
}
