/**
 * Integration with DJL: the model zoo with the embedded model and models of the Hub, {@code hf://}
 * URLs, and {@link io.github.djlmistral.zoo.Mistral}, the entry point for applications.
 */
@NullMarked
package io.github.djlmistral.zoo;

import org.jspecify.annotations.NullMarked;
