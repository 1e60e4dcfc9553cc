/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo;

import ai.djl.MalformedModelException;
import ai.djl.Model;
import ai.djl.ndarray.NDManager;
import ai.djl.nn.Block;
import ai.djl.nn.BlockFactory;
import io.github.djlmistral.engine.kernels.DjlEngine;
import io.github.djlmistral.engine.model.MistralCheckpoint;
import io.github.djlmistral.engine.model.MistralPreTrainedModel;
import io.github.djlmistral.engine.quantization.Quantization;
import io.github.djlmistral.zoo.translator.ModelArguments;
import io.github.djlmistral.zoo.translator.NamedAdapters;
import io.github.djlmistral.zoo.translator.NewHead;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.slf4j.Logger;
import org.slf4j.LoggerFactory;

/** Creates the network of a checkpoint directory or a GGUF file for DJL's model loaders. */
public final class MistralBlockFactory implements BlockFactory {

    private static final Logger logger = LoggerFactory.getLogger(MistralBlockFactory.class);
    private static final long serialVersionUID = 1L;

    /**
     * Loads the weights to the device of the model.
     *
     * @throws IOException if the checkpoint is incomplete or damaged
     * @throws IllegalArgumentException if an argument is unknown or out of range
     */
    @Override
    public Block newBlock(Model model, Path modelPath, Map<String, ?> arguments)
            throws IOException {
        try {
            ModelArguments.check(arguments);
            DjlEngine engine = DjlEngine.of(model.getNDManager());
            Path path = ModelArguments.checkpoint(modelPath, arguments);
            NamedAdapters.check(arguments);
            Optional<Object> quantization = ModelArguments.value(arguments, "quantization");
            if (quantization.isPresent()) {
                engine.requireQuantizedWeights();
            }
            MistralCheckpoint checkpoint = MistralCheckpoint.open(path);
            if (quantization.isPresent()) {
                Quantization method = Quantization.parse(quantization.get() + "");
                checkpoint = replace(checkpoint, plain -> plain.quantized(method));
            }
            Optional<NewHead> head = NewHead.of(arguments);
            if (head.isEmpty() && !NewHead.isIn(checkpoint)) {
                head = NamedAdapters.head(arguments);
            }
            if (head.isPresent()) {
                NDManager manager = model.getNDManager();
                NewHead added = head.get();
                checkpoint = replace(checkpoint, base -> added.addTo(base, manager));
            }
            MistralPreTrainedModel network =
                    MistralPreTrainedModel.of(
                            checkpoint,
                            path.toString(),
                            model.getNDManager(),
                            ModelArguments.computeOptions(arguments));
            logger.info("{}: {}", model.getName(), network.kernelReason());
            return NamedAdapters.apply(network, arguments, model.getNDManager());
        } catch (MalformedModelException e) {
            model.close();
            throw new IOException(e.getMessage(), e);
        } catch (IOException | RuntimeException | Error e) {
            // DJL does not close a model whose block cannot be created
            model.close();
            throw e;
        }
    }

    /** Changes a checkpoint, and frees the weights that are no longer needed. */
    private static MistralCheckpoint replace(
            MistralCheckpoint checkpoint, UnaryOperator<MistralCheckpoint> change) {
        try {
            MistralCheckpoint result = change.apply(checkpoint);
            checkpoint.weights().closeExcept(result.weights());
            return result;
        } catch (RuntimeException | Error e) {
            checkpoint.weights().close();
            throw e;
        }
    }
}
