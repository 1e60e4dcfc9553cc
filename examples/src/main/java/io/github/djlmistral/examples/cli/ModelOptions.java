/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.examples.cli;

import ai.djl.Device;
import ai.djl.MalformedModelException;
import ai.djl.engine.EngineException;
import ai.djl.ndarray.NDList;
import ai.djl.ndarray.NDManager;
import ai.djl.ndarray.types.Shape;
import ai.djl.repository.zoo.Criteria;
import ai.djl.repository.zoo.ModelNotFoundException;
import ai.djl.repository.zoo.ZooModel;
import io.github.djlmistral.engine.kernels.KernelChoice;
import io.github.djlmistral.engine.kernels.Kernels;
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

/** Which model, and how it is to compute. */
final class ModelOptions {

    @Option(
            names = {"-m", "--model"},
            paramLabel = "MODEL",
            description = ModelSource.HELP + " Default: ${DEFAULT-VALUE}, which is built in.")
    String model = Mistral.DEFAULT_MODEL;

    @Option(
            names = "--kernels",
            paramLabel = "NAME",
            description = "What computes: auto, simd, torch, reference. Default: ${DEFAULT-VALUE}.")
    String kernels = "auto";

    @Option(
            names = "--dtype",
            paramLabel = "TYPE",
            description =
                    "The type to compute in: auto, float32, bfloat16, float16. Default:"
                            + " ${DEFAULT-VALUE}.")
    String dtype = "auto";

    @Option(
            names = "--quantization",
            paramLabel = "HOW",
            description =
                    "Quantize the linear layers while loading: int4, nf4, or with options such as"
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
            description = "How many processor threads compute. Default: PyTorch's choice.")
    @Nullable Integer threads;

    /**
     * Loads the model. It takes token ids, so it needs no tokenizer.
     *
     * @param terminal where faults of these options go
     * @return the model, to be closed
     */
    ZooModel<NDList, NDList> load(Terminal terminal)
            throws IOException, ModelNotFoundException, MalformedModelException {
        setThreads(terminal);
        Device chosen = device(terminal); // before gigabytes are downloaded in vain
        Path path = path(terminal);
        Criteria.Builder<NDList, NDList> criteria =
                Mistral.criteria(path, NDList.class, NDList.class).optModelName(name());
        if (chosen != null) {
            criteria.optDevice(chosen);
        }
        try (Terminal.Progress progress = terminal.progress("loading " + model, -1)) {
            progress.stepBy(0);
            criteria.optArgument("kernels", kernels).optArgument("dtype", dtype);
            if (quantization != null) {
                criteria.optArgument("quantization", quantization);
            }
            return criteria.build().loadModel();
        }
    }

    /**
     * Finds the files of the model without reading its weights, and downloads them if need be. If
     * the model's name says how it is to be loaded, these options do so then, unless the user has
     * set them.
     *
     * @param terminal shows how far a download is
     * @return the directory with {@code config.json}, or the GGUF file
     */
    Path path(Terminal terminal) throws IOException {
        ModelSource source = ModelSource.of(model);
        String named = source.arguments().get("quantization");
        if (quantization == null) {
            quantization = named;
        }
        if (dtype.equals(KernelChoice.AUTO)) {
            dtype = source.arguments().getOrDefault("dtype", dtype);
        } else {
            Dtype.of(dtype);
        }
        if (quantization != null) {
            Quantization.parse(quantization);
        }
        return source.path(terminal);
    }

    /** The last part of what the user calls the model. */
    String name() {
        String plain = model.replaceFirst("\\?.*", "").replaceFirst("[/\\\\]+$", "");
        return plain.substring(Math.max(plain.lastIndexOf('/'), plain.lastIndexOf('\\')) + 1);
    }

    /** PyTorch is told when DJL loads it, so this comes before anything else. */
    void setThreads(Terminal terminal) {
        if (threads != null) {
            if (threads < 1) {
                throw terminal.usage("--threads is " + threads + ", must be at least 1");
            }
            System.setProperty("ai.djl.pytorch.num_threads", threads.toString());
        }
    }

    /** Returns the device asked for, null to leave the choice to DJL. */
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
        // asked of PyTorch itself: DJL counts no GPUs where it does not find CUDA's own library
        try (NDManager manager = NDManager.newBaseManager(gpu, "PyTorch")) {
            manager.zeros(new Shape(1)).close();
            return gpu;
        } catch (EngineException e) {
            throw new IllegalArgumentException(
                    "there is no "
                            + device
                            + " here that PyTorch can use; leave --device out, or see DJL's"
                            + " documentation for its CUDA libraries",
                    e);
        }
    }

    /** Returns how results name the kernels. */
    static Map<String, Object> describe(Kernels kernels, String reason) {
        Map<String, Object> map = new LinkedHashMap<>();
        map.put("name", kernels.name());
        map.put("dtype", kernels.dtype().toString());
        map.put("reason", reason);
        return map;
    }
}
