/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.translator;

import io.github.djlmistral.engine.constraint.TokenVocabulary;
import io.github.djlmistral.engine.generation.TokenDecoder;
import io.github.djlmistral.zoo.tokenizer.MistralTokenizer;

/** Decodes generated tokens without special tokens. */
record TextDecoder(MistralTokenizer tokenizer) implements TokenDecoder {

    @Override
    public String decode(long[] ids) {
        return tokenizer.decode(ids, true);
    }

    @Override
    public TokenVocabulary vocabulary() {
        return tokenizer.tokenVocabulary();
    }
}
