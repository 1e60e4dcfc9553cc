/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Which of a repository's files a model needs. Repositories hold the same weights more than once:
 * Mistral's own have {@code consolidated.safetensors} beside the shards, older ones {@code
 * pytorch_model.bin}, and those with GGUF files one for each precision.
 *
 * <ul>
 *   <li>A GGUF file that is asked for by name, and nothing else: it is a whole model.
 *   <li>Otherwise a checkpoint: the first of the forms that {@link
 *       io.github.djlmistral.engine.weights.Checkpoint} would take, with what is read beside it:
 *       configuration, tokenizer, chat template.
 *   <li>Otherwise the one GGUF file.
 * </ul>
 *
 * <p>Only files in the repository's root count, but for GGUF files.
 */
public final class ModelFiles {

    private static final List<String> BESIDE =
            List.of(
                    "config.json",
                    "params.json",
                    "generation_config.json",
                    "tokenizer.json",
                    "tokenizer.model",
                    "tokenizer.model.v1",
                    "tokenizer.model.v3",
                    "tokenizer_config.json",
                    "special_tokens_map.json",
                    "added_tokens.json",
                    "chat_template.jinja");

    private static final String GGUF = ".gguf";

    /** Further chat templates, such as {@code tool_use.jinja}. */
    private static final String TEMPLATES = "additional_chat_templates/";

    /** As in {@code model-00002-of-00003.safetensors}. */
    private static final Pattern PART = Pattern.compile(".*-\\d+-of-\\d+\\.[a-z]+");

    /** Of a repository with many GGUF files, name so many. */
    private static final int LISTED = 24;

    private ModelFiles() {}

    /**
     * Chooses: see the class.
     *
     * @param model what is asked for
     * @param files the paths of all files that the repository has
     * @return the paths of those that are needed, each once, the weights (or their index) last
     * @throws HubException if the repository has no weights that can be read, or no such GGUF file,
     *     or several and none is named
     */
    public static List<String> choose(HubModel model, Collection<String> files)
            throws HubException {
        if (model.file() != null) {
            return List.of(named(model, model.file(), files));
        }
        List<String> weights = weights(files);
        if (!weights.isEmpty()) {
            return Stream.of(
                            BESIDE.stream().filter(files::contains),
                            templates(files),
                            weights.stream())
                    .flatMap(paths -> paths)
                    .toList();
        }
        List<String> gguf = gguf(files);
        if (gguf.size() == 1) {
            return gguf;
        }
        if (gguf.isEmpty()) {
            throw nothingToRead(model, files);
        }
        throw new HubException(
                model.toString(),
                "it has " + gguf.size() + " GGUF files, and none is named: " + shortened(gguf),
                "Name one of them, as in hf://" + model.repository() + "/" + gguf.get(0));
    }

    /** Whether a chosen file holds weights or is their index. */
    static boolean isWeights(String path) {
        return path.endsWith(GGUF)
                || path.endsWith(".safetensors")
                || path.endsWith(".safetensors.index.json");
    }

    private static Stream<String> templates(Collection<String> files) {
        return files.stream()
                .filter(path -> path.startsWith(TEMPLATES) && path.endsWith(".jinja"))
                .filter(path -> path.indexOf('/', TEMPLATES.length()) < 0)
                .sorted();
    }

    /** The shards before their index, so that whoever sees the index has the shards. */
    private static List<String> weights(Collection<String> files) {
        for (String stem : List.of("model", "consolidated")) {
            String single = stem + ".safetensors";
            if (files.contains(single)) {
                return List.of(single);
            }
            if (files.contains(single + ".index.json")) {
                List<String> weights = new ArrayList<>(shards(stem, files));
                weights.add(single + ".index.json");
                return weights;
            }
        }
        return List.of();
    }

    /** The index could name them otherwise, but those of one layout are never of the other. */
    private static List<String> shards(String stem, Collection<String> files) {
        return files.stream()
                .filter(name -> name.endsWith(".safetensors") && name.indexOf('/') < 0)
                .filter(name -> PART.matcher(name).matches())
                .filter(name -> stem.equals("consolidated") == name.startsWith("consolidated"))
                .sorted()
                .toList();
    }

    private static String named(HubModel model, String name, Collection<String> files)
            throws HubException {
        List<String> found =
                files.contains(name)
                        ? List.of(name)
                        : files.stream()
                                .filter(file -> file.endsWith("/" + name))
                                .sorted()
                                .toList();
        if (found.size() > 1) {
            throw new HubException(
                    model.toString(),
                    "several files are named so: " + shortened(found),
                    "Name one with its folder");
        }
        if (found.isEmpty()) {
            List<String> others = gguf(files);
            throw new HubException(
                    model.toString(),
                    "there is no such file"
                            + (others.isEmpty()
                                    ? ", nor any other GGUF file that can be read"
                                    : "; there are " + shortened(others)),
                    others.isEmpty() ? "Look for another repository" : "Name one of these");
        }
        if (PART.matcher(found.get(0)).matches()) {
            throw new HubException(
                    model.toString(),
                    "this is one of several parts of a GGUF file, which are not read",
                    "Take another file, or join the parts with llama-gguf-split --merge");
        }
        return found.get(0);
    }

    /** Those that may be models: no parts of one, no projectors of images. */
    private static List<String> gguf(Collection<String> files) {
        return files.stream()
                .filter(name -> name.endsWith(GGUF) && !PART.matcher(name).matches())
                .filter(name -> !name.substring(name.lastIndexOf('/') + 1).startsWith("mmproj"))
                .sorted()
                .toList();
    }

    private static HubException nothingToRead(HubModel model, Collection<String> files) {
        if (files.stream().anyMatch(name -> name.endsWith(GGUF))) {
            return new HubException(
                    model.toString(),
                    "its GGUF files are in several parts, which are not read",
                    "Look for a repository with whole files, or join the parts with"
                            + " llama-gguf-split --merge");
        }
        if (files.stream().anyMatch(name -> name.endsWith(".bin") || name.endsWith(".pth"))) {
            return new HubException(
                    model.toString(),
                    "its weights are pickled (.bin), which can run code and is not read",
                    "Look for a revision or repository with safetensors, or convert it with"
                            + " save_pretrained of transformers");
        }
        return new HubException(
                model.toString(),
                "it has neither model.safetensors nor a GGUF file, only " + shortened(files),
                "Name a repository that holds a whole model");
    }

    private static String shortened(Collection<String> names) {
        List<String> first = names.stream().sorted().limit(LISTED).toList();
        int more = names.size() - first.size();
        return String.join(", ", first) + (more > 0 ? " and " + more + " more" : "");
    }
}
