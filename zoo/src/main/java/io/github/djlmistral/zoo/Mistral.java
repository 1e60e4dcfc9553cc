/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo;

import ai.djl.Model;
import ai.djl.repository.zoo.Criteria;
import ai.djl.util.Progress;
import io.github.djlmistral.engine.kernels.DjlEngine;
import io.github.djlmistral.engine.model.MistralConfig;
import io.github.djlmistral.engine.model.MistralForCausalLM;
import io.github.djlmistral.engine.model.MistralPreTrainedModel;
import io.github.djlmistral.engine.weights.Gguf;
import io.github.djlmistral.zoo.chat.ChatTemplate;
import io.github.djlmistral.zoo.hub.Hub;
import io.github.djlmistral.zoo.hub.HubException;
import io.github.djlmistral.zoo.hub.HubModel;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import io.github.djlmistral.zoo.translator.MistralTranslatorFactory;
import io.github.djlmistral.zoo.translator.ModelArguments;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * Entry point for applications: creates criteria that load Mistral models with DJL.
 *
 * <pre>{@code
 * try (ZooModel<String, String> model = Mistral.criteria(directory).build().loadModel();
 *         Predictor<String, String> predictor = model.newPredictor()) {
 *     System.out.println(predictor.predict("What is a lighthouse?"));
 * }
 * }</pre>
 *
 * <p>Models of the Hugging Face Hub can be loaded without this class: by {@code
 * optModelUrls("hf://owner/name")}, see {@link HubRepositoryFactory}, or by the names in {@link
 * MistralModelZoo}.
 *
 * <p>Models run on the first engine on the class path among those of {@link DjlEngine}, PyTorch
 * usually; {@code optEngine("Rust")} chooses another one.
 *
 * <p>{@link MistralTranslatorFactory} lists the supported input and output types. Model arguments
 * ({@code optArgument}) are
 *
 * <ul>
 *   <li>{@code kernels}, {@code dtype}, {@code native}, the instruction set of the native kernels,
 *       and {@code kv_cache_dtype}, see {@link io.github.djlmistral.engine.kernels.ComputeOptions};
 *   <li>{@code quantization} ({@code int4}, {@code nf4}), see {@link
 *       io.github.djlmistral.engine.quantization.Quantization#parse};
 *   <li>{@code gguf_file}, the name of a GGUF file in a directory with several;
 *   <li>{@code truncation} ({@code true}, {@code false}): whether texts that are longer than the
 *       model allows are truncated by classification, question answering and embeddings, or
 *       rejected, which is the default;
 *   <li>{@code pooling}, {@code normalize} and {@code prompt} or {@code prompt_name} of embeddings,
 *       see {@link MistralTranslatorFactory};
 *   <li>{@code aggregation_strategy} of named entities, as in transformers: {@code none}, each
 *       token by itself; {@code simple}, consecutive tokens of a class; {@code first} (the
 *       default), {@code average} or {@code max}, consecutive words whose class their first token,
 *       their mean probabilities or their most certain token decides;
 *   <li>{@code max_answer_len}, the most tokens of an answer in question answering, 15 by default;
 *   <li>{@code head} ({@code MistralForSequenceClassification}, {@code
 *       MistralForTokenClassification}, {@code MistralForQuestionAnswering}): adds a freshly
 *       initialized head, to be trained, to a checkpoint without one; with {@code labels}, the
 *       names of its classes as a list or separated by commas, and optionally {@code problem_type}
 *       and {@code pad_token_id}, see {@link
 *       io.github.djlmistral.engine.model.MistralCheckpoint#withNewHead};
 *   <li>{@code batching} ({@code true}, {@code false}): whether the requests of all predictors are
 *       computed together, which is the default; {@code max_batch_size} and {@code
 *       max_batch_prefill_tokens}, the most sequences and prompt tokens of a forward pass; {@code
 *       max_cache_bytes}, such as {@code 2GB}, the most memory of the KV caches of running requests
 *       ({@link io.github.djlmistral.engine.generation.Batching});
 *   <li>{@code prefix_cache_bytes}: the most memory of KV caches that are kept for prompts that
 *       begin like earlier ones, as the turns of a conversation do; 1 GiB by default, 0 keeps none
 *       ({@link io.github.djlmistral.engine.cache.PrefixCache}). Training drops them; choose 0 for
 *       a model whose weights are changed in another way. {@code prefix_cache_idle_seconds}: after
 *       this time without requests their memory is freed; 600 by default, 0 keeps them as long as
 *       the model is open;
 *   <li>{@code assistant_model}, a smaller model with the same vocabulary that drafts tokens for
 *       this one to verify (speculative decoding): a checkpoint directory or GGUF file, an {@code
 *       hf://} URL, the name of a model of this zoo, or a loaded model, which stays open as long as
 *       this one;
 *   <li>{@code adapter}, the directory of a LoRA adapter in the files of peft, which all requests
 *       use; that of a classifier brings its head to a checkpoint without one; or {@code adapters},
 *       several with names ({@code sql=adapters/sql,poems=adapters/poems}), one of which a request
 *       chooses by its option {@code adapter}; without that it uses none ({@link
 *       io.github.djlmistral.engine.adapter.Adapter});
 *   <li>the options of {@link io.github.djlmistral.engine.generation.GenerationConfig}, by their
 *       names in transformers.
 * </ul>
 *
 * <p>Unknown arguments are rejected.
 */
public final class Mistral {

    /** DJL's group id of this zoo. */
    public static final String GROUP_ID = "io.github.djlmistral";

    /** DJL's artifact id of the model embedded in this jar. */
    public static final String DEFAULT_MODEL = "mistral-tiny-instruct";

    private Mistral() {}

    /**
     * Creates criteria for the embedded model.
     *
     * @param input class of the input
     * @param output class of the output
     * @param <I> the input type
     * @param <O> the output type
     * @return a builder for further criteria
     */
    public static <I, O> Criteria.Builder<I, O> criteria(Class<I> input, Class<O> output) {
        return Criteria.builder()
                .setTypes(input, output)
                .optGroupId(GROUP_ID)
                .optArtifactId(DEFAULT_MODEL);
    }

    /**
     * Creates criteria for a checkpoint: a directory with {@code config.json}, {@code
     * *.safetensors} and, unless the types are NDLists, a tokenizer; or a GGUF file, which contains
     * all of these.
     *
     * @param checkpoint the directory or the GGUF file
     * @param input class of the input
     * @param output class of the output
     * @param <I> the input type
     * @param <O> the output type
     * @return a builder for further criteria
     * @throws IllegalArgumentException if there is no such directory or GGUF file
     * @throws UncheckedIOException if it cannot be read
     */
    public static <I, O> Criteria.Builder<I, O> criteria(
            Path checkpoint, Class<I> input, Class<O> output) {
        if (!isCheckpoint(checkpoint)) {
            // DJL would only say that no model matches
            throw new IllegalArgumentException(
                    checkpoint.toAbsolutePath()
                            + (Files.exists(checkpoint) ? " is a file" : " does not exist")
                            + ": give the directory that holds config.json and *.safetensors, or a"
                            + " .gguf file");
        }
        Path path = checkpoint.toAbsolutePath().normalize();
        // the root of a file system has no name
        String name = path.getFileName() == null ? "mistral" : path.getFileName().toString();
        boolean isFile = Files.isRegularFile(path);
        Path directory = isFile ? path.resolveSibling("") : path;
        Criteria.Builder<I, O> criteria =
                Criteria.builder()
                        .setTypes(input, output)
                        .optEngine(DjlEngine.preferred().engineName())
                        .optModelZoo(new MistralModelZoo(directory, name))
                        .optArgument("blockFactory", MistralBlockFactory.class.getName())
                        .optTranslatorFactory(new MistralTranslatorFactory())
                        .optOption("hasParameter", "false");
        // DJL expects a directory
        return isFile ? criteria.optArgument(ModelArguments.GGUF_FILE, name) : criteria;
    }

    /**
     * Creates criteria for a checkpoint, with strings as input and output.
     *
     * @param checkpoint the directory or the GGUF file
     * @return a builder for further criteria
     * @throws IllegalArgumentException if there is no such directory or GGUF file
     * @throws UncheckedIOException if it cannot be read
     */
    public static Criteria.Builder<String, String> criteria(Path checkpoint) {
        return criteria(checkpoint, String.class, String.class);
    }

    private static boolean isCheckpoint(Path path) {
        try {
            return Files.isDirectory(path) || Gguf.find(path).isPresent();
        } catch (IOException e) {
            throw new UncheckedIOException(path + " cannot be read: " + e.getMessage(), e);
        }
    }

    /**
     * Downloads a model of the Hub unless it is cached, in the same way as when it is loaded by an
     * {@code hf://} URL or by name. Configuration and chat template are downloaded first; if one of
     * them is not supported, the weights are not requested. {@link Hub#download(HubModel,
     * Progress)} skips these checks.
     *
     * @param hub the Hub and its cache
     * @param model the model
     * @param progress notified as by {@link Hub#download(HubModel, Progress)}, or null
     * @return the checkpoint's directory or its GGUF file, for {@link #criteria(Path)}
     * @throws HubException if the model is not available, or cannot be used; the message says why
     * @throws IOException if the cache cannot be read or written, or the thread is interrupted
     */
    public static Path download(Hub hub, HubModel model, @Nullable Progress progress)
            throws IOException {
        return hub.download(model, progress, directory -> check(model, directory));
    }

    private static void check(HubModel model, Path directory) throws HubException {
        try {
            MistralConfig.read(directory);
            ChatTemplate.open(directory);
        } catch (IOException e) {
            throw new HubException(
                    model.toString(),
                    String.valueOf(e.getMessage()),
                    "The weights were not downloaded; choose another model or revision",
                    e);
        }
    }

    /**
     * Saves a model with the current values of its parameters, for example after training, as a
     * checkpoint that this library and transformers can load: {@code config.json} with the head and
     * its labels, {@code model.safetensors} with the parameters in float32, and the tokenizer and
     * other files of the checkpoint that the model was loaded from. Quantized weights, which
     * training does not change, are saved as they are in that checkpoint.
     *
     * @param model a model of this zoo, loaded from a directory
     * @param directory the directory to create; must not exist, or be empty
     * @throws IllegalArgumentException if the model was not loaded from a checkpoint with {@code
     *     config.json}
     * @throws IOException if files cannot be read or written; the directory may then be incomplete
     */
    public static void save(Model model, Path directory) throws IOException {
        SavedCheckpoint.write(model, directory);
    }

    /**
     * Saves an adapter in the files of peft. That of a classifier gets {@code config.json} as well,
     * with the names of the classes, which peft does not store: a base model that is loaded with
     * the argument {@code adapter} becomes that classifier.
     *
     * @param model the model that the adapter belongs to, loaded from a directory
     * @param network the network of the model with the adapter
     * @param directory the directory; created if it does not exist
     * @throws IllegalArgumentException if the network is a classifier and the model was not loaded
     *     from a checkpoint with {@code config.json}
     * @throws IllegalStateException if the network has no adapter
     * @throws IOException if files cannot be read or written
     */
    public static void saveAdapter(Model model, MistralPreTrainedModel network, Path directory)
            throws IOException {
        SavedCheckpoint.writeAdapter(model, network, directory);
    }

    /**
     * Writes a checkpoint with an adapter merged into the weights, {@code W + scale · B · A},
     * tensor by tensor. The directory appears when it is complete.
     *
     * <p>Weights keep their type. Quantized weights are dequantized to the {@code torch_dtype} of
     * {@code config.json}, float32 if it names none, since quantizing the sum again would change
     * it. Tied embeddings become separate if the adapter changes one of the two.
     *
     * @param checkpoint the checkpoint directory of the base model, with {@code config.json}
     * @param adapter the directory of the adapter, see {@link
     *     io.github.djlmistral.engine.adapter.Adapter#load}
     * @param directory the directory to create; must not exist, or be empty
     * @throws IllegalArgumentException if the adapter does not match the model
     * @throws IOException if files cannot be read or written; nothing is left behind
     */
    public static void merge(Path checkpoint, Path adapter, Path directory) throws IOException {
        MergedCheckpoint.write(checkpoint, adapter, directory);
    }

    /**
     * Returns the network of a loaded model.
     *
     * @param model a model of this zoo
     * @return its block
     * @throws IllegalArgumentException if it is not a model of this zoo
     */
    public static MistralForCausalLM network(Model model) {
        return MistralPipeline.network(model);
    }
}
