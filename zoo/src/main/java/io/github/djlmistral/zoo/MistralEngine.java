/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.engine.EngineProvider;
import ai.djl.ndarray.NDManager;
import org.jspecify.annotations.Nullable;

/**
 * DJL's PyTorch engine with models that may be closed while other threads compute, see {@link
 * GatedModel}. DJL's own loader loads the models of {@code hf://} URLs, and an engine is the only
 * way for a repository to make it create another class of models.
 *
 * <p>Managers and arrays are those of the PyTorch engine.
 */
final class MistralEngine extends Engine implements EngineProvider {

    static final String NAME = "MistralPyTorch";

    /** Registers the engine under its name. DJL's default engine does not change. */
    static void register() {
        Engine.registerEngine(new MistralEngine());
    }

    private static Engine pytorch() {
        return Engine.getEngine("PyTorch");
    }

    @Override
    public Model newModel(String name, @Nullable Device device) {
        return new GatedModel(pytorch().newModel(name, device));
    }

    @Override
    public Engine getEngine() {
        return this;
    }

    @Override
    public String getEngineName() {
        return NAME;
    }

    /** Returns the lowest priority, so that this engine never becomes the default. */
    @Override
    public int getEngineRank() {
        return Integer.MAX_VALUE;
    }

    @Override
    public int getRank() {
        return getEngineRank();
    }

    @Override
    public @Nullable Engine getAlternativeEngine() {
        return pytorch().getAlternativeEngine();
    }

    @Override
    public String getVersion() {
        return pytorch().getVersion();
    }

    @Override
    public boolean hasCapability(String capability) {
        return pytorch().hasCapability(capability);
    }

    @Override
    public NDManager newBaseManager() {
        return pytorch().newBaseManager();
    }

    @Override
    public NDManager newBaseManager(Device device) {
        return pytorch().newBaseManager(device);
    }
}
