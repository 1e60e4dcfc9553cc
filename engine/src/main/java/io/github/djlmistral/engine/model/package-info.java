/** The network: configuration, checkpoints, and blocks named as in the reference. */
@NullMarked
package io.github.djlmistral.engine.model;

import org.jspecify.annotations.NullMarked;
