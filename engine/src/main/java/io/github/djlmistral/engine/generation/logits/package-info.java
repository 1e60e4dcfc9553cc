/** The logits processors of generation options, and the detector of watermarks. */
@NullMarked
package io.github.djlmistral.engine.generation.logits;

import org.jspecify.annotations.NullMarked;
