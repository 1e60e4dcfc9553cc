/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.repository.Artifact;
import ai.djl.repository.MRL;
import ai.djl.repository.zoo.ModelLoader;
import ai.djl.repository.zoo.ModelZoo;
import io.github.djlmistral.engine.weights.Gguf;
import io.github.djlmistral.zoo.HubReference;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.hub.Hub;
import io.github.djlmistral.zoo.hub.HubException;
import io.github.djlmistral.zoo.hub.HubModel;
import io.github.djlmistral.zoo.hub.HubSettings;
import io.github.djlmistral.zoo.translator.ModelArguments;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Where the model is that a user names. What lies here comes first, so that a download never
 * replaces it: the name of a directory or a GGUF file, then one of the zoo, then one of the Hub.
 */
sealed interface ModelSource {

    /** What the help says of it. */
    String HELP =
            "A checkpoint directory or a .gguf file; a model of the Hugging Face Hub, OWNER/NAME,"
                    + " with @REVISION or /FILE.gguf behind it if need be; or a model of the zoo,"
                    + " NAME or NAME:PRECISION (see 'mistral list --zoo'). What is not here yet is"
                    + " downloaded. A directory OWNER/NAME here comes before the Hub's; hf://OWNER/NAME"
                    + " is the Hub's in any case.";

    /**
     * Makes the files be here.
     *
     * @param terminal shows how far a download is
     * @return the directory with {@code config.json}, or the GGUF file
     */
    Path path(Terminal terminal) throws IOException;

    /** How the model is to be loaded: {@code quantization} or {@code dtype}, or nothing. */
    Map<String, String> arguments();

    /** A directory or a GGUF file. */
    record Local(Path path) implements ModelSource {

        @Override
        public Path path(Terminal terminal) {
            return path;
        }

        @Override
        public Map<String, String> arguments() {
            return Map.of();
        }
    }

    /** A model in the zoo's jar. */
    record BuiltIn(MRL mrl, Artifact artifact) implements ModelSource {

        @Override
        public Path path(Terminal terminal) throws IOException {
            mrl.prepare(artifact);
            return mrl.getRepository().getResourceDirectory(artifact);
        }

        @Override
        public Map<String, String> arguments() {
            Object quantization = artifact.getArguments().get("quantization");
            return quantization == null
                    ? Map.of()
                    : Map.of("quantization", quantization.toString());
        }
    }

    /**
     * A model of the Hub.
     *
     * @param reference which
     * @param bareName whether it could have been a directory as well
     */
    record OnHub(HubReference reference, boolean bareName) implements ModelSource {

        HubModel model() {
            return reference.model();
        }

        @Override
        public Path path(Terminal terminal) throws IOException {
            try (Download download = new Download(terminal, model())) {
                return path(new Hub(HubSettings.fromEnvironment()), download);
            }
        }

        Path path(Hub hub, Download download) throws IOException {
            try {
                return hub.download(model(), download);
            } catch (HubException e) {
                throw bareName
                        ? new IOException(
                                e.getMessage()
                                        + " (There is no directory or file "
                                        + model().repository()
                                        + " here either.)",
                                e)
                        : e;
            }
        }

        @Override
        public Map<String, String> arguments() {
            return reference.arguments();
        }
    }

    /**
     * Finds out what is meant.
     *
     * @param name what the user typed
     * @return where the model is; nothing is downloaded yet
     * @throws IOException if there is no such model, with the ways there are to name one
     */
    static ModelSource of(String name) throws IOException {
        Optional<Path> path = here(name);
        if (path.isPresent() && (Files.isDirectory(path.get()) || isGguf(path.get()))) {
            return new Local(path.get());
        }
        Optional<ModelSource> listed = inZoo(name);
        if (listed.isPresent()) {
            return listed.get();
        }
        if (HubModel.isHubUrl(name)) {
            return new OnHub(HubReference.parse(name), false);
        }
        if (path.isPresent()) {
            throw new IOException(
                    name
                            + " is a file, and not a GGUF one: give that, or the directory that"
                            + " holds config.json and the weights");
        }
        if (name.matches("[^./~\\\\][^\\\\]*")) {
            try {
                return new OnHub(HubReference.parse(name), true);
            } catch (IllegalArgumentException e) {
                if (name.indexOf('?') >= 0) {
                    throw e; // it is about an option
                }
            }
        }
        throw new IOException(
                "there is no model "
                        + name
                        + ": give a directory or a .gguf file that is here, OWNER/NAME for a model"
                        + " of the Hugging Face Hub, or one of the zoo, which has "
                        + loaders().stream().map(ModelLoader::getArtifactId).toList());
    }

    private static Optional<Path> here(String name) {
        try {
            return Optional.of(Path.of(name)).filter(Files::exists);
        } catch (InvalidPathException e) {
            return Optional.empty(); // a URL, on Windows
        }
    }

    private static boolean isGguf(Path path) throws IOException {
        return Gguf.find(path).isPresent();
    }

    /** The models of the zoo, the built-in one first. */
    static List<ModelLoader> loaders() {
        return List.copyOf(ModelZoo.getModelZoo(Mistral.GROUP_ID).getModelLoaders());
    }

    private static Optional<ModelSource> inZoo(String name) throws IOException {
        String[] parts = name.split(":", 2);
        ModelLoader loader = ModelZoo.getModelZoo(Mistral.GROUP_ID).getModelLoader(parts[0]);
        if (loader == null) {
            return Optional.empty();
        }
        MRL mrl = loader.getMrl();
        Artifact artifact = mrl.match(parts.length == 1 ? Map.of() : Map.of("precision", parts[1]));
        if (artifact == null) {
            throw new IOException(
                    parts[0]
                            + " is not there as '"
                            + parts[1]
                            + "', only as "
                            + mrl.listArtifacts().stream()
                                    .map(other -> other.getProperties().get("precision"))
                                    .toList());
        }
        ModelSource builtIn = new BuiltIn(mrl, artifact);
        Map<String, String> properties = artifact.getProperties();
        String repository = properties.get("repository");
        if (repository == null) {
            return Optional.of(builtIn);
        }
        HubModel model =
                new HubModel(
                        repository,
                        properties.getOrDefault("revision", HubModel.MAIN),
                        properties.get(ModelArguments.GGUF_FILE));
        String quantization = builtIn.arguments().get("quantization");
        return Optional.of(new OnHub(new HubReference(model, quantization), false));
    }
}
