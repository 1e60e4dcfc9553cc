/** Shared by the packages and modules of this project; not part of its API. */
@NullMarked
package io.github.djlmistral.engine.internal;

import org.jspecify.annotations.NullMarked;
