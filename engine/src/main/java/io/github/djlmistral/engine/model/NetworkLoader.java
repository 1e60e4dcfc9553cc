/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.MalformedModelException;
import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.internal.OwnedManager;
import io.github.djlmistral.engine.kernels.ComputeOptions;
import io.github.djlmistral.engine.kernels.KernelChoice;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.SourceFiles;
import java.util.function.BiFunction;
import java.util.function.Function;

/** Creates networks with the weights of a checkpoint. */
final class NetworkLoader {

    private NetworkLoader() {}

    /** Creates a network and takes ownership of the memory of its checkpoint. */
    static <N extends MistralPreTrainedModel> N load(
            BiFunction<MistralConfig, KernelChoice, N> constructor,
            MistralCheckpoint checkpoint,
            String source,
            NDManager manager,
            ComputeOptions options)
            throws MalformedModelException {
        Weights weights = checkpoint.weights();
        return load(
                constructor,
                checkpoint.config(),
                weights,
                source,
                manager,
                own -> {
                    own.attachInternal(NDManager.nextUid(), weights);
                    return KernelChoice.of(own, options, weights);
                });
    }

    /** Creates a network with weights that stay the caller's. */
    static <N extends MistralPreTrainedModel> N load(
            BiFunction<MistralConfig, KernelChoice, N> constructor,
            MistralConfig config,
            Weights weights,
            String source,
            NDManager manager,
            Function<NDManager, KernelChoice> choose)
            throws MalformedModelException {
        OwnedManager owned = new OwnedManager(manager, "mistral-weights");
        try {
            N network = constructor.apply(config, choose.apply(owned.manager()));
            network.requireArchitecture(source);
            Weights own = network.own(weights);
            SourceFiles given = SourceFiles.of(weights.tensors());
            given.check();
            WeightBinding binding =
                    new WeightBinding(network, network.model, network.tiedHead(), owned.manager());
            network.bound(own, binding.bind(own, source), source, owned);
            given.check();
            owned.closeWithParent(network);
            return network;
        } catch (MalformedModelException | RuntimeException | Error e) {
            owned.close();
            throw e;
        }
    }
}
