/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.nn.Block;
import ai.djl.repository.Artifact;
import ai.djl.repository.MRL;
import ai.djl.repository.zoo.BaseModelLoader;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.repository.zoo.ZooModel;
import ai.djl.util.Progress;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Loads a model as DJL does, and gives it as one that says clearly when it is closed. Where no
 * artifact passes the filters, it tells which there are.
 *
 * <p>DJL's criteria that name no artifact are tried on every model, and {@code downloadModel}
 * downloads all that fit. A model of the Hub, which is gigabytes, is only loaded and downloaded for
 * those who name it.
 */
final class MistralModelLoader extends BaseModelLoader {

    MistralModelLoader(MRL mrl) {
        super(mrl);
    }

    @Override
    public <I, O> ZooModel<I, O> loadModel(Criteria<I, O> criteria)
            throws IOException, ModelNotFoundException, MalformedModelException {
        if (isPassedOver(criteria)) {
            throw new ModelNotFoundException(
                    mrl.getArtifactId()
                            + " is large, and loaded only if it is named: give"
                            + " optArtifactId(\""
                            + mrl.getArtifactId()
                            + "\")");
        }
        requireArtifact(criteria);
        SingleLoad load = new SingleLoad(mrl);
        try {
            ZooModel<I, O> model = load.loadModel(criteria);
            return new MistralZooModel<>(model.getWrappedModel(), model.getTranslator());
        } catch (IOException
                | ModelNotFoundException
                | MalformedModelException
                | RuntimeException
                | Error e) {
            load.close();
            throw e;
        }
    }

    /** Remembers the model that DJL's loader makes, and leaves open when a later step fails. */
    private static final class SingleLoad extends BaseModelLoader implements AutoCloseable {

        private @Nullable Model model;

        SingleLoad(MRL mrl) {
            super(mrl);
        }

        @Override
        protected Model createModel(
                Path directory,
                String name,
                @Nullable Device device,
                @Nullable Block block,
                Map<String, Object> arguments,
                @Nullable String engine)
                throws IOException {
            Model created = super.createModel(directory, name, device, block, arguments, engine);
            model = created;
            return created;
        }

        @Override
        public void close() {
            if (model != null) {
                model.close();
            }
        }
    }

    @Override
    public <I, O> boolean isDownloaded(Criteria<I, O> criteria)
            throws IOException, ModelNotFoundException {
        if (isPassedOver(criteria)) {
            return true;
        }
        requireArtifact(criteria);
        return super.isDownloaded(criteria);
    }

    @Override
    public <I, O> void downloadModel(Criteria<I, O> criteria, @Nullable Progress progress)
            throws IOException, ModelNotFoundException {
        if (isPassedOver(criteria)) {
            return;
        }
        requireArtifact(criteria);
        super.downloadModel(criteria, progress);
    }

    private boolean isPassedOver(Criteria<?, ?> criteria) {
        return mrl.getRepository().isRemote() && criteria.getArtifactId() == null;
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
                            + properties(criteria.getFilters().keySet())
                            + ": correct optFilter, or leave it out");
        }
    }

    /**
     * What the artifacts have of some properties; or all that they have, if it is none of these.
     */
    private List<Map<String, String>> properties(Set<String> names) throws IOException {
        List<Map<String, String>> all =
                mrl.listArtifacts().stream().map(Artifact::getProperties).toList();
        List<Map<String, String>> some =
                all.stream()
                        .map(
                                properties -> {
                                    Map<String, String> named = new LinkedHashMap<>(properties);
                                    named.keySet().retainAll(names);
                                    return named;
                                })
                        .filter(named -> !named.isEmpty())
                        .distinct()
                        .toList();
        return some.isEmpty() ? all : some;
    }
}
