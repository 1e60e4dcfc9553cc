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
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Where a model comes from, by the name that a user gives: a directory or GGUF file, else a model
 * of the zoo, {@code NAME[:PRECISION]}, else one of the Hub as {@link HubReference#parse} takes it.
 * Local files come first, so that a download never replaces them.
 */
sealed interface ModelSource {

    /** Help text of options that take a model. */
    String HELP =
            "A checkpoint directory or a .gguf file; a model of the Hugging Face Hub,"
                    + " OWNER/NAME[@REVISION][/FILE.gguf]; or a model of the zoo, NAME[:PRECISION]"
                    + " (see 'mistral list --zoo'). Downloaded if not in the cache. A local"
                    + " directory OWNER/NAME takes precedence; hf://OWNER/NAME always means the"
                    + " Hub.";

    /**
     * Returns the local path of the model, and downloads it first if necessary.
     *
     * @param terminal shows the progress of a download
     * @return the directory with {@code config.json}, or the GGUF file
     */
    Path path(Terminal terminal) throws IOException;

    /** Returns the model arguments that the name implies: {@code quantization} or {@code dtype}. */
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

    /** The model embedded in the zoo's jar. */
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
     * @param reference model and precision
     * @param bareName whether the name might also have meant a local path
     */
    record OnHub(HubReference reference, boolean bareName) implements ModelSource {

        HubModel model() {
            return reference.model();
        }

        @Override
        public Path path(Terminal terminal) throws IOException {
            try (DownloadProgress download = new DownloadProgress(terminal, model())) {
                return path(new Hub(HubSettings.fromEnvironment()), download);
            }
        }

        Path path(Hub hub, DownloadProgress download) throws IOException {
            try {
                return Mistral.download(hub, model(), download);
            } catch (HubException e) {
                throw bareName
                        ? new IOException(
                                e.getMessage()
                                        + " (There is no local directory or file "
                                        + model().repository()
                                        + " either.)",
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
     * Resolves a name. Downloads nothing.
     *
     * @param name what the user typed
     * @return where the model comes from
     * @throws IOException if there is no such model; the message lists the valid forms
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
                            + " is not a GGUF file: give a .gguf file, or the directory with"
                            + " config.json and the weights");
        }
        if (name.matches("[^./~\\\\][^\\\\]*")) {
            try {
                return new OnHub(HubReference.parse(name), true);
            } catch (IllegalArgumentException e) {
                if (name.indexOf('?') >= 0) {
                    throw e; // names the wrong option
                }
            }
        }
        throw new IOException(
                "there is no model "
                        + name
                        + ": give a checkpoint directory, a .gguf file, OWNER/NAME for a model of"
                        + " the Hugging Face Hub, or a model of the zoo: "
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

    /** The models of the zoo, the embedded one first. */
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
                            + " is not available as '"
                            + parts[1]
                            + "', only as "
                            + mrl.listArtifacts().stream()
                                    .map(other -> other.getProperties().get("precision"))
                                    .toList());
        }
        String url = artifact.getProperties().get("url");
        return Optional.of(
                url == null
                        ? new BuiltIn(mrl, artifact)
                        : new OnHub(HubReference.parse(url), false));
    }
}
