/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo;

import ai.djl.MalformedModelException;
import ai.djl.repository.Artifact;
import ai.djl.repository.MRL;
import ai.djl.repository.zoo.BaseModelLoader;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.util.Progress;
import java.io.IOException;
import org.jspecify.annotations.Nullable;

/**
 * Loads a model as DJL does, and gives it as one that says clearly when it is closed. Where no
 * artifact passes the filters, it tells which there are.
 */
final class MistralModelLoader extends BaseModelLoader {

    MistralModelLoader(MRL mrl) {
        super(mrl);
    }

    @Override
    public <I, O> ZooModel<I, O> loadModel(Criteria<I, O> criteria)
            throws IOException, ModelNotFoundException, MalformedModelException {
        requireArtifact(criteria);
        ZooModel<I, O> model = super.loadModel(criteria);
        return new MistralZooModel<>(model.getWrappedModel(), model.getTranslator());
    }

    @Override
    public <I, O> boolean isDownloaded(Criteria<I, O> criteria)
            throws IOException, ModelNotFoundException {
        requireArtifact(criteria);
        return super.isDownloaded(criteria);
    }

    @Override
    public <I, O> void downloadModel(Criteria<I, O> criteria, @Nullable Progress progress)
            throws IOException, ModelNotFoundException {
        requireArtifact(criteria);
        super.downloadModel(criteria, progress);
    }

    /** DJL goes on to other models after this exception, and gives the last one's as the cause. */
    private void requireArtifact(Criteria<?, ?> criteria)
            throws IOException, ModelNotFoundException {
        if (mrl.match(criteria.getFilters()) == null) {
            throw new ModelNotFoundException(
                    mrl.getArtifactId()
                            + " is not there with "
                            + criteria.getFilters()
                            + ", only with "
                            + mrl.listArtifacts().stream().map(Artifact::getProperties).toList()
                            + ": correct optFilter, or leave it out");
        }
    }
}
