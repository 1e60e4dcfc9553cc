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
import io.github.djlmistral.engine.kernels.DjlEngine;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * DJL's model loader with {@link GatedModel}s and better error messages: if no artifact matches the
 * filters, the message lists the available ones.
 *
 * <p>DJL tries every model for criteria without an artifact id, and {@code downloadModel} downloads
 * all matches. Models of the Hub have several gigabytes and therefore require the artifact id.
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
                            + " is large and is loaded only by name: give optArtifactId(\""
                            + mrl.getArtifactId()
                            + "\")");
        }
        requireArtifact(criteria);
        SingleLoad load = new SingleLoad(mrl);
        try {
            return load.loadModel(withEngine(criteria));
        } catch (IOException
                | ModelNotFoundException
                | MalformedModelException
                | RuntimeException
                | Error e) {
            load.close();
            throw e;
        }
    }

    /** Loads one model. Closing this after a failure closes it, which DJL's loader does not do. */
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
            Model created =
                    new GatedModel(
                            super.createModel(directory, name, device, block, arguments, engine));
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

    /**
     * Returns the criteria with the preferred engine if they name none. DJL's loader would take its
     * default engine, which any engine on the class path may become.
     *
     * @throws IllegalArgumentException if networks do not run on the engine
     * @throws IllegalStateException if the engine is not on the class path
     * @throws ModelNotFoundException instead of these if the criteria name neither model nor zoo:
     *     DJL then tries the next one
     */
    private static <I, O> Criteria<I, O> withEngine(Criteria<I, O> criteria)
            throws ModelNotFoundException {
        Map<String, Object> arguments = criteria.getArguments();
        Object given =
                criteria.getEngine() != null || arguments == null
                        ? criteria.getEngine()
                        : arguments.get("engine");
        try {
            DjlEngine engine =
                    given == null ? DjlEngine.preferred() : DjlEngine.of(given.toString());
            engine.requirePresent();
            return criteria.toBuilder().optEngine(engine.engineName()).build();
        } catch (IllegalArgumentException | IllegalStateException e) {
            boolean named =
                    criteria.getArtifactId() != null
                            || criteria.getGroupId() != null
                            || criteria.getModelZoo() != null;
            if (!named) {
                throw new ModelNotFoundException(e.getMessage(), e);
            }
            throw e;
        }
    }

    private boolean isPassedOver(Criteria<?, ?> criteria) {
        return mrl.getRepository().isRemote() && criteria.getArtifactId() == null;
    }

    /**
     * Checks that an artifact matches the filters.
     *
     * @throws IllegalArgumentException if none does and the criteria name the model
     * @throws ModelNotFoundException if none does otherwise; DJL then tries the next model
     */
    private void requireArtifact(Criteria<?, ?> criteria)
            throws IOException, ModelNotFoundException {
        if (mrl.match(criteria.getFilters()) == null) {
            String message =
                    noMatch(mrl.getArtifactId(), criteria.getFilters(), mrl.listArtifacts());
            if (criteria.getArtifactId() != null) {
                throw new IllegalArgumentException(message);
            }
            throw new ModelNotFoundException(message);
        }
    }

    /**
     * Returns the error message for filters that no artifact matches. It lists the values that the
     * artifacts have for the filtered properties, or all their properties if they have none of
     * these.
     */
    static String noMatch(
            String model, Map<String, String> filters, List<? extends Artifact> artifacts) {
        List<Map<String, String>> all = artifacts.stream().map(Artifact::getProperties).toList();
        List<Map<String, String>> filtered =
                all.stream()
                        .map(
                                properties -> {
                                    Map<String, String> named = new LinkedHashMap<>(properties);
                                    named.keySet().retainAll(filters.keySet());
                                    return named;
                                })
                        .filter(named -> !named.isEmpty())
                        .distinct()
                        .toList();
        return model
                + " is not available with "
                + filters
                + ", only with "
                + (filtered.isEmpty() ? all : filtered)
                + ": correct optFilter, or leave it out";
    }
}
