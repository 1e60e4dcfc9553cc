/**
 * What DJL sees of Mistral: the model zoo with the embedded model and those of the Hub, {@code
 * hf://} URLs, and {@link io.github.djlmistral.zoo.Mistral}, where applications begin.
 */
@NullMarked
package io.github.djlmistral.zoo;

import org.jspecify.annotations.NullMarked;
