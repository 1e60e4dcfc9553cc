/** The command line {@code mistral}, and small programs that show how DJL and this zoo are used. */
@NullMarked
package io.github.djlmistral.examples;

import org.jspecify.annotations.NullMarked;
