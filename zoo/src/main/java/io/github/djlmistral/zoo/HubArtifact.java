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

/** A model of the Hub with all that DJL has to know to load it. */
final class HubArtifact extends Artifact {

    private final HubModel model;

    /**
     * Describes a model.
     *
     * @param name what the loaded model is called
     * @param reference what is to be had, and how it is loaded
     * @param properties what filters are compared with, beside {@code repository}, {@code revision}
     *     and {@code gguf_file}
     */
    HubArtifact(String name, HubReference reference, Map<String, String> properties) {
        model = reference.model();
        setName(name);
        setVersion("0.1.0");
        Map<String, String> all = new LinkedHashMap<>(properties);
        all.put("repository", model.repository());
        all.put("revision", model.revision());
        Map<String, Object> arguments = new HashMap<>(reference.arguments());
        // these come before serving.properties, which may be in the directory and is not ours
        arguments.put("engine", "PyTorch");
        arguments.put("blockFactory", MistralBlockFactory.class.getName());
        arguments.put("translatorFactory", MistralTranslatorFactory.class.getName());
        String file = model.file();
        if (file != null) {
            all.put(ModelArguments.GGUF_FILE, file);
            // the directory is the file's own
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
     * Puts the forms of one model together.
     *
     * @param artifactId the name of all of them
     * @param license their licence, null if it is not known
     * @param artifacts the forms, the one to be loaded without a filter first
     */
    static Metadata metadata(
            String artifactId, @Nullable License license, List<HubArtifact> artifacts) {
        Metadata metadata = new Metadata();
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
