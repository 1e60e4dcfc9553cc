/** Text generation: the decode loop, sampling and stopping criteria. */
@NullMarked
package io.github.djlmistral.engine.generation;

import org.jspecify.annotations.NullMarked;
