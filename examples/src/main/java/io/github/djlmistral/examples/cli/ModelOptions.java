/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.pytorch.jni.JniUtils;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.repository.zoo.ZooModel;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.kernels.DjlEngine;
import io.github.djlmistral.engine.kernels.Kernels;
import io.github.djlmistral.engine.model.MistralPreTrainedModel;
import io.github.djlmistral.engine.quantization.Quantization;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.zoo.Mistral;
import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.Option;

/** Options that select the model and how it runs. */
final class ModelOptions {

    /** The number of threads of Rust's thread pool Rayon, which only the environment sets. */
    private static final String RAYON_THREADS = "RAYON_NUM_THREADS";

    @Option(
            names = {"-m", "--model"},
            paramLabel = "MODEL",
            description = ModelSource.HELP + " Default: ${DEFAULT-VALUE}, which is embedded.")
    String model = Mistral.DEFAULT_MODEL;

    @Option(
            names = "--engine",
            paramLabel = "NAME",
            description = "DJL engine: PyTorch, Rust. Default: the first one on the class path.")
    @Nullable String engine;

    @Option(
            names = "--kernels",
            paramLabel = "NAME",
            description = "Kernels: auto, native, torch, reference. Default: ${DEFAULT-VALUE}.")
    String kernels = "auto";

    @Option(
            names = "--native",
            paramLabel = "SET",
            description =
                    "Instruction set of the native kernels: avx2, avxvnni, avx512, amx, neon, i8mm."
                            + " Default: the environment variable MISTRAL_NATIVE, or the fastest one.")
    String instructionSet = ComputeOptions.DEFAULT;

