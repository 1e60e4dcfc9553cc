/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ModelNotFoundException;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Loads the model that the argument {@link ModelArguments#ASSISTANT_MODEL} names. */
final class AssistantModel {

    private static final String GROUP_ID = "io.github.djlmistral";

    private AssistantModel() {}

    /**
     * Loads the assistant model with the engine, the device and the kernels of a model, once for
     * all pipelines of the model.
     *
     * @param model the model that verifies, which closes the assistant with itself
     * @param arguments the translator's arguments, in addition to those of the model
     * @return the assistant; null if there is none
     * @throws IOException if it cannot be loaded
     * @throws IllegalArgumentException if it is another kind of model
     */
    static @Nullable MistralForCausalLM load(Model model, Map<String, ?> arguments)
            throws IOException {
        Optional<Object> given = ModelArguments.value(arguments, ModelArguments.ASSISTANT_MODEL);
        if (given.isEmpty()) {
            given = ModelArguments.value(model.getProperties(), ModelArguments.ASSISTANT_MODEL);
        }
        if (given.isEmpty()) {
            return null;
        }
        if (given.get() instanceof Model loaded) {
            return MistralPipeline.network(loaded);
        }
        String name = given.get().toString();
        return MistralPipeline.network(model)
                .attachment(MistralForCausalLM.class, name, () -> loadNamed(name, model));
    }

    private static MistralForCausalLM loadNamed(String name, Model model) throws IOException {
        try {
            if (isPath(name)) {
                return MistralForCausalLM.load(
                        Path.of(name),
                        model.getNDManager(),
                        ModelArguments.computeOptions(model.getProperties()));
            }
            return load(name, model);
        } catch (MalformedModelException | ModelNotFoundException e) {
            throw new IOException(
                    "the assistant model " + name + " cannot be loaded: " + e.getMessage(), e);
        }
    }

    private static boolean isPath(String name) {
        try {
            return Files.exists(Path.of(name));
        } catch (InvalidPathException e) {
            return false; // a URL, on Windows
        }
    }

    private static MistralForCausalLM load(String name, Model model)
            throws IOException, ModelNotFoundException, MalformedModelException {
        Criteria.Builder<NDList, NDList> criteria =
                Criteria.builder()
                        .setTypes(NDList.class, NDList.class)
                        .optEngine(model.getNDManager().getEngine().getEngineName())
                        .optDevice(model.getNDManager().getDevice());
        if (name.contains("://")) {
            criteria.optModelUrls(name);
        } else {
            criteria.optGroupId(GROUP_ID).optArtifactId(name);
        }
        Model loaded = criteria.build().loadModel();
        model.getNDManager().attachInternal(NDManager.nextUid(), loaded);
        return MistralPipeline.network(loaded);
    }
}
