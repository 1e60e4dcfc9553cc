/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo;

import ai.djl.Application.NLP;
import ai.djl.repository.Artifact;
import ai.djl.repository.License;
import ai.djl.repository.Metadata;
import io.github.djlmistral.zoo.hub.HubModel;
import io.github.djlmistral.zoo.translator.MistralTranslatorFactory;
import io.github.djlmistral.zoo.translator.ModelArguments;
import java.net.URI;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * DJL's description of a model of the Hub. Its properties, which criteria can filter by, include
 * {@code url} (see {@link HubReference#parse}), {@code repository}, {@code revision} and, for a
 * GGUF model, {@code gguf_file}.
 */
final class HubArtifact extends Artifact {

    private final HubModel model;

    /**
     * Creates a description.
     *
     * @param name name of the loaded model
     * @param engine the engine that DJL's loader asks for the model, null for that of the criteria
     * @param reference the model and its precision
     * @param properties further properties
     */
    HubArtifact(
            String name,
            @Nullable String engine,
            HubReference reference,
            Map<String, String> properties) {
        model = reference.model();
        setName(name);
        setVersion("0.1.0");
        Map<String, String> all = new LinkedHashMap<>(properties);
        all.put("url", reference.toString());
        all.put("repository", model.repository());
        all.put("revision", model.revision());
        Map<String, Object> arguments = new HashMap<>(reference.arguments());
        // these take precedence over a serving.properties that other programs put there
        if (engine != null) {
            arguments.put("engine", engine);
        }
        arguments.put("blockFactory", MistralBlockFactory.class.getName());
        arguments.put("translatorFactory", MistralTranslatorFactory.class.getName());
        String file = model.file();
        if (file != null) {
            all.put(ModelArguments.GGUF_FILE, file);
            // relative to the directory of the file
            arguments.put(ModelArguments.GGUF_FILE, file.substring(file.lastIndexOf('/') + 1));
        }
        setProperties(all);
        setArguments(arguments);
        setOptions(Map.of("hasParameter", "false"));
    }

    HubModel model() {
        return model;
    }

    /**
     * Merges the application's arguments into those of the artifact. DJL's loaders call this before
     * the download, which is spared where an argument is wrong.
     *
     * @throws IllegalArgumentException as {@link ModelArguments#check}
     */
    @Override
    public Map<String, Object> getArguments(@Nullable Map<String, Object> override) {
        Map<String, Object> arguments = super.getArguments(override);
        ModelArguments.check(arguments);
        return arguments;
    }

    /**
     * Fills DJL's metadata of a model.
     *
     * @param metadata empty metadata
     * @param artifactId name of the model
     * @param license its license, null if unknown
     * @param artifacts the available precisions; the first is the default
     * @return the given metadata
     */
    static Metadata metadata(
            Metadata metadata,
            String artifactId,
            @Nullable License license,
            List<HubArtifact> artifacts) {
        metadata.setMetadataVersion("0.2");
        metadata.setResourceType("model");
        metadata.setApplication(NLP.TEXT_GENERATION);
        metadata.setGroupId(Mistral.GROUP_ID);
        metadata.setArtifactId(artifactId);
        metadata.setName(artifactId);
        metadata.setRepositoryUri(URI.create(""));
        if (license != null) {
            metadata.addLicense(license);
        }
        metadata.setArtifacts(List.copyOf(artifacts));
        return metadata;
    }
}
