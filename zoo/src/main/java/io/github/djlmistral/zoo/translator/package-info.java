/** Between the types of an application and token ids: DJL translators over the generator. */
@NullMarked
package io.github.djlmistral.zoo.translator;

import org.jspecify.annotations.NullMarked;
