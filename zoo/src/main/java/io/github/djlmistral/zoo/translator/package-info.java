/** DJL translators: from application types to token ids, generation, and back. */
@NullMarked
package io.github.djlmistral.zoo.translator;

import org.jspecify.annotations.NullMarked;
