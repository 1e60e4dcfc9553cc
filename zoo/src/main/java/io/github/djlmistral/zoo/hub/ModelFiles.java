/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.hub;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Selects the files of a repository that a model needs. Many repositories contain the same weights
 * several times: Mistral's own have {@code consolidated.safetensors} besides the shards, older ones
 * {@code pytorch_model.bin}, and GGUF repositories one file for each quantization type.
 *
 * <ul>
 *   <li>If the model names a GGUF file, this file alone: it is a complete model.
 *   <li>Otherwise the safetensors weights that {@link
 *       io.github.djlmistral.engine.weights.Checkpoint} would read, with configuration, tokenizer,
 *       chat templates and the settings of sentence-transformers.
 *   <li>Otherwise the only GGUF file.
 * </ul>
 *
 * <p>Except for GGUF files, additional chat templates and modules of sentence-transformers, only
 * the root directory is searched.
 */
public final class ModelFiles {

    private static final List<String> SMALL_FILES =
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
                    "chat_template.jinja",
                    // of sentence-transformers
                    "modules.json",
                    "sentence_bert_config.json",
                    "config_sentence_transformers.json");

    private static final String GGUF = ".gguf";

    /** Further chat templates, such as {@code tool_use.jinja}. */
    private static final String TEMPLATES = "additional_chat_templates/";

    /** The modules of an embedding model, such as {@code 1_Pooling/config.json}. */
    private static final Pattern MODULE = Pattern.compile("\\d+_[A-Za-z]+/config\\.json");

    /** A shard, such as {@code model-00002-of-00003.safetensors}. */
    private static final Pattern PART = Pattern.compile(".*-\\d+-of-\\d+\\.[a-z]+");

    /** Maximum number of files named in a message. */
    private static final int LISTED = 24;

    private ModelFiles() {}

    /**
     * Selects files as described above.
     *
     * @param model the model
     * @param files paths of all files of the repository
     * @return distinct paths of the files that the model needs, the weights (or their index) last
     * @throws HubException if the repository has no supported weights, lacks the named GGUF file,
     *     or has several GGUF files and none is named
     */
    public static List<String> choose(HubModel model, Collection<String> files)
            throws HubException {
        if (model.file() != null) {
            return List.of(named(model, model.file(), files));
        }
        List<String> weights = weights(files);
        if (!weights.isEmpty()) {
            return Stream.of(
                            SMALL_FILES.stream().filter(files::contains),
                            templates(files),
                            files.stream().filter(MODULE.asMatchPredicate()).sorted(),
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
                "the repository has " + gguf.size() + " GGUF files: " + shortened(gguf),
                "Choose one, for example hf://" + model.repository() + "/" + gguf.get(0));
    }

    /** Returns whether a selected file contains weights or their index. */
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

    /** Returns the shards before their index: a reader who sees the index then has the shards. */
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

    /** Returns the shards by their usual names; those of the two layouts never mix. */
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
                    "several files have this name: " + shortened(found),
                    "Give the path with its directory");
        }
        if (found.isEmpty()) {
            List<String> others = gguf(files);
            throw new HubException(
                    model.toString(),
                    "the repository has no such file"
                            + (others.isEmpty()
                                    ? ", and no other supported GGUF file"
                                    : "; its GGUF files are " + shortened(others)),
                    others.isEmpty() ? "Choose another repository" : "Choose one of these");
        }
        if (PART.matcher(found.get(0)).matches()) {
            throw new HubException(
                    model.toString(),
                    "this is a shard of a split GGUF file, which is not supported",
                    "Choose another file, or merge the shards with llama-gguf-split --merge");
        }
        return found.get(0);
    }

    /** Returns the GGUF files that may be models: not shards, not projectors of vision models. */
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
                    "its GGUF files are split into shards, which is not supported",
                    "Choose a repository with single files, or merge the shards with"
                            + " llama-gguf-split --merge");
        }
        if (files.stream().anyMatch(name -> name.endsWith(".bin") || name.endsWith(".pth"))) {
            return new HubException(
                    model.toString(),
                    "its weights are Python pickles (.bin), which can execute code and are not"
                            + " supported",
                    "Choose a revision or repository with safetensors, or convert it with"
                            + " save_pretrained of transformers");
        }
        return new HubException(
                model.toString(),
                "the repository has neither model.safetensors nor a GGUF file, only "
                        + shortened(files),
                "Choose a repository that contains a complete model");
    }

    private static String shortened(Collection<String> names) {
        List<String> first = names.stream().sorted().limit(LISTED).toList();
        int more = names.size() - first.size();
        return String.join(", ", first) + (more > 0 ? " and " + more + " more" : "");
    }
}
