/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo;

import ai.djl.Model;
import ai.djl.repository.zoo.Criteria;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import io.github.djlmistral.zoo.translator.MistralTranslatorFactory;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * Where applications begin: criteria that load Mistral models with DJL.
 *
 * <pre>{@code
 * try (ZooModel<String, String> model = Mistral.criteria(directory).build().loadModel();
 *         Predictor<String, String> predictor = model.newPredictor()) {
 *     System.out.println(predictor.predict("What is a lighthouse?"));
 * }
 * }</pre>
 *
 * <p>The types a model can be loaded with are those of {@link MistralTranslatorFactory}. Arguments
 * ({@code optArgument}): {@code kernels} and {@code dtype} as {@link
 * io.github.djlmistral.engine.kernels.KernelChoice#of} takes them, and every option of {@link
 * io.github.djlmistral.engine.generation.GenerationConfig} by the reference's name. An unknown
 * argument is an error.
 */
public final class Mistral {

    /** The group of this zoo's models. */
    public static final String GROUP_ID = "io.github.djlmistral";

    /** The artifact that is embedded in this jar. */
    public static final String DEFAULT_MODEL = "mistral-tiny-instruct";

    private Mistral() {}

    /**
     * Starts criteria for the embedded model.
     *
     * @param input what the application gives
     * @param output what it gets
     * @param <I> the input's type
     * @param <O> the output's type
     * @return a builder to add arguments to
     */
    public static <I, O> Criteria.Builder<I, O> criteria(Class<I> input, Class<O> output) {
        return Criteria.builder()
                .setTypes(input, output)
                .optGroupId(GROUP_ID)
                .optArtifactId(DEFAULT_MODEL);
    }

    /**
     * Starts criteria for a checkpoint: a directory with {@code config.json}, {@code *.safetensors}
     * and, unless the types are NDLists, a tokenizer.
     *
     * @param directory the checkpoint
     * @param input what the application gives
     * @param output what it gets
     * @param <I> the input's type
     * @param <O> the output's type
     * @return a builder to add arguments to
     * @throws IllegalArgumentException if there is no such directory
     */
    public static <I, O> Criteria.Builder<I, O> criteria(
            Path directory, Class<I> input, Class<O> output) {
        if (!Files.isDirectory(directory)) {
            // DJL would only say that no model matches
            throw new IllegalArgumentException(
                    directory.toAbsolutePath()
                            + (Files.exists(directory) ? " is a file" : " does not exist")
                            + ": give the directory that holds config.json and *.safetensors");
        }
        return Criteria.builder()
                .setTypes(input, output)
                .optEngine("PyTorch")
                .optModelZoo(new MistralModelZoo(directory))
                .optArgument("blockFactory", MistralBlockFactory.class.getName())
                .optTranslatorFactory(new MistralTranslatorFactory())
                .optOption("hasParameter", "false");
    }

    /**
     * Starts criteria for a checkpoint, text to text.
     *
     * @param directory the checkpoint
     * @return a builder to add arguments to
     * @throws IllegalArgumentException if there is no such directory
     */
    public static Criteria.Builder<String, String> criteria(Path directory) {
        return criteria(directory, String.class, String.class);
    }

    /**
     * Returns the network of a loaded model.
     *
     * @param model a model of this zoo
     * @return its block
     * @throws IllegalArgumentException if it is another kind of model
     */
    public static MistralForCausalLM network(Model model) {
        return MistralPipeline.network(model);
    }
}
