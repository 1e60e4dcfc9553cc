/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.engine.internal;

import ai.djl.nn.Parameter;
import java.util.LinkedHashMap;
import java.util.Map;

/** The parameters that a training changes. */
public final class UnfrozenParameters {

    private UnfrozenParameters() {}

    /**
     * Selects the parameters that are not frozen.
     *
     * @param all all parameters of a network by their names
     * @return those that get gradients, at least one
     * @throws IllegalStateException if there are none
     */
    public static Map<String, Parameter> of(Map<String, Parameter> all) {
        Map<String, Parameter> unfrozen = new LinkedHashMap<>(all);
        unfrozen.values().removeIf(parameter -> !parameter.requiresGradient());
        if (unfrozen.isEmpty()) {
            throw new IllegalStateException(
                    "all parameters of the network are frozen: unfreeze those to train, with"
                            + " freezeParameters(false), or unfreezeAdapter()");
        }
        return unfrozen;
    }
}
