/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo;

import ai.djl.Device;
import ai.djl.Model;
import ai.djl.engine.Engine;
import ai.djl.engine.EngineProvider;
import ai.djl.ndarray.NDManager;
import io.github.djlmistral.engine.kernels.DjlEngine;
import org.jspecify.annotations.Nullable;

/**
 * An engine of DJL with models that may be closed while other threads compute, see {@link
 * GatedModel}. DJL's own loader loads the models of {@code hf://} URLs, and an engine is the only
 * way for a repository to make it create another class of models.
 *
 * <p>Its name is that of the engine after "Mistral": {@code MistralPyTorch}, {@code MistralRust}.
 * Managers and arrays are the engine's.
 */
final class MistralEngine extends Engine implements EngineProvider {

    private final DjlEngine engine;

    private MistralEngine(DjlEngine engine) {
        this.engine = engine;
    }

    /**
     * Registers the engines on the class path under their names. DJL's default engine does not
     * change.
     */
    static void register() {
        for (DjlEngine engine : DjlEngine.values()) {
            if (engine.isPresent()) {
                Engine.registerEngine(new MistralEngine(engine));
            }
        }
    }

    /** Returns the name that an engine is registered under. */
    static String nameOf(DjlEngine engine) {
        return "Mistral" + engine.engineName();
    }

    private Engine wrapped() {
        return Engine.getEngine(engine.engineName());
    }

    @Override
    public Model newModel(String name, @Nullable Device device) {
        return new GatedModel(wrapped().newModel(name, device));
    }

    @Override
    public Engine getEngine() {
        return this;
    }

    @Override
    public String getEngineName() {
        return nameOf(engine);
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
        return wrapped().getAlternativeEngine();
    }

    @Override
    public String getVersion() {
        return wrapped().getVersion();
    }

    @Override
    public boolean hasCapability(String capability) {
        return wrapped().hasCapability(capability);
    }

    @Override
    public NDManager newBaseManager() {
        return wrapped().newBaseManager();
    }

    @Override
    public NDManager newBaseManager(Device device) {
        return wrapped().newBaseManager(device);
    }
}