    @Option(
            names = "--kv-cache-dtype",
            paramLabel = "TYPE",
            description =
                    "Type of keys and values: auto (that of the weights), int8 (native kernels)."
                            + " Default: ${DEFAULT-VALUE}.")
    String kvCacheDtype = ComputeOptions.DEFAULT;

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            description =
                    "Compute type: auto, float32, bfloat16, float16. Default: ${DEFAULT-VALUE}.")
    String dtype = "auto";

    @Option(
            names = "--quantization",
            paramLabel = "HOW",
            description =
                    "Quantize the linear layers on load: int4, nf4, or with options such as"
                            + " int4-g128; see 'mistral quantize --help'. Default: as stored.")
    @Nullable String quantization;

    @Option(
            names = "--device",
            paramLabel = "DEVICE",
            description = "cpu, gpu, or gpu1 for the second one. Default: a GPU if there is one.")
    @Nullable String device;

    @Option(
            names = "--threads",
            paramLabel = "N",
            description = "Number of CPU threads. Default: the engine's choice.")
    @Nullable Integer threads;

    /**
     * Loads the model with token IDs as input, which needs no tokenizer.
     *
     * @param terminal reports invalid options
     * @return the model, to be closed
     */
    ZooModel<NDList, NDList> load(Terminal terminal)
            throws IOException, ModelNotFoundException, MalformedModelException {
        return load(terminal, NDList.class, NDList.class);
    }

    /**
     * Loads the model with the translator of these types.
     *
     * @param terminal reports invalid options
     * @return the model, to be closed
     */
    <I, O> ZooModel<I, O> load(Terminal terminal, Class<I> input, Class<O> output)
            throws IOException, ModelNotFoundException, MalformedModelException {
        return load(terminal, input, output, Map.of());
    }

    /** As above, with further model arguments. */
    <I, O> ZooModel<I, O> load(
            Terminal terminal, Class<I> input, Class<O> output, Map<String, ?> arguments)
            throws IOException, ModelNotFoundException, MalformedModelException {
        setThreads(terminal);
        Device chosen = device(terminal); // before gigabytes are downloaded
        Path path = path(terminal);
        Criteria.Builder<I, O> criteria =
                Mistral.criteria(path, input, output)
                        .optModelName(name())
                        .optEngine(engine().engineName());
        if (chosen != null) {
            criteria.optDevice(chosen);
        }
        try (Terminal.Progress progress = terminal.progress("loading " + model, -1)) {
            progress.stepBy(0);
            criteria.optArgument("kernels", kernels)
                    .optArgument("dtype", dtype)
                    .optArgument("native", instructionSet)
                    .optArgument("kv_cache_dtype", kvCacheDtype);
            arguments.forEach(criteria::optArgument);
            if (quantization != null) {
                criteria.optArgument("quantization", quantization);
            }
            return criteria.build().loadModel();
        }
    }

    /**
     * Finds the files of a model whose name does not imply quantization.
     *
     * @param source the name of the model
     * @param terminal as for {@link #path}
     * @param remedy what to do instead of quantizing on load, for the error
     * @return as {@link #path}
     */
    static Path unquantized(String source, Terminal terminal, String remedy) throws IOException {
        ModelOptions options = new ModelOptions();
        options.model = source;
        Path path = options.path(terminal);
        if (options.quantization != null) {
            throw terminal.usage(
                    source
                            + " would be quantized on load as "
                            + options.quantization
                            + ": give the unquantized model, and "
                            + remedy);
        }
        return path;
    }

    /**
     * Finds the files of the model without reading its weights, and downloads them if necessary.
     * Options that the name of the model implies are set, unless the user has given them.
     *
     * @param terminal shows the progress of a download
     * @return the directory with {@code config.json}, or the GGUF file
     */
    Path path(Terminal terminal) throws IOException {
        ModelSource source = ModelSource.of(model);
        String named = source.arguments().get("quantization");
        if (quantization == null) {
            quantization = named;
        }
        if (dtype.equals(ComputeOptions.DEFAULT)) {
            dtype = source.arguments().getOrDefault("dtype", dtype);
        } else {
            Dtype.of(dtype);
        }
        if (quantization != null) {
            Quantization.parse(quantization);
        }
        return source.path(terminal);
    }

    /** Takes what a recipe says where the user has given nothing. */
    void replaceDefaults(
            @Nullable String otherModel,
            @Nullable String otherDtype,
            @Nullable String otherQuantization) {
        if (otherModel != null && model.equals(Mistral.DEFAULT_MODEL)) {
            model = otherModel;
        }
        if (otherDtype != null && dtype.equals(ComputeOptions.DEFAULT)) {
            dtype = otherDtype;
        }
        if (quantization == null) {
            quantization = otherQuantization;
        }
    }

    /** Returns kernels, types and instruction set. */
    ComputeOptions computeOptions() {
        return new ComputeOptions(kernels, dtype, instructionSet, kvCacheDtype);
    }

    /** Returns the last part of the name that the user gave. */
    String name() {
        String plain = model.replaceFirst("\\?.*", "").replaceFirst("[/\\\\]+$", "");
        return plain.substring(Math.max(plain.lastIndexOf('/'), plain.lastIndexOf('\\')) + 1);
    }

    /** Returns the chosen engine, which is on the class path. */
    DjlEngine engine() {
        DjlEngine chosen = engine == null ? DjlEngine.preferred() : DjlEngine.of(engine);
        chosen.requirePresent();
        return chosen;
    }

    /** Creates a manager of the chosen engine and device. */
    NDManager newManager(Terminal terminal) {
        return NDManager.newBaseManager(device(terminal), engine().engineName());
    }

    /** Returns the number of CPU threads that the engine computes with. */
    int threadCount() {
        if (engine() == DjlEngine.PYTORCH) {
            return JniUtils.getNumThreads();
        }
        String rayon = System.getenv(RAYON_THREADS);
        return rayon == null || !rayon.matches("[1-9]\\d{0,3}")
                ? Runtime.getRuntime().availableProcessors()
                : Integer.parseInt(rayon);
    }

    /** Must be called first: DJL passes the number on when it loads PyTorch. */
    void setThreads(Terminal terminal) {
        if (threads != null) {
            if (threads < 1) {
                throw terminal.usage("--threads is " + threads + ", must be at least 1");
            }
            if (engine() != DjlEngine.PYTORCH) {
                throw terminal.usage(
                        "--threads is for the PyTorch engine: set the environment variable "
                                + RAYON_THREADS
                                + " for the Rust engine");
            }
            System.setProperty("ai.djl.pytorch.num_threads", threads.toString());
        }
    }

    /** Returns the requested device, null for DJL's default. */
    @Nullable Device device(Terminal terminal) {
        if (device == null) {
            return null;
        }
        String name = device.toLowerCase(Locale.ROOT).replace("cuda", "gpu").replace(":", "");
        if (name.equals("cpu")) {
            return Device.cpu();
        }
        if (!name.matches("gpu\\d{0,3}")) {
            throw terminal.usage("--device is '" + device + "', must be cpu, gpu or gpu1, gpu2...");
        }
        int index = name.length() == 3 ? 0 : Integer.parseInt(name.substring(3));
        Device gpu = Device.gpu(index);
        // asks the engine: DJL finds no GPU if the CUDA runtime library is not on its path
        try (NDManager manager = NDManager.newBaseManager(gpu, engine().engineName())) {
            manager.zeros(new Shape(1)).close();
            return gpu;
        } catch (EngineException e) {
            throw new IllegalArgumentException(
                    engine().engineName()
                            + " finds no "
                            + device
                            + ": omit --device, or see DJL's documentation for its CUDA"
                            + " libraries",
                    e);
        }
    }

    /** Describes the kernels of a network for the JSON output. */
    static Map<String, Object> describe(MistralPreTrainedModel network) {
        return describe(network.kernels(), network.kernelReason());
    }

    /** Describes kernels for the JSON output. */
    static Map<String, Object> describe(Kernels kernels, String reason) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("name", kernels.name());
        map.put("dtype", kernels.dtype().toString());
        map.put("reason", reason);
        return map;
    }
}
