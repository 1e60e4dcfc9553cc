/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.model;

import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.internal.CloseGate;
import io.github.djlmistral.engine.internal.OwnedManager;
import io.github.djlmistral.engine.kernels.DjlEngine;
import io.github.djlmistral.engine.quantization.Weights;
import io.github.djlmistral.engine.weights.SourceFiles;
import java.io.UncheckedIOException;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/** A block that owns the weights it was loaded with, and what may use them and when. */
abstract class LoadedBlock extends MistralBlock implements AutoCloseable {

    final CloseGate gate;

    /** The network whose weights this one shares, null if it shares none. */
    private final @Nullable LoadedBlock base;

    private final AtomicLong trainingPasses = new AtomicLong();
    private final Attachments attachments = new Attachments();
    private String source = getClass().getSimpleName();
    private @Nullable OwnedManager weights;
    private SourceFiles files = SourceFiles.NONE;
    private @Nullable Weights bound;

    /** Creates a block without weights. */
    LoadedBlock() {
        base = null;
        gate = new CloseGate(this::closedMessage, this::free);
    }

    /** Creates a block that shares the weights of another one, and has arrays of its own. */
    LoadedBlock(LoadedBlock base, OwnedManager own) {
        this.base = base;
        gate = new CloseGate(base.gate, this::closedMessage, this::free);
        source = base.source;
        files = base.files;
        bound = base.bound;
        weights = own;
    }

    /**
     * Takes note of the weights, once they are bound to the parameters.
     *
     * @param given the weights
     * @param mapped the files that they are read from
     * @param from the name of their checkpoint for messages
     * @param owned the manager of the arrays
     */
    void bound(Weights given, SourceFiles mapped, String from, OwnedManager owned) {
        source = from;
        files = mapped;
        bound = given;
        weights = owned;
    }

    /** Returns the weights that the parameters were bound to, null if there are none. */
    final @Nullable Weights bound() {
        return bound;
    }

    private String closedMessage() {
        return "the model " + source + " is closed: load it again";
    }

    /**
     * Frees the weights of a loaded network, after waiting for running forward passes; later ones
     * throw {@link IllegalStateException}. Called during a forward pass on the same thread, for
     * example by a callback, it returns immediately, and the end of the pass frees the weights.
     * Weights that the caller owns are not freed.
     *
     * <p>The backward pass reads the weights as well. Therefore a forward pass with {@code
     * training} postpones freeing them until the manager of its input is closed. Do not close that
     * manager or a parent of it during the backward pass.
     */
    @Override
    public void close() {
        gate.close();
    }

    /**
     * Returns whether the network is closed together with a manager.
     *
     * @param manager the manager
     * @return whether the network was loaded with it
     */
    public boolean isClosedWith(NDManager manager) {
        return weights != null && weights.isClosedWith(manager);
    }

    /**
     * Returns an object that all users of this network share, such as its kept prefixes. It is
     * created on the first call, and closed with the network if it is {@link AutoCloseable}.
     *
     * @param <T> the type of the object
     * @param <E> what is thrown if it cannot be created
     * @param type the type of the object
     * @param key tells apart objects of this type
     * @param factory creates the object; must not ask for another one
     * @return the object
     * @throws E if it cannot be created, which a later call tries again
     * @throws IllegalStateException if the network is closed
     */
    public <T, E extends Exception> T attachment(
            Class<T> type, Object key, AttachmentFactory<? extends T, E> factory) throws E {
        gate.enter();
        try {
            return attachments.get(type, key, factory);
        } finally {
            gate.exit();
        }
    }

    /** Returns the manager of the weights, null if the network was not loaded. */
    @Nullable NDManager weightManager() {
        return weights == null ? null : weights.manager();
    }

    /** Drops the weights. Called once, when no pass is under way. */
    void free() {
        attachments.close(source);
        files = SourceFiles.NONE;
        bound = null;
        if (weights != null) {
            weights.close();
        }
    }

    /**
     * Checks the files that weights are mapped from.
     *
     * @throws UncheckedIOException if one of them was changed
     */
    final void checkFiles() {
        files.check();
    }

    /**
     * Begins a {@link TrainingPass}.
     *
     * @throws UncheckedIOException if a file that weights are mapped from was changed
     */
    void beginTrainingPass(boolean gradients) {
        checkFiles();
        if (gradients) {
            trainingPasses.incrementAndGet();
        }
    }

    /** Returns the number of passes with gradients so far; those of the base change it, too. */
    long trainingPasses() {
        return trainingPasses.get() + (base == null ? 0 : base.trainingPasses());
    }

    /**
     * Runs a pass.
     *
     * @param target the manager of the output
     * @param input checks the arguments, given the manager of the pass
     * @param training whether gradients are required
     * @param compute computes the output
     */
    ForwardOutput pass(
            NDManager target,
            Function<NDManager, PassInput> input,
            boolean training,
            Function<PassInput, ForwardOutput> compute) {
        if (training) {
            DjlEngine.of(target).requireGradients();
            trainingPasses.incrementAndGet();
        }
        gate.enter();
        try (PassScope scope = new PassScope(target);
                PassInput checked = input.apply(scope.manager())) {
            ForwardOutput output = compute.apply(checked);
            output.attach(target);
            if (training) {
                // the backward pass, which needs the weights, runs outside of the gate
                scope.keepForBackward(gate.hold());
            }
            return output;
        } finally {
            gate.exit();
        }
    }
}
