/** The network: its configuration, and its blocks under the names of the reference. */
@NullMarked
package io.github.djlmistral.engine.model;

import org.jspecify.annotations.NullMarked;
