/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.spark;

import ai.djl.ModelException;
import ai.djl.engine.EngineException;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ModelLoader;
import ai.djl.repository.zoo.ModelZoo;
import ai.djl.repository.zoo.ZooModel;
import com.google.gson.GsonBuilder;
import com.google.gson.JsonObject;
import com.google.gson.JsonParseException;
import com.google.gson.JsonParser;
import com.google.gson.ToNumberPolicy;
import com.google.gson.reflect.TypeToken;
import io.github.djlmistral.zoo.HubReference;
import io.github.djlmistral.zoo.Mistral;
import io.github.djlmistral.zoo.chat.ChatInput;
import io.github.djlmistral.zoo.chat.ChatTemplate;
import io.github.djlmistral.zoo.hub.HubModel;
import io.github.djlmistral.zoo.translator.MistralPipeline;
import io.github.djlmistral.zoo.translator.ModelArguments;
import java.io.IOException;
import java.io.Serializable;
import java.net.InetAddress;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.apache.spark.TaskContext;

/**
 * Which model to load, and how. Sent to the executors instead of the model; executors load the
 * model once for equal values.
 *
 * @param model an {@code hf://} URL, an absolute path, or a name of the zoo, {@code
 *     NAME[:PRECISION]}
 * @param task name of the {@link Task}
 * @param options model arguments, a JSON object
 */
record ModelSpec(String model, String task, String options) implements Serializable {

    private static final String THREADS = "ai.djl.pytorch.num_threads";

    /**
     * Checks what can be checked without the model, on the driver, before a job is started.
     *
     * @return the task
     * @throws IllegalArgumentException if the task, the name of the model or an option is unknown,
     *     or the model is a relative path
     */
    Task<?, ?> check() {
        Task<?, ?> checked = Task.of(task);
        ModelArguments.check(arguments(options));
        if (HubModel.isHubUrl(model)) {
            HubReference.parse(model);
        } else if (isPath()) {
            if (!Path.of(model).isAbsolute()) {
                throw new IllegalArgumentException(
                        "the model is the relative path '"
                                + model
                                + "', but executors have working directories of their own: give an"
                                + " absolute path, or hf://OWNER/NAME for a model of the Hugging"
                                + " Face Hub");
            }
        } else if (ModelZoo.getModelZoo(Mistral.GROUP_ID).getModelLoader(zooName()[0]) == null) {
            throw new IllegalArgumentException(
                    "the zoo has no model '"
                            + zooName()[0]
                            + "': give an absolute path, hf://OWNER/NAME, or one of "
                            + ModelZoo.getModelZoo(Mistral.GROUP_ID).getModelLoaders().stream()
                                    .map(ModelLoader::getArtifactId)
                                    .toList());
        }
        return checked;
    }

    /**
     * Parses options.
     *
     * @param json a JSON object
     * @return the arguments for DJL's criteria
     * @throws IllegalArgumentException if it is not a JSON object
     */
    static Map<String, Object> arguments(String json) {
        try {
            // Gson would take an array for a map
            JsonObject object = JsonParser.parseString(json).getAsJsonObject();
            return new GsonBuilder()
                    .setObjectToNumberStrategy(ToNumberPolicy.LONG_OR_DOUBLE)
                    .create()
                    .fromJson(object, new TypeToken<Map<String, Object>>() {});
        } catch (JsonParseException | IllegalStateException e) {
            throw new IllegalArgumentException(
                    "options is not a JSON object such as {\"max_new_tokens\": 64}: " + json, e);
        }
    }

    private boolean isPath() {
        return model.indexOf('/') >= 0 || model.indexOf('\\') >= 0 || model.endsWith(".gguf");
    }

    /** Returns the name, and the precision if there is one. */
    private String[] zooName() {
        return model.split(":", 2);
    }

    private <I, O> Criteria<I, O> criteria(Task<I, O> of) {
        Criteria.Builder<I, O> criteria;
        if (HubModel.isHubUrl(model)) {
            criteria = Criteria.builder().setTypes(of.input(), of.output()).optModelUrls(model);
        } else if (isPath()) {
            criteria = Mistral.criteria(Path.of(model), of.input(), of.output());
        } else {
            criteria = Mistral.criteria(of.input(), of.output()).optArtifactId(zooName()[0]);
            if (zooName().length > 1) {
                criteria.optFilter("precision", zooName()[1]);
            }
        }
        arguments(options).forEach(criteria::optArgument);
        return criteria.build();
    }

    /**
     * Loads the model. PyTorch gets as many threads as the running task has cores, unless the
     * system property {@code ai.djl.pytorch.num_threads} is set.
     *
     * @throws IllegalStateException if that fails; the message names the host and the remedy
     */
    ZooModel<?, ?> load() {
        TaskContext context = TaskContext.get();
        if (context != null && System.getProperty(THREADS) == null) {
            System.setProperty(THREADS, Integer.toString(context.cpus()));
        }
        try {
            return load(Task.of(task));
        } catch (IOException | ModelException | RuntimeException e) {
            throw new IllegalStateException(
                    "the executor on "
                            + host()
                            + " cannot load the model "
                            + model
                            + ": "
                            + String.valueOf(e.getMessage()).replaceFirst("\\.$", "")
                            + remedy(e),
                    e);
        }
    }

    private <I, O> ZooModel<I, O> load(Task<I, O> of) throws IOException, ModelException {
        ZooModel<I, O> loaded = criteria(of).loadModel();
        try {
            if (of.input().equals(ChatInput.class)
                    && ChatTemplate.open(MistralPipeline.checkpoint(loaded)).isEmpty()) {
                throw new IllegalArgumentException(
                        "it has no chat template: set task to complete, or put a"
                                + " chat_template.jinja beside the checkpoint");
            }
            return loaded;
        } catch (IOException | RuntimeException e) {
            loaded.close();
            throw e;
        }
    }

    private String remedy(Exception e) {
        if (HubModel.isHubUrl(model) && e instanceof IOException) {
            return ". Every node downloads the model once into the cache of its HF_HOME: give the"
                    + " executors access to the Hub, or fill the cache of every node beforehand";
        }
        if (isPath() && !Files.exists(Path.of(model))) {
            return ". Put the checkpoint at this path on every node, or on a file system that all"
                    + " nodes share; or give an hf:// URL, which every node downloads";
        }
        if (e instanceof EngineException) {
            return ". PyTorch's native library, the jar pytorch-native-cpu with the classifier of"
                    + " the platform, must be on the class path of the executors"
                    + " (spark.executor.extraClassPath)";
        }
        return "";
    }

    private static String host() {
        try {
            return InetAddress.getLocalHost().getHostName();
        } catch (IOException e) {
            return "an unknown host";
        }
    }
}
