/* SPDX-License-Identifier: Apache-2.0 */
package io.github.djlmistral.zoo.openai;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.jspecify.annotations.Nullable;

/**
 * Texts as the completions and the embeddings endpoint take them: a string, an array of strings, an
 * array of token ids, or an array of such arrays.
 */
final class PromptFields {

    /** A text, or token ids. */
    @SuppressWarnings("ArrayRecordComponent") // never compared
    record Prompt(@Nullable String text, long @Nullable [] ids) {

        /** Returns the ids, of a text those that the tokenizer gives. */
        long[] encode(Function<String, long[]> tokenizer) {
            return ids != null ? ids.clone() : tokenizer.apply(String.valueOf(text));
        }
    }

    private PromptFields() {}

    /**
     * Takes the texts.
     *
     * @param most the maximum number of texts
     */
    static List<Prompt> take(Fields fields, String name, int most) {
        Object value = fields.require(name);
        String path = fields.path(name);
        if (value instanceof String text) {
            return List.of(new Prompt(text, null));
        }
        if (!(value instanceof List<?> list) || list.isEmpty()) {
            throw wrong(path);
        }
        if (list.get(0) instanceof Long) {
            return List.of(ids(path, list));
        }
        if (list.size() > most) {
            throw ApiException.invalid(
                    path,
                    path + " has " + list.size() + " texts, at most " + most + " are allowed");
        }
        List<Prompt> prompts = new ArrayList<>();
        for (Object item : list) {
            if (item instanceof String text) {
                prompts.add(new Prompt(text, null));
            } else if (item instanceof List<?> ids) {
                prompts.add(ids(path, ids));
            } else {
                throw wrong(path);
            }
        }
        return prompts;
    }

    private static Prompt ids(String path, List<?> list) {
        long[] ids = new long[list.size()];
        for (int i = 0; i < ids.length; ++i) {
            if (!(list.get(i) instanceof Long id)) {
                throw wrong(path);
            }
            ids[i] = id;
        }
        return new Prompt(null, ids);
    }

    private static ApiException wrong(String path) {
        return Fields.wrongType(
                path,
                "a string, an array of strings, an array of token ids, or an array of such arrays,"
                        + " and not empty");
    }
}
