/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo;

import ai.djl.repository.zoo.ModelZoo;
import ai.djl.repository.zoo.ZooProvider;

/** Registers {@link MistralModelZoo} with DJL's service loader. */
public final class MistralZooProvider implements ZooProvider {

    @Override
    public ModelZoo getModelZoo() {
        return new MistralModelZoo();
    }
}
