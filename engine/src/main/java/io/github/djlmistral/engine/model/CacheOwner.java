/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDArray;
import ai.djl.nn.Parameter;
import io.github.djlmistral.engine.internal.cache.SequenceCache;
import io.github.djlmistral.engine.quantization.QuantizedWeight;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.Dtype;
import io.github.djlmistral.engine.weights.Tensor;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/** The network as what its KV caches belong to. */
final class CacheOwner implements SequenceCache.Owner {

    /** The bytes of each tensor that the fingerprint depends on. */
    private static final int SAMPLE = 4096;

    private final MistralPreTrainedModel network;

    CacheOwner(MistralPreTrainedModel network) {
        this.network = network;
    }

    @Override
    public String kernels() {
        return network.kernels().name();
    }

    @Override
    public Dtype dtype() {
        return network.kernels().cacheDtype();
    }

    @Override
    public int window() {
        return network.config().window();
    }

    @Override
    public long version() {
        return network.trainingPasses();
    }

    /**
     * Returns a SHA-256 hash of what keys and values depend on: the configuration, and the
     * beginning of each weight of the layers, since reading all of them would take as long as a
     * prompt; and the adapter.
     */
    @Override
    public String fingerprint() {
        MistralConfig config = network.config();
        Weights weights = network.bound();
        if (weights == null) {
            throw new IllegalStateException(
                    "only the caches of a loaded network can be saved and restored");
        }
        MessageDigest digest = sha256();
        List<Number> numbers =
                List.of(
                        config.numHiddenLayers(),
                        config.numAttentionHeads(),
                        config.numKeyValueHeads(),
                        config.headDim(),
                        config.ropeTheta(),
                        config.rmsNormEps(),
                        config.window());
        digest.update(numbers.toString().getBytes(StandardCharsets.UTF_8));
        weights.unquantized().forEach((name, tensor) -> add(digest, name, tensor));
        weights.quantized().forEach((name, weight) -> add(digest, name, weight));
        network.adapterParameters().forEach((name, value) -> add(digest, name, value));
        network.namedLinears()
                .forEach(
                        (name, linear) -> {
                            if (linear.lowRank() != null) {
                                String scale = name + linear.lowRank().scale();
                                digest.update(scale.getBytes(StandardCharsets.UTF_8));
                            }
                        });
        return HexFormat.of().formatHex(digest.digest());
    }

    private static void add(MessageDigest digest, String name, QuantizedWeight weight) {
        weight.tensors().forEach(tensor -> add(digest, name, tensor));
    }

    private static void add(MessageDigest digest, String name, Tensor tensor) {
        digest.update((name + tensor).getBytes(StandardCharsets.UTF_8));
        ByteBuffer data = tensor.data();
        data.limit(Math.min(SAMPLE, data.limit()));
        digest.update(data);
    }

    /** Adds the whole of an adapter: it is small, and B begins with zeros in every new one. */
    private static void add(MessageDigest digest, String name, Parameter parameter) {
        NDArray array = parameter.getArray();
        digest.update((name + array.getShape()).getBytes(StandardCharsets.UTF_8));
        digest.update(array.toByteBuffer(true));
    }

    private static MessageDigest sha256() {
        try {
            return MessageDigest.getInstance("SHA-256");
        } catch (NoSuchAlgorithmException e) {
            throw new AssertionError(e); // every Java has SHA-256
        }
    }
}
